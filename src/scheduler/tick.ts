/** One tick: reconcile, read, select, dispatch. Safe beside other ticks, here and on other hosts: claims decide. */

import { type Dispatched, launch } from "../fleet/dispatch.ts";
import { type Fleet, githubIdentity, needGithub } from "../fleet/fleet.ts";
import type { Work } from "../fleet/read-work.ts";
import { reconcile } from "../fleet/reconcile.ts";
import { checkRequest } from "../fleet/request.ts";
import { doubtIn, trustIn } from "../fleet/trust.ts";
import { FleetError } from "../model/errors.ts";
import { parseRepo, sameRepo } from "../model/issue.ts";
import { type Candidate, issueKey, type SelectionFacts, type SkipReason, select } from "../model/selection.ts";
import type { Trust } from "../model/trust.ts";
import { sameLabel } from "../model/worker.ts";
import { ListCache } from "../store/list-cache.ts";
import { busyness, readAll, readersCredentials } from "./facts.ts";
import { giveUpOn, lostNow, refusedLately } from "./lost.ts";

export interface TickRequest {
  /** Default: those of the configuration. */
  readonly repos?: readonly string[] | undefined;
  /** Most new attempts; default: the configuration's. */
  readonly limit?: number | undefined;
  /** Idle workers left free; default: the configuration's. */
  readonly reserve?: number | undefined;
  /** Decide, and change nothing. */
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Tick {
  readonly dispatched: readonly {
    readonly worker: string | null;
    readonly repo: string;
    readonly issue: number;
    readonly attempt: string | null;
  }[];
  readonly skipped: readonly {
    readonly repo: string;
    readonly issue: number;
    readonly why: SkipReason;
    readonly detail: string;
  }[];
  readonly repaired: readonly string[];
  /** What went wrong, a sentence each: an unread repository is not one without issues. */
  readonly failed: readonly string[];
  readonly requests: { readonly total: number; readonly notModified: number };
}

/** @throws FleetError `usage`, `auth`, `notFound` (no workers) */
export async function tick(fleet: Fleet, request: TickRequest): Promise<Tick> {
  const repos = wantedRepos(fleet, request.repos);
  const workers = fleet.store.workers.list();
  if (workers.length === 0)
    throw new FleetError("notFound", `there are no workers in ${fleet.store.paths.root}`, { hint: "cw init 01" });
  const mended = request.dryRun ? { repaired: [], failed: [] } : await reconcile(fleet);
  const failed = [...mended.failed];
  const credentials = needGithub(readersCredentials(fleet, workers));
  const github = await fleet.github(credentials);
  const cache = new ListCache(fleet.store.paths, githubIdentity(credentials));
  const listing = github.listing(cache);
  const { candidates, claims } = await readAll(fleet, listing, repos, failed);
  const rules = {
    priorityLabels: fleet.config.assign.priorityLabels,
    reserve: request.reserve ?? fleet.config.assign.reserve,
    limit: request.limit ?? fleet.config.assign.limit,
    perRepo: fleet.config.assign.perRepo,
  };
  // For a first look; what is dispatched is asked for anew.
  const asking = {
    approvals: github.approvals,
    mayWrite: (repo: string, login: string) => listing.mayWrite(repo, login),
  };
  const lost = await lostNow(fleet, github, candidates);
  const refused = refusedLately(fleet);
  const untrusted = new Map<string, string>();
  const trusted = new Map<string, Trust>();
  const passed = new Set<string>();
  const troubles = new Map<string, number>();
  let halted = false;
  const beaten: Tick["skipped"][number][] = [];
  const dispatched: Tick["dispatched"][number][] = [];
  for (;;) {
    request.signal?.throwIfAborted();
    const busy = busyness(fleet);
    // In a rehearsal nobody becomes busy: those that were picked take their room.
    const rehearsed = request.dryRun ? dispatched : [];
    const facts: SelectionFacts = {
      candidates,
      claims,
      untrusted,
      lost,
      refused,
      troubles,
      passed,
      idle: busy.idle.length - rehearsed.length,
      running: withRehearsed(busy.running, rehearsed),
    };
    const limit = rules.limit === null ? null : rules.limit - dispatched.length;
    const { picked, skipped } = select(facts, { ...rules, limit });
    const [next] = halted ? [] : picked;
    if (next === undefined) {
      if (!request.dryRun) await giveUpOn(fleet, github, skipped, lost, failed);
      const rest = skipped.map(({ candidate, why, detail }) => ({
        repo: candidate.repo,
        issue: candidate.number,
        why,
        detail: why === "no idle worker" && busy.paused ? `${busy.paused.why} until ${busy.paused.until}` : detail,
      }));
      cache.save();
      const { requests } = listing;
      failed.push(...busy.broken);
      return { dispatched, skipped: [...rest, ...beaten], repaired: mended.repaired, failed, requests };
    }
    const key = issueKey(next.repo, next.number);
    const place = { repo: next.repo, issue: next.number };
    try {
      const trust = trusted.get(key);
      if (trust === undefined) {
        const found = await trustIn(asking, next.repo, next, fleet.config.assign.approvalLabel);
        if (found.trusted) trusted.set(key, found);
        else
          for (const one of alike(next, candidates, fleet.config.assign.approvalLabel)) untrusted.set(one, found.why);
        continue;
      }
      passed.add(key);
      if (request.dryRun) {
        dispatched.push({ worker: null, ...place, attempt: null });
        continue;
      }
      // Where workers differ, the first idle one may be one that has to wait, or can't start.
      const worker = busy.paused === null && busy.broken.length === 0 ? undefined : busy.idle[0];
      const done = await dispatchOne(fleet, github, next, trust, worker, request.signal);
      if ("doubt" in done) beaten.push({ ...place, why: "untrusted", detail: done.doubt });
      // Another tick of this fleet was faster.
      else if (done.existing)
        beaten.push({ ...place, why: "claimed", detail: `worker ${done.worker}, attempt ${done.attempt}` });
      else dispatched.push({ worker: done.worker, ...place, attempt: done.attempt });
    } catch (error) {
      if (!(error instanceof FleetError) || request.signal?.aborted) throw error;
      passed.add(key);
      if (error.code === "busy") beaten.push({ ...place, why: "claimed", detail: error.message });
      // Closed, deleted or moved since the list was read.
      else if (error.code === "usage" || error.code === "notFound")
        beaten.push({ ...place, why: "gone", detail: error.message });
      else {
        failed.push(`${next.repo}#${next.number}: ${error.message}`);
        const repo = next.repo.toLowerCase();
        troubles.set(repo, (troubles.get(repo) ?? 0) + 1);
      }
      // These will not be better with the next issue; but what was dispatched before has to be told.
      halted = error.code === "auth" || error.code === "environment" || error.code === "config";
      if (halted && dispatched.length === 0) throw error;
    }
  }
}

/** What is as little trusted: all that its author has that nobody approved. One by one, thousands would take minutes. */
function alike(doubted: Candidate, candidates: readonly Candidate[], approvalLabel: string | null): string[] {
  const approved = ({ labels }: Candidate) =>
    approvalLabel !== null && labels.some((label) => sameLabel(label, approvalLabel));
  const { author, proposed, repo } = doubted;
  const fits = (one: Candidate) =>
    one === doubted ||
    (one.repo === repo && one.author === author && one.proposed === proposed && !approved(one) && !approved(doubted));
  return candidates.filter(fits).map((one) => issueKey(one.repo, one.number));
}

/** What runs, and what would. */
function withRehearsed(running: ReadonlyMap<string, number>, rehearsed: Tick["dispatched"]): Map<string, number> {
  const all = new Map(running);
  for (const { repo } of rehearsed) all.set(repo.toLowerCase(), (all.get(repo.toLowerCase()) ?? 0) + 1);
  return all;
}

function wantedRepos(fleet: Fleet, asked: readonly string[] | undefined): string[] {
  const configured = Object.keys(fleet.config.repos);
  const wanted = asked === undefined || asked.length === 0 ? configured : asked.map(parseRepo);
  if (wanted.length === 0) {
    throw new FleetError("usage", "which repositories? none is configured", {
      hint: "cw assign -r owner/repo, or the key repos of the configuration",
    });
  }
  const stranger =
    configured.length === 0 ? undefined : wanted.find((repo) => !configured.some((one) => sameRepo(one, repo)));
  if (stranger !== undefined) {
    throw new FleetError("usage", `${stranger} is not among the configured repositories`, {
      hint: "add it to the key repos of the configuration",
    });
  }
  return wanted.filter((repo, at) => wanted.findIndex((one) => sameRepo(one, repo)) === at);
}

async function dispatchOne(
  fleet: Fleet,
  github: Awaited<ReturnType<Fleet["github"]>>,
  next: Candidate,
  trust: Trust,
  worker: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Dispatched | { readonly doubt: string }> {
  const checked = checkRequest({ repo: next.repo, issue: next.number, worker }, fleet.config);
  let doubt: string | null = null;
  const vet = async ({ issue }: Work) => {
    if (issue !== null) doubt = await doubtIn(github, next.repo, issue, fleet.config.assign.approvalLabel, trust);
    if (doubt !== null) throw new FleetError("busy", doubt);
  };
  try {
    return await launch(fleet, checked, { signal, vet, again: false });
  } catch (error) {
    if (doubt !== null) return { doubt };
    throw error;
  }
}
