/**
 * The claim as GitHub keeps it: a ref per issue that only moves forward. `write` is its one primitive, a compare-and-swap:
 * a commit whose parent is the tip that we saw is a fast-forward only while that tip is still there.
 */
import { type Claim, claimRef, parseClaim, type Tip } from "../model/claim.ts";
import { FleetError } from "../model/errors.ts";
import { sleep } from "../system/clock.ts";
import { ask } from "./ask.ts";
import { githubFailure, hasStatus, isUnclear } from "./github-errors.ts";
import type { Client, Patience } from "./octokit.ts";

/** The empty tree exists in every repository; a claim says all in its message. */
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

export interface ClaimPlace {
  readonly repo: string;
  readonly issue: number;
  /** For example `refs/claude-workers/claims` */
  readonly namespace: string;
}

export type Written = { readonly won: true; readonly tip: Tip } | { readonly won: false; readonly tip: Tip | null };

export class Claims {
  constructor(
    private readonly client: Client,
    private readonly patience: Pick<Patience, "retries" | "backoffMs">,
  ) {}

  /** The tip as it is now, and GitHub's own clock. @throws FleetError */
  async read(place: ClaimPlace): Promise<{ tip: Tip | null; serverNow: number }> {
    const what = `claim of ${place.repo}#${place.issue}`;
    const found = await this.tipOf(place, what);
    if (found.sha === null) return { tip: null, serverNow: found.serverNow };
    const request = this.client.rest.git.getCommit({ ...owner(place), commit_sha: found.sha });
    const { data, headers } = await ask(what, request);
    return { tip: toTip(data), serverNow: Date.parse(headers.date ?? "") };
  }

  /**
   * GitHub says 404 also of what a token may not see any more, and now and then by mistake. Taken for "no claim", that would
   * let an attempt be forgotten whose work is pushed. Only a list that GitHub gives, and that lacks it, proves it.
   */
  private async tipOf(place: ClaimPlace, what: string): Promise<{ sha: string | null; serverNow: number }> {
    try {
      const { data, headers } = await this.client.rest.git.getRef({ ...owner(place), ref: shortRef(place) });
      return { sha: data.object.sha, serverNow: Date.parse(headers.date ?? "") };
    } catch (error) {
      // The repository is empty, so there can't be one.
      if (hasStatus(error, 409)) return { sha: null, serverNow: dateOf(error) };
      if (!hasStatus(error, 404)) throw githubFailure(error, what);
    }
    const ref = claimRef(place.namespace, place.issue);
    const { data, headers } = await ask(
      what,
      this.client.rest.git.listMatchingRefs({ ...owner(place), ref: shortRef(place) }),
    );
    const listed = data.find((one) => one.ref === ref);
    return { sha: listed?.object.sha ?? null, serverNow: Date.parse(headers.date ?? "") };
  }

  /** What was claimed so far, newest first, at most `limit`. */
  async chain(place: ClaimPlace, limit: number): Promise<Tip[]> {
    const { tip } = await this.read(place);
    const found: Tip[] = [];
    let sha = tip?.sha;
    while (sha !== undefined && found.length < limit) {
      const request = this.client.rest.git.getCommit({ ...owner(place), commit_sha: sha });
      const { data } = await ask(`claims of ${place.repo}#${place.issue}`, request);
      found.push(toTip(data));
      sha = data.parents[0]?.sha;
    }
    return found;
  }

  /**
   * Puts `claim` behind `parent`, if that is still the tip (null: if there is none).
   * An unclear reply is read back: our commit is there, or the old tip (the same commit is sent again), or another's.
   */
  async write(place: ClaimPlace, parent: Tip | null, claim: Claim): Promise<Written> {
    const what = `claim of ${place.repo}#${place.issue}`;
    let commit: Tip;
    try {
      const made = await this.client.rest.git.createCommit({
        ...owner(place),
        message: JSON.stringify(claim),
        tree: emptyTree,
        parents: parent ? [parent.sha] : [],
        // A commit without a ref is nothing; making it twice does no harm.
        request: { repeatable: true },
      });
      commit = toTip(made.data);
    } catch (error) {
      if (!hasStatus(error, 409)) throw githubFailure(error, what);
      throw new FleetError("github", `${place.repo} is empty: without a first commit there is nothing to work on`, {
        hint: "push a first commit",
        cause: error,
      });
    }
    for (let tries = 1; ; tries++) {
      try {
        await this.move(place, parent, commit.sha);
        return { won: true, tip: commit };
      } catch (error) {
        if (!isUnclear(error)) throw githubFailure(error, what);
        const { tip } = await this.read(place);
        if (tip?.sha === commit.sha) return { won: true, tip: commit };
        if (tip?.sha !== parent?.sha) return { won: false, tip };
        // A clear refusal with the old tip still there was a race that has gone, or a rule: the second one is a rule.
        const refused = hasStatus(error, 409, 422);
        if (tries > (refused ? 1 : this.patience.retries)) throw refusedRef(error, place, what);
        if (!refused) await sleep(tries ** 2 * this.patience.backoffMs);
      }
    }
  }

  private async move(place: ClaimPlace, parent: Tip | null, sha: string): Promise<void> {
    if (parent === null) {
      await this.client.rest.git.createRef({ ...owner(place), ref: claimRef(place.namespace, place.issue), sha });
    } else {
      await this.client.rest.git.updateRef({ ...owner(place), ref: shortRef(place), sha, force: false });
    }
  }
}

/** Twice refused with the old tip still there: no race, but a rule of the repository, or a GitHub in trouble. */
function refusedRef(error: unknown, place: ClaimPlace, what: string): unknown {
  if (!hasStatus(error, 409, 422)) return githubFailure(error, what);
  const words = error instanceof Error ? error.message : String(error);
  return new FleetError("github", `GitHub refuses the ref of the ${what}: ${words}`, {
    hint: `if a ruleset forbids ${place.namespace}, set claims.namespace in the configuration, such as refs/heads/cw-claims`,
    cause: error,
  });
}

function owner(place: ClaimPlace): { owner: string; repo: string } {
  const [owner = "", repo = ""] = place.repo.split("/");
  return { owner, repo };
}

/** The API names refs without `refs/` in paths. */
function shortRef(place: ClaimPlace): string {
  return claimRef(place.namespace, place.issue).replace(/^refs\//, "");
}

/** Message, tree and server time of a claim commit. */
function toTip(commit: { sha: string; message: string; tree: { sha: string }; committer: { date: string } }): Tip {
  return {
    sha: commit.sha,
    tree: commit.tree.sha,
    claim: parseClaim(commit.message),
    committedAt: Date.parse(commit.committer.date),
  };
}

function dateOf(error: unknown): number {
  const headers =
    error instanceof Error && "response" in error
      ? (error.response as { headers?: { date?: string } }).headers
      : undefined;
  return Date.parse(headers?.date ?? "");
}
