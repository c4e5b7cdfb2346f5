/** Gives the three issues to the two workers, the third to whoever is free first, and follows them to their ends. */
import type { App } from "../app.ts";
import type { End } from "../model/attempt.ts";
import type { FleetEvent } from "../model/events.ts";
import { repoName } from "./project.ts";

export interface Performed {
  readonly issue: number;
  /** Null when the attempt has crashed. */
  readonly end: End | null;
}

/**
 * @param heard told of each event, as it comes
 * @returns in the order of the issues
 * @throws FleetError of the first dispatch that fails, once all are at rest; the signal's reason when it is aborted
 */
export async function perform(
  app: App,
  workers: readonly string[],
  issues: readonly number[],
  heard: (event: FleetEvent) => Promise<void>,
  signal: AbortSignal,
): Promise<Performed[]> {
  const queue = [...issues];
  const performed: Performed[] = [];
  const failing = new AbortController();
  const ending = AbortSignal.any([signal, failing.signal]);
  const work = async (worker: string) => {
    for (let issue = queue.shift(); issue !== undefined; issue = queue.shift()) {
      ending.throwIfAborted();
      await app.dispatch({ repo: repoName, issue, worker, signal: ending });
      performed.push({ issue, end: await follow(app, worker, heard, ending) });
    }
  };
  await Promise.all(workers.map((worker) => work(worker).catch((error: unknown) => failing.abort(error))));
  signal.throwIfAborted();
  if (failing.signal.aborted) throw failing.signal.reason;
  return performed.sort((a, b) => a.issue - b.issue);
}

async function follow(
  app: App,
  worker: string,
  heard: (event: FleetEvent) => Promise<void>,
  ending: AbortSignal,
): Promise<End | null> {
  const events = app.watch([worker]);
  for (;;) {
    const next = await orAborted(events.next(), ending);
    if (next.done) return next.value[0] ?? null;
    await heard(next.value);
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
