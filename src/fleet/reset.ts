/** Makes a worker free: saves what a crashed attempt left, ends it, and gives its issue back. */
import { statusOf } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import { attemptId } from "../model/task.ts";
import { now } from "../system/clock.ts";
import { oneAtATime } from "../system/lock.ts";
import { removeTree } from "../system/remove.ts";
import type { Fleet } from "./fleet.ts";
import { endCrashed, giveBack } from "./settle.ts";
import { stop } from "./stop.ts";
import { unknownState } from "./unknown.ts";

export interface Reset {
  readonly worker: string;
  /** The attempt that was cleared; null when the worker never had one. */
  readonly attempt: string | null;
  /** What was done, a sentence each. */
  readonly done: readonly string[];
}

/** @throws FleetError `busy` (without force), `notFound`, `environment`, and GitHub's when the claim can't be released */
export async function reset(fleet: Fleet, worker: string, force: boolean): Promise<Reset> {
  const { store } = fleet;
  store.workers.need(worker);
  const done: string[] = [];
  let facts = store.attempts.facts(worker);
  let { state, reason } = statusOf(facts, now());
  if (state === "busy" || state === "starting" || state === "stopping") {
    if (!force)
      throw new FleetError("busy", `worker ${worker} is ${state}`, {
        hint: `cw reset -f ${worker}, or cw stop ${worker}`,
      });
    const stopped = await stop(fleet, worker, "reset");
    if (stopped) done.push(`attempt ${stopped.attempt} was stopped (${stopped.outcome})`);
    facts = store.attempts.facts(worker);
    ({ state, reason } = statusOf(facts, now()));
  }
  if (facts === null) return { worker, attempt: null, done };
  if (!facts.task.ok) throw unknownState(worker, reason ?? facts.task.reason);
  if (state === "unknown") throw unknownState(worker, reason);
  const task = facts.task.value;
  if (state === "crashed") done.push(...(await endCrashed(fleet, task)));
  done.push(...(await giveBack(fleet, task)));
  done.push(...(await giveBackEarlier(fleet, worker, facts.n)));
  const { n } = facts;
  // No attempt may begin in a HOME that things are taken from, and what a newer one has put there is its own.
  await oneAtATime(store.paths.locks, "reserve", async () => {
    if (store.attempts.newest(worker) !== n) return;
    // An agent may have made folders of them, of any depth.
    for (const name of ["task.json", "prompt.md"]) await removeTree(`${store.paths.home(worker)}/${name}`);
  });
  return { worker, attempt: attemptId(worker, n), done };
}

/** An attempt that was stopped still has its issue when its worker has taken another task since. */
async function giveBackEarlier(fleet: Fleet, worker: string, newest: number): Promise<string[]> {
  const { attempts } = fleet.store;
  const done: string[] = [];
  for (const { n } of attempts.unsettled().filter((one) => one.worker === worker && one.n < newest)) {
    const task = attempts.ended(worker, n) === null ? null : attempts.task(worker, n);
    if (task !== null) done.push(...(await giveBack(fleet, task)));
  }
  return done;
}
