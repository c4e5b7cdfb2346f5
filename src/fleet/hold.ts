/** The fleet's hold on an issue, from acquiring to the end: the protocol of model/claim.ts spoken over GitHub. */
import type { ClaimPlace, Claims, Written } from "../issues/claims.ts";
import { acquireDecision, type Claim, othersLabel, type Tip } from "../model/claim.ts";
import { FleetError } from "../model/errors.ts";
import { attemptId, type Task } from "../model/task.ts";
import type { Fleet } from "./fleet.ts";

/** Who claims. */
export interface Holder {
  readonly worker: string;
  /** `01-7` */
  readonly attempt: string;
  /** Id of the fleet. */
  readonly host: string;
  readonly leaseMs: number;
  readonly graceMs: number;
}

/** Who claims for this attempt. */
export function holderOf(fleet: Pick<Fleet, "store" | "config">, task: Pick<Task, "worker" | "n">): Holder {
  return {
    worker: task.worker,
    attempt: attemptId(task.worker, task.n),
    host: fleet.store.workers.fleetId(),
    leaseMs: fleet.config.claims.lease,
    graceMs: fleet.config.claims.grace,
  };
}

/** An issue that may be taken, as it was read. */
export interface Free {
  /** On which to acquire; the label of whose claim stood there may still hang on the issue. */
  readonly before: Tip | null;
  readonly epoch: number;
  /** What stands there is pushed work of an attempt that does not come back: to be finished, not to be done again. */
  readonly pushed: Claim | null;
}

/**
 * Whether the issue may be taken; says who has it otherwise. Nothing is written.
 * @param mayRetake whether that attempt of this fleet is proved to be over. @param ranOut its claim's lease is
 * @param pullIsOpen for an issue that was delivered before
 * @throws FleetError `busy`
 */
export async function free(
  claims: Pick<Claims, "read">,
  place: ClaimPlace,
  holder: Holder,
  ask: {
    mayRetake: (attempt: string, ranOut: boolean) => boolean;
    pullIsOpen: (pr: number) => Promise<boolean>;
    /** Whether there is a record of that attempt of this fleet, so that reconcile and reset look after it. */
    isRecorded: (attempt: string) => boolean;
    /** A person named the issue: what finished before does not count. */
    again: boolean;
    /** Of the issue, as it was read. */
    labels: readonly string[];
  },
): Promise<Free> {
  const { tip, serverNow } = await claims.read(place);
  const decision = acquireDecision(tip, {
    serverNow,
    graceMs: holder.graceMs,
    host: holder.host,
    again: ask.again,
    labels: ask.labels,
  });
  const name = `${place.repo}#${place.issue}`;
  switch (decision.kind) {
    case "taken":
      throw new FleetError("busy", `${name} is taken: ${decision.why}`);
    case "unfinished": {
      const { claim, ranOut } = decision;
      const looked = claim.host === holder.host && ask.isRecorded(claim.attempt);
      if (ask.again && ranOut && !looked) return { before: tip, epoch: claim.epoch, pushed: claim };
      throw new FleetError(
        "busy",
        `${name}: attempt ${claim.attempt} has pushed its work; its pull request is not confirmed yet`,
        {
          hint: `cw reset ${claim.worker}, where that worker lives${looked ? "" : "; or this again, after its lease"}`,
        },
      );
    }
    case "retake":
      if (!ask.mayRetake(decision.attempt, decision.ranOut))
        throw new FleetError("busy", `${name} is taken: attempt ${decision.attempt} of this fleet has it`);
      break;
    case "delivered":
      if (await ask.pullIsOpen(decision.pr)) {
        throw new FleetError("busy", `${name} was delivered: pull request #${decision.pr} is open`, {
          hint: "merge or close it first",
        });
      }
      break;
    case "free":
      break;
  }
  const mark = othersLabel(ask.labels, holder.worker, tip?.claim ?? null);
  if (mark !== undefined) throw marked(name, mark);
  return { before: tip, epoch: decision.epoch, pushed: null };
}

/** Takes it, unless somebody was faster. @throws FleetError `busy` */
export async function acquire(
  claims: Pick<Claims, "write">,
  place: ClaimPlace,
  holder: Holder,
  { before, epoch, pushed }: Free,
): Promise<Tip> {
  const claim = message(place, holder, pushed === null ? "held" : "published", epoch);
  const written = await claims.write(
    place,
    before,
    pushed?.head === undefined ? claim : { ...claim, head: pushed.head },
  );
  if (written.won) return written.tip;
  throw new FleetError("busy", `${place.repo}#${place.issue} was taken by another in the same moment${whose(written)}`);
}

/** Undoes {@link acquire}. @param kept what has to stand there again, under our epoch; null: the issue is anybody's */
export async function unacquire(
  claims: Pick<Claims, "write">,
  place: ClaimPlace,
  holder: Holder,
  tip: Tip,
  kept: Claim | null,
): Promise<Written> {
  const { epoch, nonce, ...released } = message(place, holder, "released", tip.claim?.epoch ?? 1);
  return await claims.write(place, tip, { ...(kept ?? released), epoch, nonce });
}

/** A label that a person, or another fleet, put there. */
export function marked(name: string, label: string): FleetError {
  return new FleetError("busy", `${name} carries the label ${label}`, {
    hint: "remove that label if it is a mistake",
  });
}

/** Says that we are still at it. @returns the new tip, or whose it is now */
export async function renew(
  claims: Pick<Claims, "write">,
  place: ClaimPlace,
  holder: Holder,
  tip: Tip,
): Promise<Written> {
  return await claims.write(place, tip, message(place, holder, "held", tip.claim?.epoch ?? 1));
}

/** Ends our hold; not won when it was no longer ours to end. */
export async function finish(
  claims: Pick<Claims, "write">,
  place: ClaimPlace,
  holder: Holder,
  tip: Tip,
  end: Pick<Claim, "state" | "pr" | "head" | "blocked">,
): Promise<Written> {
  return await claims.write(place, tip, {
    ...message(place, holder, end.state, tip.claim?.epoch ?? 1),
    ...end,
  });
}

/** Whether a claim was written for that attempt of this fleet. */
export function isOurs(claim: Claim | null, holder: Pick<Holder, "host" | "attempt">): boolean {
  return claim !== null && claim.host === holder.host && claim.attempt === holder.attempt;
}

export function message(place: ClaimPlace, holder: Holder, state: Claim["state"], epoch: number): Claim {
  const { worker, host, attempt, leaseMs } = holder;
  return { v: 1, issue: place.issue, state, worker, host, attempt, epoch, leaseMs, nonce: crypto.randomUUID() };
}

function whose(written: Written): string {
  const claim = written.tip?.claim;
  return claim ? ` (worker ${claim.worker}, attempt ${claim.attempt})` : "";
}
