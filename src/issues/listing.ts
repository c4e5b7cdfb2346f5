/**
 * Lists of open issues and of claims, for ticks: conditional requests, so that a quiet tick costs no rate budget. All
 * pages or an error: half a list would look like fewer issues.
 */
import { type Claim, parseClaim } from "../model/claim.ts";
import { isProposal } from "../model/issue.ts";
import { blockersIn, type Candidate } from "../model/selection.ts";
import { githubFailure, hasStatus, isForbidden } from "./github-errors.ts";
import type { Client } from "./octokit.ts";

/** What an answer was, by request; keys hold no token. The caller keeps it between ticks, apart for each credential. */
export interface ListCache {
  get(key: string): { readonly etag: string; readonly value: unknown } | undefined;
  set(key: string, entry: { readonly etag: string; readonly value: unknown }): void;
}

export interface ListedClaim {
  readonly issue: number;
  readonly claim: Claim | null;
  /** Stamped by GitHub, epoch ms. */
  readonly committedAt: number;
}

/** More is not a backlog any more, or a loop. */
const mostIssues = 10_000;

export class Listing {
  /** How many requests were made, and how many GitHub answered with "not modified". */
  readonly requests = { total: 0, notModified: 0 };
  /** GitHub's clock at the last answer, epoch ms. */
  serverNow = Number.NaN;
  private readonly permissions = new Map<string, Promise<boolean>>();

  constructor(
    private readonly client: Client,
    private readonly cache: ListCache,
  ) {}

  /** @throws FleetError for any page that fails */
  async openIssues(repo: string): Promise<Candidate[]> {
    const found: Candidate[] = [];
    for (let page = 1; found.length <= mostIssues; page++) {
      const url = `/repos/${repo}/issues?state=open&sort=created&direction=asc&per_page=100&page=${page}`;
      const rows = await this.conditional(`open issues of ${repo}`, url, (data) => toCandidates(repo, data));
      found.push(...rows);
      if (rows.length < 100 && found.length <= mostIssues) return found;
    }
    throw githubFailure(
      Object.assign(new Error(`more than ${mostIssues} open issues`), { status: 500, response: {} }),
      `open issues of ${repo}`,
    );
  }

  async claims(repo: string, namespace: string): Promise<ListedClaim[]> {
    const url = `/repos/${repo}/git/matching-refs/${namespace.replace(/^refs\//, "")}/`;
    const refs = await this.conditional(`claims of ${repo}`, url, toRefs).catch((error: unknown) => {
      if (hasStatus(error, 409)) return []; // An empty repository has none.
      throw error;
    });
    return await Promise.all(refs.map(({ issue, sha }) => this.claimAt(repo, issue, sha)));
  }

  /** Whether that person may write to the repository now, asked once in a tick. Unknown means no. */
  async mayWrite(repo: string, login: string): Promise<boolean> {
    const url = `/repos/${repo}/collaborators/${encodeURIComponent(login)}/permission`;
    const asked = this.permissions.get(url) ?? this.conditional(`permission of ${login} on ${repo}`, url, mayWriteIn);
    this.permissions.set(url, asked);
    return await asked.catch((error: unknown) => {
      const { cause } = error as Error;
      if (isForbidden(cause) || hasStatus(cause, 404)) return false;
      throw error;
    });
  }

  /** A commit never changes: it is read once. */
  private async claimAt(repo: string, issue: number, sha: string): Promise<ListedClaim> {
    const key = `/repos/${repo}/git/commits/${sha}`;
    const known = this.cache.get(key);
    if (known) return known.value as ListedClaim;
    const [owner = "", name = ""] = repo.split("/");
    this.requests.total++;
    const { data } = await this.client.rest.git
      .getCommit({ owner, repo: name, commit_sha: sha })
      .catch((error: unknown) => {
        throw githubFailure(error, `claim of ${repo}#${issue}`);
      });
    const value = { issue, claim: parseClaim(data.message), committedAt: Date.parse(data.committer.date) };
    this.cache.set(key, { etag: "", value });
    return value;
  }

  private async conditional<T>(what: string, url: string, read: (data: unknown) => T): Promise<T> {
    const known = this.cache.get(url);
    this.requests.total++;
    try {
      const response = await this.client.request(
        `GET ${url}`,
        known ? { headers: { "if-none-match": known.etag } } : {},
      );
      this.serverNow = Date.parse(response.headers.date ?? "");
      const value = read(response.data);
      if (response.headers.etag) this.cache.set(url, { etag: response.headers.etag, value });
      return value;
    } catch (error) {
      if (!known || !hasStatus(error, 304)) throw githubFailure(error, what);
      this.requests.notModified++;
      const headers = (error as { response?: { headers?: { date?: string } } }).response?.headers;
      this.serverNow = Date.parse(headers?.date ?? "");
      return known.value as T;
    }
  }
}

interface Row {
  number: number;
  created_at: string;
  user: { login: string } | null;
  labels: (string | { name?: string })[];
  body?: string | null;
  pull_request?: unknown;
  issue_dependencies_summary?: { blocked_by?: number };
}

function toCandidates(repo: string, data: unknown): Candidate[] {
  return (data as Row[]).map((row) => ({
    repo,
    number: row.number,
    createdAt: row.created_at,
    author: row.user?.login ?? "ghost",
    proposed: isProposal(row.body ?? ""),
    labels: row.labels.flatMap((label) => (typeof label === "string" ? label : (label.name ?? []))),
    isPullRequest: row.pull_request !== undefined,
    blockedBy: blockersIn(row.body ?? ""),
    openBlockers: row.issue_dependencies_summary?.blocked_by ?? 0,
  }));
}

function mayWriteIn(data: unknown): boolean {
  const { permission } = data as { permission: string };
  return permission === "admin" || permission === "write";
}

function toRefs(data: unknown): { issue: number; sha: string }[] {
  return (data as { ref: string; object: { sha: string } }[]).flatMap(({ ref, object }) => {
    const issue = /\/issue-(\d+)$/.exec(ref)?.[1];
    return issue === undefined ? [] : [{ issue: Number(issue), sha: object.sha }];
  });
}
