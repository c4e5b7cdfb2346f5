/** Waits out a usage limit of the account: the limit is nobody's fault, and the session goes on where it was. */
import { isoNow, sleep } from "../system/clock.ts";
import { type InFlight, throwIfEnding } from "./in-flight.ts";
import { pauseAccount } from "./pause.ts";

const marginMs = 5000;

/** @param resetsAt epoch ms. @returns false when that is longer away than is allowed; throws when the attempt has to end */
export async function awaitReset(attempt: InFlight, resetsAt: number): Promise<boolean> {
  const until = resetsAt + marginMs;
  pauseAccount(attempt.fleet, attempt.credentials, new Date(until).toISOString());
  if (until - Date.parse(isoNow()) > attempt.task.limits.parkedMs) return false;
  attempt.say({ type: "agent:parked", until: new Date(until).toISOString() });
  // In small steps: a wish to stop is heard, and a suspended host does not oversleep.
  while (Date.parse(isoNow()) < until) {
    throwIfEnding(attempt);
    await sleep(200);
  }
  return true;
}
