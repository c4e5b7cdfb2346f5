/** Makes disk, processes and GitHub agree again: at the start of every command that changes something. */
import { isAbandoned } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import type { Task } from "../model/task.ts";
import { now } from "../system/clock.ts";
import { oneAtATime } from "../system/lock.ts";
import type { Fleet } from "./fleet.ts";
import { endCrashed, settle } from "./settle.ts";
import { untakeUnborn } from "./take.ts";

/** For those that mend already. */
const patienceMs = 10_000;

export interface Reconciled {
  /** What was mended, or is by another command, a sentence each. */
  readonly repaired: readonly string[];
  /** What could not be; the next reconcile tries again. */
  readonly failed: readonly string[];
}

/**
 * Costs a few file reads when there is nothing to mend, and no GitHub call.
 * @param except a worker whose own verb is about to look after it
 */
export async function reconcile(fleet: Fleet, except?: string): Promise<Reconciled> {
  const repaired: string[] = [];
  const failed: string[] = [];
  if (toSettle(fleet, except).length === 0) return { repaired, failed };
  const mend = async () => {
    for (const { worker, n } of toSettle(fleet, except)) {
      const task = fleet.store.attempts.task(worker, n);
      if (task === null) continue; // Unknown is never touched.
      try {
        repaired.push(...(await settleUnborn(fleet, task)), ...(await settle(fleet, task)));
      } catch (error) {
        failed.push(`attempt ${worker}-${n}: ${error instanceof Error ? error.message : error}`);
      }
    }
  };
  await oneAtATime(fleet.store.paths.locks, "reconcile", mend, patienceMs).catch((error: unknown) => {
    // Who is at it mends the same: it may take minutes, and what was asked for must not wait for that.
    if (!(error instanceof FleetError) || error.code !== "busy") throw error;
    repaired.push(`what crashes left is another command's now: ${error.message}`);
  });
  return { repaired, failed };
}

/** What no supervisor ever had is undone, not settled: an issue with a history must not become free by it. */
async function settleUnborn(fleet: Fleet, task: Task): Promise<string[]> {
  const { attempts } = fleet.store;
  if (attempts.birth(task.worker, task.n)?.by === "supervisor") return [];
  const ended = attempts.ended(task.worker, task.n) !== null ? [] : await endCrashed(fleet, task);
  return [...ended, ...(await untakeUnborn(fleet, task))];
}

/** Attempts that nobody looks after any more, and those that are over and whose claim was never seen to end. */
function toSettle(fleet: Fleet, except: string | undefined): { worker: string; n: number }[] {
  const { attempts, workers } = fleet.store;
  const at = now();
  const abandoned = workers.list().flatMap((worker) => {
    const facts = attempts.facts(worker);
    return facts !== null && isAbandoned(facts, at) ? [{ worker, n: facts.n }] : [];
  });
  const open = attempts.unsettled().filter(({ worker, n }) => attempts.ended(worker, n) !== null);
  return [...abandoned, ...open].filter(({ worker }) => worker !== except);
}
