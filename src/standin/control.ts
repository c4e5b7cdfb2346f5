/** Seeds a repository, acts in it as a person would, and reads it back for assertions; no request is made. */
import { mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  addComment,
  addLabel,
  closeIssue,
  commentsOf,
  createLabel,
  editIssue,
  findLabel,
  openIssue,
  removeLabel,
  reopenIssue,
  transferIssue,
} from "./actions.ts";
import { type Git, zeroSha } from "./git.ts";
import { syncPulls } from "./pull-state.ts";
import { fullName, type Issue, type Level, type Repo, type World } from "./world.ts";

export interface UserSeed {
  login: string;
  /** Any number of tokens; none: an account that can't sign in. */
  token?: string | string[];
}

export interface RepoSeed {
  /** "owner/name". */
  name: string;
  private?: boolean;
  archived?: boolean;
  /** Default true. */
  hasIssues?: boolean;
  /** Default "main". */
  defaultBranch?: string;
  /** The first commit: path to content. A content that begins with "#!" is executable. Absent: an empty repository. */
  files?: Record<string, string>;
  /** Login to level. The owner is admin. */
  permissions?: Record<string, Level>;
}

export interface PushSeed {
  /** Default: the default branch. */
  branch?: string;
  files?: Record<string, string>;
  message?: string;
  /** Default: the owner. */
  by?: string;
}

export interface PullView {
  number: number;
  title: string;
  body: string | null;
  state: "open" | "closed";
  merged: boolean;
  head: string;
  headSha: string;
  base: string;
  author: string;
}

export class RepoControl {
  constructor(
    private readonly world: World,
    private readonly git: Git,
    private readonly repo: Repo,
  ) {}

  get name(): string {
    return fullName(this.repo);
  }

  /** The bare repository on disk. */
  get dir(): string {
    return this.repo.dir;
  }

  set(change: { private?: boolean; archived?: boolean; hasIssues?: boolean }): void {
    Object.assign(this.repo, change);
  }

  /** Its old name leads here, until somebody takes it. @param to another owner, to whom it is transferred */
  rename(name: string, to?: string): void {
    this.world.formerNames.set(fullName(this.repo).toLowerCase(), this.repo.id);
    const owner = this.#user(to);
    const dir = join(dirname(dirname(this.repo.dir)), owner.login, `${name}.git`);
    mkdirSync(dirname(dir), { recursive: true });
    renameSync(this.repo.dir, dir);
    Object.assign(this.repo, { owner, name, dir });
    this.repo.permissions.set(owner.login.toLowerCase(), "admin");
  }

  allow(login: string, level: Level): void {
    this.repo.permissions.set(this.#user(login).login.toLowerCase(), level);
  }

  /** @returns its number. Default author: the owner. */
  openIssue(seed: { title: string; body?: string; by?: string; labels?: string[] }): number {
    const author = this.#user(seed.by);
    const issue = openIssue(this.world, this.repo, author, seed);
    for (const name of seed.labels ?? []) addLabel(this.world, this.repo, issue, author, name);
    return issue.number;
  }

  /** Makes the label in the repository, without putting it anywhere. */
  createLabel(name: string, color?: string): void {
    if (!findLabel(this.repo, name)) createLabel(this.world, this.repo, name, color);
  }

  label(number: number, name: string, by?: string): void {
    addLabel(this.world, this.repo, this.#issue(number), this.#user(by), name);
  }

  unlabel(number: number, name: string, by?: string): void {
    const label = findLabel(this.repo, name);
    if (label) removeLabel(this.world, this.#issue(number), this.#user(by), label);
  }

  /** @returns the comment's id. */
  comment(number: number, body: string, by?: string): number {
    return addComment(this.world, this.repo, this.#issue(number), this.#user(by), body).id;
  }

  edit(number: number, change: { title?: string; body?: string }, by?: string): void {
    editIssue(this.world, this.#issue(number), this.#user(by), change);
  }

  close(number: number, by?: string): void {
    closeIssue(this.world, this.#issue(number), this.#user(by));
  }

  reopen(number: number, by?: string): void {
    reopenIssue(this.world, this.#issue(number), this.#user(by));
  }

  lock(number: number): void {
    this.#issue(number).locked = true;
  }

  delete(number: number): void {
    this.#issue(number).gone = "deleted";
  }

  /** @returns its number in the other repository. */
  transfer(number: number, to: RepoControl, by?: string): number {
    return transferIssue(this.world, this.repo, this.#issue(number), to.repo, this.#user(by)).number;
  }

  /** One commit on a branch, which is made (from the default branch) if it is missing. @returns the new commit. */
  async push(seed: PushSeed): Promise<string> {
    const branch = `refs/heads/${seed.branch ?? this.repo.defaultBranch}`;
    const by = this.#user(seed.by);
    const refs = await this.refs();
    const from = refs[branch] ?? refs[`refs/heads/${this.repo.defaultBranch}`];
    const now = Math.floor(this.world.now().getTime() / 1000);
    const message = seed.message ?? "Change files";
    const lines = [
      `commit ${branch}`,
      `committer ${by.login} <${by.login}@users.noreply.github.com> ${now} +0000`,
      `data ${Buffer.byteLength(message)}\n${message}`,
      ...(from === undefined ? [] : [`from ${from}`]),
      ...Object.entries(seed.files ?? {}).map(([path, content]) => {
        const mode = content.startsWith("#!") ? "100755" : "100644";
        return `M ${mode} inline ${JSON.stringify(path)}\ndata ${Buffer.byteLength(content)}\n${content}`;
      }),
      "done\n",
    ];
    await this.git.must(this.repo.dir, ["fast-import", "--quiet", "--done"], { stdin: lines.join("\n") });
    this.repo.pushedAt = this.world.now();
    await syncPulls(this.world, this.git, this.repo, by);
    return (await this.refs())[branch] ?? zeroSha;
  }

  /** @throws Error when there is no such branch */
  deleteBranch(name: string): void {
    this.#branch("-D", name);
  }

  /** @throws Error when the name is taken */
  renameDefaultBranch(name: string): void {
    this.#branch("-m", this.repo.defaultBranch, name);
    for (const { pull } of this.repo.issues.values())
      if (pull?.baseRef === this.repo.defaultBranch) pull.baseRef = name;
    this.repo.defaultBranch = name;
  }

  #branch(...args: string[]): void {
    const { binary, env } = this.git;
    const { exitCode, stderr } = Bun.spawnSync([binary, "--git-dir", this.repo.dir, "branch", ...args], { env });
    if (exitCode !== 0) throw new Error(stderr.toString());
  }

  labels(number: number): string[] {
    return this.#issue(number).labels.map((label) => label.name);
  }

  comments(number: number): { id: number; author: string; body: string }[] {
    const list = commentsOf(this.repo, this.#issue(number));
    return list.map((comment) => ({ id: comment.id, author: comment.author.login, body: comment.body }));
  }

  issue(number: number): { title: string; body: string | null; state: "open" | "closed"; labels: string[] } {
    const { title, body, state } = this.#issue(number);
    return { title, body, state, labels: this.labels(number) };
  }

  /** All pull requests, oldest first. */
  pulls(): PullView[] {
    const views: PullView[] = [];
    for (const { number, title, body, state, author, pull } of this.repo.issues.values()) {
      if (!pull) continue;
      const { headRef: head, headSha, baseRef: base } = pull;
      views.push({ number, title, body, state, merged: !!pull.mergedAt, head, headSha, base, author: author.login });
    }
    return views;
  }

  /** Full ref names that begin with the prefix, and their commits. */
  async refs(prefix = "refs/"): Promise<Record<string, string>> {
    const out = await this.git.must(this.repo.dir, ["for-each-ref", "--format=%(refname) %(objectname)"]);
    const pairs = out.split("\n").map((line) => line.split(" ") as [string, string]);
    return Object.fromEntries(pairs.filter(([ref]) => ref.startsWith(prefix) && ref !== ""));
  }

  /** The messages of a ref's chain of first parents, newest first. */
  async messages(ref: string): Promise<string[]> {
    const out = await this.git.must(this.repo.dir, ["log", "--first-parent", "-z", "--format=%B", ref, "--"]);
    return out
      .split("\0")
      .slice(0, -1)
      .map((text) => text.trimEnd());
  }

  /** The content of a file at a ref, or undefined. */
  async file(ref: string, path: string): Promise<string | undefined> {
    const { code, out } = await this.git.run(this.repo.dir, ["cat-file", "blob", `${ref}:${path}`]);
    return code === 0 ? out : undefined;
  }

  #issue(number: number): Issue {
    const issue = this.repo.issues.get(number);
    if (!issue) throw new Error(`the local GitHub has no ${this.name}#${number}`);
    return issue;
  }

  #user(login = this.repo.owner.login) {
    return this.world.user(login);
  }
}

export async function seedRepo(world: World, git: Git, seed: RepoSeed): Promise<RepoControl> {
  const [owner, name] = seed.name.split("/");
  if (!owner || !name) throw new Error(`${seed.name} is not owner/name`);
  if (world.findRepo(owner, name)) throw new Error(`the local GitHub has ${seed.name} already`);
  const branch = seed.defaultBranch ?? "main";
  const now = world.now();
  const account = world.users.get(owner.toLowerCase()) ?? world.user(owner, "Organization");
  const repo: Repo = {
    id: world.nextId(),
    owner: account,
    name,
    description: null,
    private: seed.private ?? false,
    archived: seed.archived ?? false,
    hasIssues: seed.hasIssues ?? true,
    defaultBranch: branch,
    dir: git.init(`${account.login}/${name}.git`, branch),
    permissions: new Map([[account.login.toLowerCase(), "admin"]]),
    labels: new Map(),
    issues: new Map(),
    comments: new Map(),
    lastNumber: 0,
    createdAt: now,
    updatedAt: now,
    pushedAt: now,
  };
  world.repos.set(repo.id, repo);
  const control = new RepoControl(world, git, repo);
  for (const [login, level] of Object.entries(seed.permissions ?? {})) control.allow(login, level);
  if (seed.files) await control.push({ files: seed.files, message: "Initial commit" });
  return control;
}
