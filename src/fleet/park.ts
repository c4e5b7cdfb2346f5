/** Waits out a usage limit of the account: the limit is nobody's fault, and the session goes on where it was. */
import { isoNow, sleep } from "../system/clock.ts";
import { type InFlight, throwIfEnding } from "./in-flight.ts";
import { pauseAccount, unknownMs } from "./pause.ts";

const marginMs = 5000;
/** Where a time that is named is over already: a clock that is ahead must not make this a loop. */
const leastMs = 60_000;
/** An agent may have made the time up, and its account is that of others: then somebody tries again. */
const longestPauseMs = 6 * 60 * 60_000;

/**
 * @param resetsAt epoch ms; null: not known
 * @returns false when that is longer away than is allowed, or not known; throws when the attempt has to end
 */
export async function awaitReset(attempt: InFlight, resetsAt: number | null): Promise<boolean> {
  const at = Date.parse(isoNow());
  const until = resetsAt === null ? at + unknownMs : untilAfter(resetsAt + marginMs, at);
  pauseAccount(attempt.fleet, attempt.credentials, isoAt(Math.min(until, at + longestPauseMs)));
  if (resetsAt === null || until - at > attempt.task.limits.parkedMs) return false;
  attempt.say({ type: "agent:parked", until: isoAt(until) });
  // In small steps: a wish to stop is heard, and a suspended host does not oversleep.
  while (Date.parse(isoNow()) < until) {
    throwIfEnding(attempt);
    await sleep(200);
  }
  return true;
}

const untilAfter = (end: number, at: number) => (end > at ? end : at + leastMs);
const isoAt = (ms: number) => new Date(ms).toISOString();
