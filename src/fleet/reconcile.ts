/** Makes disk, processes and GitHub agree again: at the start of every command that changes something. */
import { isAbandoned } from "../model/attempt.ts";
import { now } from "../system/clock.ts";
import { oneAtATime } from "../system/lock.ts";
import type { Fleet } from "./fleet.ts";
import { settle } from "./settle.ts";

export interface Reconciled {
  /** What was mended, a sentence each. */
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
  await oneAtATime(fleet.store.paths.locks, "reconcile", async () => {
    for (const { worker, n } of toSettle(fleet, except)) {
      const task = fleet.store.attempts.task(worker, n);
      if (task === null) continue; // Unknown is never touched.
      try {
        repaired.push(...(await settle(fleet, task)));
      } catch (error) {
        failed.push(`attempt ${worker}-${n}: ${error instanceof Error ? error.message : error}`);
      }
    }
  });
  return { repaired, failed };
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
