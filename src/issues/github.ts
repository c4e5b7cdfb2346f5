/** GitHub as a source of work: repositories, issues, labels, comments and pull requests, with errors in our terms. */
import { FleetError } from "../model/errors.ts";
import { parseRepo } from "../model/issue.ts";
import { sameLabel } from "../model/worker.ts";
import { Approvals } from "./approvals.ts";
import { ask, once, split } from "./ask.ts";
import { Claims } from "./claims.ts";
import { commentOf, pagesOfComments } from "./comments.ts";
import { githubFailure, hasStatus, isForbidden } from "./github-errors.ts";
import { type ListCache, Listing } from "./listing.ts";
import { type Client, connect, type GitHubSettings, type Patience } from "./octokit.ts";
import { type Comment, type Issue, namesOf, type Pull, type Repository, toIssue, toPull } from "./shapes.ts";

export class GitHub {
  readonly claims: Claims;
  readonly approvals: Approvals;
  private readonly client: Client;
  private readonly patience: Patience;
  private readonly ofApp: boolean;

  constructor(settings: GitHubSettings) {
    this.ofApp = settings.token !== null && typeof settings.token === "object";
    this.client = connect(settings);
    this.patience = settings.patience;
    this.claims = new Claims(this.client, settings.patience);
    this.approvals = new Approvals(this.client);
  }

  /** Whose credential this is, and how many requests it has left. @throws FleetError `auth`, `github` */
  async whoAmI(): Promise<{ login: string; remaining: number }> {
    if (this.ofApp) {
      const { data, headers } = await ask("the App itself", this.client.rest.apps.getAuthenticated());
      return { login: `${data?.slug}[bot]`, remaining: Number(headers["x-ratelimit-remaining"] ?? Number.NaN) };
    }
    const { data, headers } = await ask("the credential's own user", this.client.rest.users.getAuthenticated());
    return { login: data.login, remaining: Number(headers["x-ratelimit-remaining"] ?? Number.NaN) };
  }

  /** @throws FleetError `notFound`, `auth`, `github` */
  async repository(repo: string): Promise<Repository> {
    const { data } = await ask(`repository ${repo}`, this.client.rest.repos.get(split(repo)));
    return {
      id: data.id,
      nodeId: data.node_id,
      fullName: data.full_name,
      defaultBranch: data.default_branch,
      private: data.private,
      archived: data.archived,
      // Of an App GitHub does not say it here: its token was made with the right to write, or not at all.
      mayPush: this.ofApp || (data.permissions?.push ?? false),
    };
  }

  /**
   * `owner/name` of the repository with that id, however often it was renamed.
   * @param known a name that it had, for words
   * @throws FleetError `notFound`, `auth`, `github`
   */
  async nameOf(id: number, known: string): Promise<string> {
    const asked = this.client.request("GET /repositories/{id}", { id });
    const { data } = await ask(`repository ${known}`, asked);
    return parseRepo((data as { full_name: string }).full_name);
  }

  /** A pull request's number answers too, with `isPullRequest`. @throws FleetError `notFound`, `auth`, `github` */
  async issue(repo: string, number: number): Promise<Issue> {
    const { data } = await ask(
      `issue ${repo}#${number}`,
      this.client.rest.issues.get({ ...split(repo), issue_number: number }),
    );
    return toIssue(data);
  }

  /**
   * As `issue`. GitHub says 404 now and then by mistake, and whatever rests on it would be given up: only a list that lacks an
   * issue with that label proves it. @throws FleetError `notFound` then, where it has moved or is gone; `auth`, `github`
   */
  async issueWith(repo: string, number: number, label: string): Promise<Issue> {
    try {
      return await this.issue(repo, number);
    } catch (error) {
      if (!(error instanceof FleetError) || !hasStatus(error.cause, 404)) throw error;
      const listed = await this.listed(repo, number, label).catch((unlisted: unknown) => {
        if (!(unlisted instanceof FleetError) || unlisted.code !== "notFound") throw unlisted;
        throw new FleetError("github", unlisted.message, { hint: "check what the token may read", cause: unlisted });
      });
      if (listed === undefined) throw error;
      return listed;
    }
  }

  private async listed(repo: string, number: number, label: string): Promise<Issue | undefined> {
    for (let page = 1; ; page++) {
      const all = { ...split(repo), state: "all", labels: label, per_page: 100, page } as const;
      const { data } = await ask(`issues of ${repo} with ${label}`, this.client.rest.issues.listForRepo(all));
      const found = data.find((one) => one.number === number);
      if (found !== undefined || data.length < 100) return found && toIssue(found);
    }
  }

  /** The oldest comments, at most `limit`. */
  async comments(repo: string, number: number, limit: number): Promise<Comment[]> {
    const found: Comment[] = [];
    for await (const page of pagesOfComments(this.client, repo, number)) {
      found.push(...page);
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /** The comment with that marker at its top. */
  async commentOf(repo: string, number: number, marker: string): Promise<Comment | undefined> {
    return await commentOf(this.client, repo, number, marker);
  }

  /** Whether that person may write to the repository now. Unknown means no. */
  async mayWrite(repo: string, login: string): Promise<boolean> {
    const request = this.client.rest.repos.getCollaboratorPermissionLevel({ ...split(repo), username: login });
    try {
      const { data } = await request;
      return data.permission === "admin" || data.permission === "write";
    } catch (error) {
      if (isForbidden(error) || hasStatus(error, 404)) return false;
      throw githubFailure(error, `permission of ${login} on ${repo}`);
    }
  }

  /** Lists for ticks. @param cache what they were before */
  listing(cache: ListCache): Listing {
    return new Listing(this.client, cache);
  }

  /** Adds a label, which makes it where the repository has none of that name. @returns the labels after it */
  async addLabel(repo: string, number: number, label: string): Promise<readonly string[]> {
    const place = { ...split(repo), issue_number: number };
    return await once(
      this.patience,
      `label ${label} on ${repo}#${number}`,
      async () => namesOf((await this.client.rest.issues.addLabels({ ...place, labels: [label] })).data),
      async () => {
        const { labels } = await this.issue(repo, number);
        return labels.some((one) => sameLabel(one, label)) ? labels : undefined;
      },
    );
  }

  /** An issue that is gone has none: what it carries elsewhere is not ours. */
  async hasLabel(repo: string, number: number, label: string): Promise<boolean> {
    try {
      return (await this.issue(repo, number)).labels.some((one) => sameLabel(one, label));
    } catch (error) {
      if (!(error instanceof FleetError) || error.code !== "notFound") throw error;
    }
    // Said by mistake now and then, too, and the label would stay for ever. Only a list that lacks the issue proves it.
    return (await this.listed(repo, number, label)) !== undefined;
  }

  /** A label that is not there any more is no failure. */
  async removeLabel(repo: string, number: number, label: string): Promise<void> {
    const gone = async () => !(await this.hasLabel(repo, number, label)) || undefined;
    const send = async () => {
      try {
        await this.client.rest.issues.removeLabel({ ...split(repo), issue_number: number, name: label });
      } catch (error) {
        // A 404 may also speak of a right that the token does not have.
        if (!hasStatus(error, 301, 404, 410) || !(await gone())) throw error;
      }
      return true;
    };
    await once(this.patience, `label ${label} on ${repo}#${number}`, send, gone);
  }

  /** One comment for each marker (an HTML comment at its top), however often this is said: found and edited, else made. */
  async upsertComment(repo: string, number: number, marker: string, text: string): Promise<string> {
    const body = `<!-- ${marker} -->\n${text}`;
    const what = `comment on ${repo}#${number}`;
    const find = () => this.commentOf(repo, number, marker);
    const existing = await find();
    if (existing?.body === body) return existing.url;
    const { issues } = this.client.rest;
    const send = async () => {
      const place = split(repo);
      if (existing === undefined) return (await issues.createComment({ ...place, issue_number: number, body })).data;
      return (await issues.updateComment({ ...place, comment_id: existing.id, body })).data;
    };
    return await once(
      this.patience,
      what,
      async () => (await send()).html_url,
      async () => {
        const there = await find();
        return there?.body === body ? there.url : undefined;
      },
    );
  }

  /** Titles of the open issues, newest first, at most ten thousand. */
  async openTitles(repo: string): Promise<string[]> {
    const titles: string[] = [];
    for (let page = 1; page <= 100; page++) {
      const request = this.client.rest.issues.listForRepo({ ...split(repo), state: "open", per_page: 100, page });
      const { data } = await ask(`open issues of ${repo}`, request);
      // GitHub lists pull requests among them.
      titles.push(...data.filter((one) => one.pull_request === undefined).map((one) => one.title));
      if (data.length < 100) break;
    }
    return titles;
  }

  /** One issue for each marker: a reply that was lost is looked up among the newest, not repeated. @param late not after its abort */
  async openIssue(repo: string, issue: { marker: string; title: string; text: string }, late: AbortSignal) {
    const { marker, title } = issue;
    const body = `<!-- ${marker} -->\n${issue.text}`;
    const newest = { ...split(repo), state: "all" as const, sort: "created" as const, direction: "desc" as const };
    return await once(
      this.patience,
      `a new issue of ${repo}`,
      async () => {
        late.throwIfAborted();
        const { data } = await this.client.rest.issues.create({ ...split(repo), title, body });
        return { number: data.number, url: data.html_url };
      },
      async () => {
        const request = this.client.rest.issues.listForRepo({ ...newest, per_page: 50 });
        const { data } = await ask(`newest issues of ${repo}`, request);
        const found = data.find((one) => one.body?.startsWith(`<!-- ${marker} -->`));
        return found && { number: found.number, url: found.html_url };
      },
    );
  }

  async pullsOf(repo: string, branch: string): Promise<Pull[]> {
    const place = split(repo);
    const head = `${place.owner}:${branch}`;
    const request = this.client.rest.pulls.list({ ...place, head, state: "all", per_page: 100 });
    const { data } = await ask(`pull requests of ${repo}:${branch}`, request);
    return data.map(toPull);
  }

  async pull(repo: string, number: number): Promise<Pull> {
    const { data } = await ask(
      `pull request ${repo}#${number}`,
      this.client.rest.pulls.get({ ...split(repo), pull_number: number }),
    );
    return toPull(data);
  }

  /**
   * The pull request of a branch: the open one, or that of our commit (`head`) as people left it; else opened. A reply that was
   * lost is looked up before anything is sent again; a 422 may only mean that GitHub has not seen the branch yet.
   * @returns `adopted`: it was there already
   */
  async openPull(
    repo: string,
    pull: { title: string; body: string; branch: string; base: string; head: string },
  ): Promise<{ pull: Pull; adopted: boolean }> {
    const { title, body, branch, base } = pull;
    const find = async () => {
      const all = await this.pullsOf(repo, branch);
      return all.find((one) => one.open) ?? all.find((one) => one.headSha === pull.head);
    };
    const existing = await find();
    if (existing !== undefined) return { pull: existing, adopted: true };
    const send = async () =>
      toPull((await this.client.rest.pulls.create({ ...split(repo), title, body, head: branch, base })).data);
    // It speaks of the head, or says nothing; what it refuses in other words stays refused.
    const mayPass = (error: unknown) =>
      /^Validation Failed(?: - |$)|"field":"head"|head (?:sha|ref)|no commits between|already exists/i.test(
        error instanceof Error ? error.message : "",
      );
    const opened = await once(this.patience, `pull request of ${repo}:${branch}`, send, find, mayPass);
    return { pull: opened, adopted: false };
  }

  /** Whether a commit is another, or one that it is built on. False where GitHub knows only one of them. */
  async isWithin(repo: string, commit: string, other: string): Promise<boolean> {
    const basehead = `${commit}...${other}`;
    try {
      const { data } = await this.client.rest.repos.compareCommitsWithBasehead({
        ...split(repo),
        basehead,
        per_page: 1,
      });
      return data.status === "identical" || data.status === "ahead";
    } catch (error) {
      if (hasStatus(error, 404, 422)) return false;
      throw githubFailure(error, `comparison of ${basehead} in ${repo}`);
    }
  }

  async setPullBody(repo: string, number: number, body: string): Promise<void> {
    await ask(
      `pull request ${repo}#${number}`,
      this.client.rest.pulls.update({ ...split(repo), pull_number: number, body }),
    );
  }
}
