/** Whether an attempt of this fleet is proved to be over: ended, or nothing of it lives and no supervisor can be born. */
import { mayEndForIt } from "../model/attempt.ts";
import { parseAttemptId } from "../model/task.ts";
import type { Fleet } from "./fleet.ts";
import { unknownState } from "./unknown.ts";

/**
 * @param ranOut its claim has: where no record of it is left, nothing but the lease tells, as for another fleet's
 * @throws FleetError `environment` where its end can't be read
 */
export function isOver(fleet: Pick<Fleet, "store">, attempt: string, ranOut: boolean): boolean {
  const parsed = parseAttemptId(attempt);
  if (parsed === null) return false;
  if (!isRecorded(fleet, attempt)) return ranOut;
  const facts = fleet.store.attempts.facts(parsed.worker, parsed.n);
  if (facts === null) return false;
  // Not "taken": somebody has to know which record it is, and why.
  if (facts.end?.ok === false) throw unknownState(parsed.worker, facts.end.reason);
  return facts.end !== null || mayEndForIt(facts) === "yes";
}

/** False for what a person has moved out of `.fleet`, as the hint of {@link unknownState} says. */
export function isRecorded(fleet: Pick<Fleet, "store">, attempt: string): boolean {
  const parsed = parseAttemptId(attempt);
  const facts = parsed && fleet.store.attempts.facts(parsed.worker, parsed.n);
  if (facts === null) return true;
  return facts.task.ok || facts.birth !== null || facts.stop !== null || facts.end !== null;
}
