/** Whether an attempt of this fleet is proved to be over: ended, or nothing of it lives and no supervisor can be born. */
import { mayEndForIt } from "../model/attempt.ts";
import { parseAttemptId } from "../model/task.ts";
import type { Fleet } from "./fleet.ts";

export function isOver(fleet: Pick<Fleet, "store">, attempt: string): boolean {
  const parsed = parseAttemptId(attempt);
  if (parsed === null) return false;
  const facts = fleet.store.attempts.facts(parsed.worker, parsed.n);
  if (facts === null) return false;
  return facts.end?.ok === true || mayEndForIt(facts) === "yes";
}
