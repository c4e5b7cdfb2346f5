/** What the local GitHub knows besides git: users, repositories, issues, their events, and its one clock. */
import { appOfJwt, type GitHubApp, type Grant } from "./app-jwt.ts";

export type Level = "none" | "read" | "triage" | "write" | "maintain" | "admin";

export interface User {
  id: number;
  login: string;
  type: "User" | "Organization" | "Bot";
  /** Of an App's own token, that proves it. */
  app?: GitHubApp;
  /** Of a token of an installation: what it may. */
  grant?: Grant;
}

export interface Label {
  id: number;
  name: string;
  color: string;
  description: string | null;
}

export interface Comment {
  id: number;
  issue: number;
  author: User;
  body: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface IssueEvent {
  id: number;
  event: "labeled" | "unlabeled" | "closed" | "reopened" | "renamed" | "merged" | "head_ref_deleted" | "transferred";
  actor: User;
  createdAt: Date;
  label?: Label;
  commit?: string;
  rename?: { from: string; to: string };
}

export interface Pull {
  headRepo: number;
  headRef: string;
  headSha: string;
  baseRef: string;
  baseSha: string;
  draft: boolean;
  mergedAt: Date | undefined;
  mergedBy: User | undefined;
  mergeSha: string | undefined;
}

export interface Issue {
  id: number;
  number: number;
  title: string;
  body: string | null;
  state: "open" | "closed";
  stateReason: "completed" | "not_planned" | "duplicate" | "reopened" | null;
  author: User;
  labels: Label[];
  assignees: User[];
  locked: boolean;
  createdAt: Date;
  updatedAt: Date;
  closedAt: Date | undefined;
  closedBy: User | undefined;
  lastEditedAt: Date | undefined;
  editor: User | undefined;
  events: IssueEvent[];
  pull: Pull | undefined;
  /** Deleted, or moved to another repository under a new number. */
  gone: "deleted" | { repo: number; number: number } | undefined;
}

/** An issue that is a pull request. */
export type PullIssue = Issue & { pull: Pull };

export interface Repo {
  id: number;
  owner: User;
  name: string;
  description: string | null;
  private: boolean;
  archived: boolean;
  hasIssues: boolean;
  defaultBranch: string;
  /** The bare repository: the one truth about refs and commits. */
  dir: string;
  permissions: Map<string, Level>;
  labels: Map<string, Label>;
  issues: Map<number, Issue>;
  comments: Map<number, Comment>;
  lastNumber: number;
  createdAt: Date;
  updatedAt: Date;
  pushedAt: Date;
}

export class World {
  readonly users = new Map<string, User>();
  /** Token to login. */
  readonly tokens = new Map<string, string>();
  /** Ids of repositories by names that they had, in lower case. */
  readonly formerNames = new Map<string, number>();
  readonly apps: GitHubApp[] = [];
  /** Token of an installation to who it is then. */
  readonly grants = new Map<string, User>();
  readonly repos: Map<number, Repo>;
  #lastId = 1000;
  #aheadMs = 0;

  constructor(repos: Map<number, Repo> = new Map()) {
    this.repos = repos;
  }

  /** The same accounts and clock over an older state of the repositories: what a replica that lags behind shows. */
  lagging(repos: Map<number, Repo>): World {
    const world = new World(repos);
    for (const [key, user] of this.users) world.users.set(key, user);
    for (const [name, id] of this.formerNames) world.formerNames.set(name, id);
    world.#aheadMs = this.#aheadMs;
    return world;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  /** GitHub's clock: every timestamp, the Date header and the dates that it stamps on commits. */
  now(): Date {
    return new Date(Date.now() + this.#aheadMs);
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
  }

  /** The account of that login, made if there is none yet. Logins are case-insensitive. */
  user(login: string, type: User["type"] = "User"): User {
    const key = login.toLowerCase();
    const known = this.users.get(key);
    if (known) return known;
    const user: User = { id: this.nextId(), login, type };
    this.users.set(key, user);
    return user;
  }

  /** The repository that had that name: for when none has it now. */
  movedRepo(owner: string, name: string): Repo | undefined {
    return this.repos.get(this.formerNames.get(`${owner}/${name}`.toLowerCase()) ?? 0);
  }

  findRepo(owner: string, name: string): Repo | undefined {
    const full = `${owner}/${name}`.toLowerCase();
    return this.repos.values().find((repo) => fullName(repo).toLowerCase() === full);
  }

  userOfToken(token: string): User | undefined {
    if (token.split(".").length === 3) return appOfJwt(this, token);
    const granted = this.grants.get(token);
    if (granted) return (granted.grant?.expiresAt ?? 0) > this.now() ? granted : undefined;
    const login = this.tokens.get(token);
    return login === undefined ? undefined : this.users.get(login.toLowerCase());
  }
}

export function fullName(repo: Repo): string {
  return `${repo.owner.login}/${repo.name}`;
}

/** What that user may do: the explicit grant, else everybody may read a public repository. */
export function levelOf(repo: Repo, user: User | undefined): Level {
  if (user?.grant) return user.grant.repos.has(repo.id) ? "write" : repo.private ? "none" : "read";
  const granted = user ? repo.permissions.get(user.login.toLowerCase()) : undefined;
  if (granted && granted !== "none") return granted;
  return repo.private ? "none" : "read";
}

const ranks: Level[] = ["none", "read", "triage", "write", "maintain", "admin"];

export function atLeast(level: Level, needed: Level): boolean {
  return ranks.indexOf(level) >= ranks.indexOf(needed);
}

/** GitHub's timestamps have a resolution of one second. */
export function stamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
