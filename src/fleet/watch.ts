/** Follows attempts to their end, by their events. */
import type { End } from "../model/attempt.ts";
import { statusOf } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import type { FleetEvent } from "../model/events.ts";
import { now } from "../system/clock.ts";
import type { Fleet } from "./fleet.ts";

/**
 * Events of the newest attempt of each worker, from its first on, as they come; of several workers interleaved.
 * @returns their ends, when all have ended (or crashed: those have none)
 */
export async function* watch(
  fleet: Pick<Fleet, "store">,
  workers: readonly string[],
): AsyncGenerator<FleetEvent, End[]> {
  const { store } = fleet;
  const followed = workers.map((worker) => {
    store.workers.need(worker);
    const n = store.attempts.newest(worker);
    if (n === 0)
      throw new FleetError("notFound", `worker ${worker} has had no task yet`, {
        hint: "cw dispatch -r owner/repo -i 22",
      });
    return { worker, n };
  });
  const streams = followed.map(({ worker, n }) => store.journal.follow(worker, n, () => isOver(fleet, worker, n)));
  yield* merged(streams);
  return followed.flatMap(({ worker, n }) => store.attempts.ended(worker, n) ?? []);
}

/** Also a crashed attempt says nothing more. */
function isOver(fleet: Pick<Fleet, "store">, worker: string, n: number): boolean {
  const { state } = statusOf(fleet.store.attempts.facts(worker, n), now());
  return state === "idle" || state === "crashed" || state === "unknown";
}

async function* merged<T>(streams: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const next = (stream: AsyncGenerator<T>) => stream.next().then((result) => ({ stream, result }));
  const waiting = new Map(streams.map((stream) => [stream, next(stream)]));
  while (waiting.size > 0) {
    const { stream, result } = await Promise.race(waiting.values());
    if (result.done) {
      waiting.delete(stream);
    } else {
      waiting.set(stream, next(stream));
      yield result.value;
    }
  }
}
