/**
 * The fleet's hold on an issue: one git ref per issue, a chain of unique commits whose messages are the states below.
 * The server's compare-and-swap on that ref decides between hosts; the label `worker:NN` only shows it to people.
 */
import * as z from "zod/mini";
import { sameLabel, workerLabel } from "./worker.ts";

/** Message of each commit of the chain. */
export const claimSchema = z.looseObject({
  v: z.literal(1),
  issue: z.number(),
  state: z.enum(["held", "published", "done", "failed", "released"]),
  worker: z.string(),
  /** The fleet (one root on one host) that wrote it. */
  host: z.string(),
  /** `01-7` */
  attempt: z.string(),
  /** Grows with each acquisition; part of branch names when the plain one is taken. */
  epoch: z.number(),
  leaseMs: z.number(),
  /** Two identical commits would both seem to have been pushed. */
  nonce: z.string(),
  head: z.optional(z.string()),
  pr: z.optional(z.number()),
  /** The label `blocked` was put before this was written: where it is missing, somebody has taken it away. */
  blocked: z.optional(z.boolean()),
});
export type Claim = z.infer<typeof claimSchema>;

/** Null for a message that is not ours to understand. */
export function parseClaim(message: string): Claim | null {
  try {
    return claimSchema.safeParse(JSON.parse(message)).data ?? null;
  } catch {
    return null;
  }
}

/** Newest commit of a chain. `claim` null: a message that is not ours to understand. */
export interface Tip {
  readonly sha: string;
  readonly tree: string;
  readonly claim: Claim | null;
  /** Stamped by the server, epoch ms, 1 s resolution. */
  readonly committedAt: number;
}

export type AcquireDecision =
  | { readonly kind: "free"; readonly epoch: number }
  /** Ours, but an earlier attempt's: the caller must have proved its processes dead. `ranOut`: its lease is over as well. */
  | { readonly kind: "retake"; readonly epoch: number; readonly attempt: string; readonly ranOut: boolean }
  /**
   * The work is on GitHub, only its pull request is not confirmed: to be finished without an agent, by the fleet that has
   * pushed it. `ranOut`: that was longer ago than a lease, and any other may.
   */
  | { readonly kind: "unfinished"; readonly claim: Claim; readonly ranOut: boolean }
  /** Delivered before: free again once that pull request is closed. */
  | { readonly kind: "delivered"; readonly epoch: number; readonly pr: number }
  | { readonly kind: "taken"; readonly why: string };

/** Whether a claim that is only held does not count any more. By GitHub's own clock, epoch ms: no host's counts. */
export function hasRunOut(
  claim: Claim,
  tip: Pick<Tip, "committedAt">,
  at: { readonly serverNow: number; readonly graceMs: number },
): boolean {
  return at.serverNow - tip.committedAt > claim.leaseMs + at.graceMs;
}

/** Whether a claim may run out while its holder goes on: it is renewed before anything rests on it. */
export function isStale(claim: Claim, tip: Pick<Tip, "committedAt">, serverNow: number): boolean {
  return serverNow - tip.committedAt > claim.leaseMs / 2;
}

/**
 * May a new attempt take the issue?
 * @param serverNow GitHub's own clock (Date header), epoch ms; no host's clock counts
 * @param again somebody asked for it by number: finished claims do not count
 */
export function acquireDecision(
  tip: Tip | null,
  at: { serverNow: number; graceMs: number; host: string; again: boolean; labels?: readonly string[] },
): AcquireDecision {
  if (tip === null) return { kind: "free", epoch: 1 };
  const { claim } = tip;
  if (claim === null) return { kind: "taken", why: "its claim was written by a newer or another program" };
  const epoch = claim.epoch + 1;
  const by = `worker ${claim.worker} (attempt ${claim.attempt}, fleet ${claim.host.slice(0, 8)})`;
  switch (claim.state) {
    case "released":
      return { kind: "free", epoch };
    case "done":
      if (!at.again)
        return { kind: "taken", why: claim.pr ? `pull request #${claim.pr} was delivered for it` : "it was answered" };
      return claim.pr === undefined ? { kind: "free", epoch } : { kind: "delivered", epoch, pr: claim.pr };
    case "failed":
      return at.again || wasUnblocked(claim, at.labels ?? ["blocked"])
        ? { kind: "free", epoch }
        : { kind: "taken", why: `attempt ${claim.attempt} failed on it` };
    case "published":
      // Has no lease: the work exists, so another agent would do it twice.
      return { kind: "unfinished", claim, ranOut: hasRunOut(claim, tip, at) };
    case "held":
      if (claim.host === at.host)
        return { kind: "retake", epoch, attempt: claim.attempt, ranOut: hasRunOut(claim, tip, at) };
      if (hasRunOut(claim, tip, at)) return { kind: "free", epoch };
      return { kind: "taken", why: `${by} has it` };
  }
}

/**
 * What on an issue says that it is not ours to take: `blocked`, or the label of a worker, unless the claim that stood there
 * before put it. @param worker who wants it; its own label is no obstacle
 */
export function othersLabel(labels: readonly string[], worker: string, before: Claim | null): string | undefined {
  const own = [workerLabel(worker), ...staleLabels(before)];
  return labels.find(
    (label) => (/^worker:/i.test(label) || sameLabel(label, "blocked")) && !own.some((one) => sameLabel(one, label)),
  );
}

/** Labels that a claim which is over may have left: its worker's, and `blocked` where it ended in failure. */
export function staleLabels(before: Claim | null): readonly string[] {
  if (before === null) return [];
  return [workerLabel(before.worker), ...(before.state === "failed" ? ["blocked"] : [])];
}

/**
 * What has to stand there again when an acquisition is undone: a failure, an answer, a stop are still what they were. A hold
 * that had run out is not given anew.
 * @param before tip on which was acquired. @param at.serverNow when that was
 * @returns null where the issue was anybody's
 */
export function claimBefore(before: Tip | null, at: { serverNow: number; graceMs: number }): Claim | null {
  const claim = before?.claim ?? null;
  if (before === null || claim === null) return null;
  return claim.state === "held" && hasRunOut(claim, before, at) ? null : claim;
}

/** An agent declined, the issue was marked `blocked`, and a person took that mark away. */
export function wasUnblocked(claim: Claim, labels: readonly string[]): boolean {
  return (
    claim.state === "failed" && claim.blocked === true && !labels.some((label) => label.toLowerCase() === "blocked")
  );
}

/**
 * Branch names come from numbers alone, never from a title.
 * @param time of the claim its epoch; without an issue the number of the attempt: one that goes on has its session
 */
export function branchNames(issue: number | null, time: number, sessionId: string): readonly string[] {
  const task = `task-${sessionId.slice(0, 8)}`;
  if (issue === null) return [task, `${task}-${time}`];
  return [`issue-${issue}`, `issue-${issue}-e${time}`];
}

export function claimRef(namespace: string, issue: number): string {
  return `${namespace}/issue-${issue}`;
}
