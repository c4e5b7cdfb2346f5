/** What a tick decides from: the lists of GitHub, and how busy the fleet is. */
import { type Credentials, credentialsOf, type Fleet } from "../fleet/fleet.ts";
import { isRecorded } from "../fleet/is-over.ts";
import { type Paused, paused as pauseOf } from "../fleet/pause.ts";
import { statusOf } from "../model/attempt.ts";
import { type Claim, hasRunOut } from "../model/claim.ts";
import { FleetError } from "../model/errors.ts";
import { type Candidate, issueKey } from "../model/selection.ts";
import { now } from "../system/clock.ts";
import { lookOnce } from "../system/process.ts";

/** With which lists are read: those of the first worker whose can be. @throws FleetError of the last when none can */
export function readersCredentials(fleet: Fleet, workers: readonly string[]): Credentials {
  let trouble: unknown;
  for (const worker of workers) {
    try {
      return credentialsOf(fleet, worker);
    } catch (error) {
      trouble = error;
    }
  }
  if (trouble !== undefined) throw trouble;
  return fleet.credentials;
}

/** Repositories that are read at the same time. */
const atOnce = 8;

type Listing = ReturnType<Awaited<ReturnType<Fleet["github"]>>["listing"]>;

/** @throws FleetError `auth` when it is our credentials that nothing could be read with */
export async function readAll(fleet: Fleet, listing: Listing, repos: readonly string[], failed: string[]) {
  const { namespace, grace: graceMs } = fleet.config.claims;
  const candidates: Candidate[] = [];
  const claims = new Map<string, { claim: Claim | null; expired: boolean }>();
  const queue = [...repos];
  const refused: FleetError[] = [];
  const reader = async () => {
    for (let repo = queue.shift(); repo !== undefined; repo = queue.shift()) {
      try {
        const [issues, held] = await Promise.all([listing.openIssues(repo), listing.claims(repo, namespace)]);
        candidates.push(...issues);
        for (const { issue, claim, committedAt } of held) {
          const { serverNow } = listing;
          const expired =
            claim !== null && hasRunOut(claim, { committedAt }, { serverNow, graceMs }) && !isOurs(fleet, claim);
          claims.set(issueKey(repo, issue), { claim, expired });
        }
      } catch (error) {
        if (!(error instanceof FleetError)) throw error;
        if (error.code === "auth") refused.push(error);
        failed.push(`${repo} could not be read: ${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, reader));
  if (refused[0] !== undefined && refused.length === repos.length) throw refused[0];
  return { candidates, claims };
}

/** What becomes of this fleet's own is for reconcile to say, as long as there is a record of it: it may have been stopped. */
function isOurs(fleet: Fleet, claim: Claim): boolean {
  return claim.host === fleet.store.workers.fleetId() && isRecorded(fleet, claim.attempt);
}

export interface Busyness {
  /** Workers that could start now. */
  readonly idle: readonly string[];
  /** Attempts that run, by repository in lower case. */
  readonly running: ReadonlyMap<string, number>;
  /** Of the idle workers whose account is left alone for now, the one that may start first; null: there is none. */
  readonly paused: Paused | null;
  /** Why idle workers can't start: their credentials can't be read. */
  readonly broken: readonly string[];
}

export function busyness(fleet: Fleet): Busyness {
  const running = new Map<string, number>();
  const idle: string[] = [];
  const paused: Paused[] = [];
  const broken: string[] = [];
  const at = now();
  const living = lookOnce();
  for (const worker of fleet.store.workers.list()) {
    const facts = fleet.store.attempts.facts(worker, undefined, living);
    if (statusOf(facts, at).state === "idle") {
      try {
        const credentials = credentialsOf(fleet, worker);
        const pause = fleet.config.agent === "claude" ? pauseOf(fleet, credentials) : null;
        if (pause === null) idle.push(worker);
        else paused.push(pause);
      } catch (error) {
        if (!(error instanceof FleetError)) throw error;
        broken.push(error.message);
      }
      continue;
    }
    const repo = facts?.task.ok ? facts.task.value.repo.toLowerCase() : null;
    if (repo !== null) running.set(repo, (running.get(repo) ?? 0) + 1);
  }
  return { idle, running, paused: paused.sort((a, b) => a.until.localeCompare(b.until))[0] ?? null, broken };
}
