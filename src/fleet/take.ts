/** Puts claim and label on an issue, and takes them back: what was on it before is then on it again. */
import type { ClaimPlace } from "../issues/claims.ts";
import type { GitHub } from "../issues/github.ts";
import { type Claim, claimBefore, isStale, othersLabel, staleLabels, type Tip } from "../model/claim.ts";
import { FleetError } from "../model/errors.ts";
import type { Said } from "../model/events.ts";
import { attemptId, type Task } from "../model/task.ts";
import { sameLabel, workerLabel } from "../model/worker.ts";
import { failPoint } from "../system/fail-point.ts";
import { credentialsOf, type Fleet, needGithub } from "./fleet.ts";
import { acquire, free, type Holder, holderOf, isOurs, marked, renew, unacquire } from "./hold.ts";
import { isOver, isRecorded } from "./is-over.ts";
import type { Work } from "./read-work.ts";
import { nameNow } from "./same-repository.ts";
import type { Undo } from "./steps.ts";

/** Commits of an attempt that never started: its own, and renewals by those that tried to undo it. */
const longestTaking = 20;

/** Nothing was taken but what another had pushed: it is ours to finish now, without an agent. */
export class Adopted extends FleetError {}

/** @throws FleetError `busy`; of these {@link Adopted} when there is something to finish */
export async function take(
  fleet: Fleet,
  github: GitHub,
  task: Task,
  work: Work,
  again: boolean,
  undo: Undo,
  say: (said: Said) => void,
): Promise<void> {
  const issue = work.issue;
  if (issue === null) return;
  const { labels } = issue;
  const place = { repo: task.repo, issue: issue.number, namespace: fleet.config.claims.namespace };
  const holder = holderOf(fleet, task);
  // Its number may come again, where somebody has moved its records out; then it is not this attempt.
  const isNew = (attempt: string) => attempt === holder.attempt;
  const found = await free(github.claims, place, holder, {
    mayRetake: (attempt, ranOut) => (isNew(attempt) ? ranOut : isOver(fleet, attempt, ranOut)),
    isRecorded: (attempt) => !isNew(attempt) && isRecorded(fleet, attempt),
    pullIsOpen: async (pr) => (await github.pull(task.repo, pr)).open,
    again,
    labels,
  });
  // Registered first: an unclear failure may have left the claim, and giving back what is not ours does nothing.
  let taken: Tip | null = null;
  undo.later(async () => {
    // Asked again: a machine may have slept since, for longer than a lease.
    const { tip, serverNow } = await github.claims.read(place);
    if (tip === null || tip.sha === found.before?.sha) return;
    if (found.pushed !== null && taken === null && isOurs(tip.claim, holder))
      throw new Error("pushed work that was taken over is left to the next command");
    const fresh = await freshTip(github, place, holder, tip, serverNow);
    if (fresh) await untake(github, place, holder, labels, { tip: fresh, taken: taken ?? tip, before: found.before });
  });
  taken = await acquire(github.claims, place, holder, found);
  failPoint("claim written");
  say({ type: "issue:claimed", sha: taken.sha, epoch: found.epoch });
  for (const stale of othersStale(labels, task.worker, found.before))
    await github.removeLabel(task.repo, issue.number, stale);
  // Ours from here on: not given back, and left to reconcile should we die.
  if (found.pushed !== null)
    throw new Adopted(
      "busy",
      `${task.repo}#${issue.number}: attempt ${found.pushed.attempt} had pushed its work and did not come back`,
      { hint: "look at that pull request: merge or close it first" },
    );
  const label = workerLabel(task.worker);
  const after = await github.addLabel(task.repo, issue.number, label);
  failPoint("label set");
  // Put there since the issue was read.
  const mark = othersLabel(after, task.worker, null);
  if (mark !== undefined) throw marked(`${task.repo}#${issue.number}`, mark);
  say({ type: "issue:labelled", label });
}

/** What an earlier claim left; other labels are people's, and our own is put there anyway. */
function othersStale(labels: readonly string[], worker: string, before: Tip | null): string[] {
  const stale = staleLabels(before?.claim ?? null).filter((one) => !sameLabel(one, workerLabel(worker)));
  return labels.filter((label) => stale.some((one) => sameLabel(one, label)));
}

/**
 * Undoes a taking, however far it got; the claim last, since nobody else puts labels while it is ours.
 * @param labels of the issue, as they were read before
 * @param claims `tip`: as it is now; `taken`: as it was acquired; `before`: what that was done on
 * @returns the claim that stands there again; null where the issue is anybody's, or was not ours to give back
 */
async function untake(
  github: GitHub,
  place: ClaimPlace,
  holder: Holder,
  labels: readonly string[],
  claims: { tip: Tip; taken: Tip; before: Tip | null },
): Promise<Claim | null> {
  const { tip, taken, before } = claims;
  if (tip.claim?.state !== "held" || !isOurs(tip.claim, holder)) return null;
  const kept = claimBefore(before, { serverNow: taken.committedAt, graceMs: holder.graceMs });
  const own = workerLabel(holder.worker);
  // Without the claim that it belonged to, the label would be taken for a person's.
  const stays = kept !== null || before?.claim?.worker !== holder.worker;
  if (!(stays && labels.some((label) => sameLabel(label, own)))) await github.removeLabel(place.repo, place.issue, own);
  if (kept !== null) await putBack(github, place, othersStale(labels, holder.worker, before));
  const written = await unacquire(github.claims, place, holder, tip, kept);
  return written.won ? kept : null;
}

/** Whose lease may run out meanwhile must not touch labels: it is renewed before. @returns null where it is not ours any more */
async function freshTip(
  github: GitHub,
  place: ClaimPlace,
  holder: Holder,
  tip: Tip,
  serverNow: number,
): Promise<Tip | null> {
  if (tip.claim?.state !== "held" || !isOurs(tip.claim, holder)) return null;
  if (!isStale(tip.claim, tip, serverNow)) return tip;
  const written = await renew(github.claims, place, holder, tip);
  return written.won ? written.tip : null;
}

async function putBack(github: GitHub, place: ClaimPlace, labels: readonly string[]): Promise<void> {
  if (labels.length === 0) return;
  const there = await github.issue(place.repo, place.issue).catch((error: unknown) => {
    if (error instanceof FleetError && error.code === "notFound") return null; // It was deleted, or moved away.
    throw error;
  });
  for (const label of labels)
    if (there && !there.labels.some((one) => sameLabel(one, label)))
      await github.addLabel(place.repo, place.issue, label);
}

/**
 * The same for an attempt whose dispatcher was killed before its supervisor was born: what it had taken is read from the
 * claim's history, and the labels from its snapshot. @returns what was mended, a sentence each
 */
export async function untakeUnborn(fleet: Fleet, task: Task): Promise<string[]> {
  const { attempts } = fleet.store;
  if (task.issue === null || attempts.ended(task.worker, task.n)?.outcome !== "refused") return [];
  if (attempts.birth(task.worker, task.n)?.by !== "cancellation") return [];
  const github = await fleet.github(needGithub(credentialsOf(fleet, task.worker)));
  const repo = await nameNow(fleet, github, task.repo);
  const place = { repo, issue: task.issue, namespace: fleet.config.claims.namespace };
  const holder = holderOf(fleet, task);
  const { tip, serverNow } = await github.claims.read(place);
  if (tip?.claim?.state !== "held" || !isOurs(tip.claim, holder)) return [];
  const { epoch } = tip.claim;
  const chain = await github.claims.chain(place, longestTaking);
  const below = chain.findIndex(({ claim }) => !isOurs(claim, holder) || claim?.epoch !== epoch);
  const [taken = tip, before = null] = below < 1 ? [] : chain.slice(below - 1);
  // Where the issue was anybody's, settling it comes to the same.
  if (claimBefore(before, { serverNow: taken.committedAt, graceMs: holder.graceMs }) === null) return [];
  const now = await freshTip(github, place, holder, tip, serverNow);
  if (now === null) return [];
  const labels = attempts.snapshot(task.worker, task.n)?.issue?.labels ?? [];
  const kept = await untake(github, place, holder, labels, { tip: now, taken, before });
  if (kept === null) return [];
  const name = attemptId(task.worker, task.n);
  return [`${repo}#${task.issue} was given back as ${name} had found it: ${kept.state} by ${kept.attempt}`];
}
