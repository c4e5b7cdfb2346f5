import { sleep } from "../system/clock.ts";
import { Approvals } from "./approvals.ts";
import { ask, split } from "./ask.ts";
import { Claims } from "./claims.ts";
import { githubFailure, hasStatus, isUnclear } from "./github-errors.ts";
import { type ListCache, Listing } from "./listing.ts";
import { type Client, connect, type GitHubSettings } from "./octokit.ts";

export interface Repository {
  readonly nodeId: string;
  readonly fullName: string;
  readonly defaultBranch: string;
  readonly private: boolean;
  readonly archived: boolean;
  readonly mayPush: boolean;
}

export interface Issue {
  readonly nodeId: string;
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly author: string;
  readonly url: string;
  readonly open: boolean;
  readonly isPullRequest: boolean;
  readonly labels: readonly string[];
  readonly comments: number;
}

export interface Comment {
  readonly id: number;
  readonly author: string;
  readonly createdAt: string;
  readonly body: string;
  readonly url: string;
}

export interface Pull {
  readonly number: number;
  readonly url: string;
  readonly open: boolean;
  readonly merged: boolean;
  readonly body: string;
  readonly headSha: string;
  readonly headRef: string;
}

export class GitHub {
  readonly claims: Claims;
  readonly approvals: Approvals;
  private readonly client: Client;
  private readonly backoffMs: number;

  constructor(settings: GitHubSettings) {
    this.client = connect(settings);
    this.backoffMs = settings.patience.backoffMs;
    this.claims = new Claims(this.client, settings.patience);
    this.approvals = new Approvals(this.client);
  }

  /** Whose credential this is, and how many requests it has left. @throws FleetError `auth`, `github` */
  async whoAmI(): Promise<{ login: string; remaining: number }> {
    const { data, headers } = await ask("the credential's own user", this.client.rest.users.getAuthenticated());
    return { login: data.login, remaining: Number(headers["x-ratelimit-remaining"] ?? Number.NaN) };
  }

  /** @throws FleetError `notFound`, `auth`, `github` */
  async repository(repo: string): Promise<Repository> {
    const { data } = await ask(`repository ${repo}`, this.client.rest.repos.get(split(repo)));
    return {
      nodeId: data.node_id,
      fullName: data.full_name,
      defaultBranch: data.default_branch,
      private: data.private,
      archived: data.archived,
      mayPush: data.permissions?.push ?? false,
    };
  }

  /** A pull request's number answers too, with `isPullRequest`. @throws FleetError `notFound`, `auth`, `github` */
  async issue(repo: string, number: number): Promise<Issue> {
    const { data } = await ask(
      `issue ${repo}#${number}`,
      this.client.rest.issues.get({ ...split(repo), issue_number: number }),
    );
    return {
      nodeId: data.node_id,
      number: data.number,
      title: data.title,
      body: data.body ?? "",
      author: data.user?.login ?? "ghost",
      url: data.html_url,
      open: data.state === "open",
      isPullRequest: data.pull_request !== undefined,
      labels: namesOf(data.labels),
      comments: data.comments,
    };
  }

  /** All comments, oldest first, at most `limit`. */
  async comments(repo: string, number: number, limit: number): Promise<Comment[]> {
    const found: Comment[] = [];
    for (let page = 1; found.length < limit; page++) {
      const request = this.client.rest.issues.listComments({
        ...split(repo),
        issue_number: number,
        per_page: 100,
        page,
      });
      const { data } = await ask(`comments of ${repo}#${number}`, request);
      for (const one of data) {
        found.push({
          id: one.id,
          author: one.user?.login ?? "ghost",
          createdAt: one.created_at,
          body: one.body ?? "",
          url: one.html_url,
        });
      }
      if (data.length < 100) break;
    }
    return found.slice(0, limit);
  }

  /** Whether that person may write to the repository now. Unknown means no. */
  async mayWrite(repo: string, login: string): Promise<boolean> {
    const request = this.client.rest.repos.getCollaboratorPermissionLevel({ ...split(repo), username: login });
    try {
      const { data } = await request;
      return data.permission === "admin" || data.permission === "write";
    } catch (error) {
      if (hasStatus(error, 403, 404)) return false;
      throw githubFailure(error, `permission of ${login} on ${repo}`);
    }
  }

  /** Lists for ticks. @param cache what they were before */
  listing(cache: ListCache): Listing {
    return new Listing(this.client, cache);
  }

  /** Adds a label, which makes it where the repository has none of that name. @returns the labels after it */
  async addLabel(repo: string, number: number, label: string): Promise<string[]> {
    const request = this.client.rest.issues.addLabels({ ...split(repo), issue_number: number, labels: [label] });
    const { data } = await ask(`label ${label} on ${repo}#${number}`, request);
    return namesOf(data);
  }

  /** A label that is not there any more is no failure. */
  async removeLabel(repo: string, number: number, label: string): Promise<void> {
    try {
      await this.client.rest.issues.removeLabel({ ...split(repo), issue_number: number, name: label });
    } catch (error) {
      // 301: the issue was moved to another repository, and what it carries there is not ours.
      if (!hasStatus(error, 301, 404, 410)) throw githubFailure(error, `label ${label} on ${repo}#${number}`);
    }
  }

  /**
   * One comment for each marker, however often this is said: found by the marker (an HTML comment at its top), else made.
   * A reply that was lost is looked up, not repeated.
   */
  async upsertComment(repo: string, number: number, marker: string, text: string): Promise<string> {
    const body = `<!-- ${marker} -->\n${text}`;
    const what = `comment on ${repo}#${number}`;
    const find = async () =>
      (await this.comments(repo, number, 1000)).find((one) => one.body.startsWith(`<!-- ${marker} -->`));
    const existing = await find();
    if (existing !== undefined) {
      const request = this.client.rest.issues.updateComment({ ...split(repo), comment_id: existing.id, body });
      return existing.body === body ? existing.url : (await ask(what, request)).data.html_url;
    }
    try {
      const made = await this.client.rest.issues.createComment({ ...split(repo), issue_number: number, body });
      return made.data.html_url;
    } catch (error) {
      const after = isUnclear(error) ? await find() : undefined;
      if (after !== undefined) return after.url;
      throw githubFailure(error, what);
    }
  }

  /** Titles of all open issues. */
  async openTitles(repo: string): Promise<string[]> {
    const titles: string[] = [];
    for (let page = 1; ; page++) {
      const request = this.client.rest.issues.listForRepo({ ...split(repo), state: "open", per_page: 100, page });
      const { data } = await ask(`open issues of ${repo}`, request);
      titles.push(...data.map((one) => one.title));
      if (data.length < 100) return titles;
    }
  }

  /** One issue for each marker: a reply that was lost is looked up among the newest, not repeated. */
  async openIssue(repo: string, marker: string, title: string, text: string): Promise<{ number: number; url: string }> {
    const body = `<!-- ${marker} -->\n${text}`;
    try {
      const { data } = await this.client.rest.issues.create({ ...split(repo), title, body });
      return { number: data.number, url: data.html_url };
    } catch (error) {
      const newest = { ...split(repo), state: "all" as const, sort: "created" as const, direction: "desc" as const };
      const { data } = await ask(
        `newest issues of ${repo}`,
        this.client.rest.issues.listForRepo({ ...newest, per_page: 50 }),
      );
      const found = data.find((one) => one.body?.startsWith(`<!-- ${marker} -->`));
      if (found !== undefined) return { number: found.number, url: found.html_url };
      throw githubFailure(error, `a new issue of ${repo}`);
    }
  }

  async pullsOf(repo: string, branch: string): Promise<Pull[]> {
    const place = split(repo);
    const request = this.client.rest.pulls.list({
      ...place,
      head: `${place.owner}:${branch}`,
      state: "all",
      per_page: 100,
    });
    const { data } = await ask(`pull requests of ${repo}:${branch}`, request);
    return data.map((one) => toPull({ ...one, merged: one.merged_at !== null }));
  }

  async pull(repo: string, number: number): Promise<Pull> {
    const { data } = await ask(
      `pull request ${repo}#${number}`,
      this.client.rest.pulls.get({ ...split(repo), pull_number: number }),
    );
    return toPull(data);
  }

  /**
   * The open pull request of a branch: found, else opened. A reply that was lost is looked up before anything is sent again;
   * a 422 may only mean that GitHub has not seen the branch yet.
   * @returns `adopted`: it was there already
   */
  async openPull(
    repo: string,
    pull: { title: string; body: string; branch: string; base: string },
  ): Promise<{ pull: Pull; adopted: boolean }> {
    const { title, body, branch, base } = pull;
    const find = async () => (await this.pullsOf(repo, branch)).find((one) => one.open);
    const existing = await find();
    if (existing !== undefined) return { pull: existing, adopted: true };
    for (let tries = 1; ; tries++) {
      try {
        const made = await this.client.rest.pulls.create({ ...split(repo), title, body, head: branch, base });
        return { pull: toPull(made.data), adopted: false };
      } catch (error) {
        if (isUnclear(error)) {
          await sleep(tries * this.backoffMs);
          const found = await find();
          if (found !== undefined) return { pull: found, adopted: false };
          if (tries < 3) continue;
        }
        throw githubFailure(error, `pull request of ${repo}:${branch}`);
      }
    }
  }

  async setPullBody(repo: string, number: number, body: string): Promise<void> {
    await ask(
      `pull request ${repo}#${number}`,
      this.client.rest.pulls.update({ ...split(repo), pull_number: number, body }),
    );
  }
}

function namesOf(labels: readonly (string | { name?: string | null })[]): string[] {
  return labels.flatMap((label) => (typeof label === "string" ? [label] : label.name ? [label.name] : []));
}

function toPull(data: {
  number: number;
  html_url: string;
  state: string;
  body?: string | null;
  merged?: boolean;
  head: { sha: string; ref: string };
}): Pull {
  return {
    number: data.number,
    url: data.html_url,
    open: data.state === "open",
    merged: data.merged ?? false,
    body: data.body ?? "",
    headSha: data.head.sha,
    headRef: data.head.ref,
  };
}
