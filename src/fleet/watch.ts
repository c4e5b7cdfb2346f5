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
  const followed = workers.map((worker) => ({ worker, n: needAttempt(fleet, worker) }));
  const streams = followed.map(({ worker, n }) => store.journal.follow(worker, n, () => isOver(fleet, worker, n)));
  yield* merged(streams);
  return followed.flatMap(({ worker, n }) => store.attempts.ended(worker, n) ?? []);
}

export interface InspectRequest {
  readonly worker: string;
  /** How many events are given at once. */
  readonly last: number;
  /** Which events count, and are given. */
  readonly counts: (event: FleetEvent) => boolean;
}

export interface Inspected {
  /** Oldest first. */
  readonly events: readonly FleetEvent[];
  /** There is more before them, further back than is looked. */
  readonly cut: boolean;
  /** What comes after them, until the attempt ends. */
  rest(): AsyncGenerator<FleetEvent>;
}

/** The last events of a worker's newest attempt. @throws FleetError `notFound` */
export function inspect(fleet: Pick<Fleet, "store">, { worker, last, counts }: InspectRequest): Inspected {
  const { journal } = fleet.store;
  const n = needAttempt(fleet, worker);
  const { events, cut, end } = journal.last(worker, n, last, counts);
  return {
    events,
    cut,
    async *rest() {
      for await (const event of journal.follow(worker, n, () => isOver(fleet, worker, n), end))
        if (counts(event)) yield event;
    },
  };
}

function needAttempt({ store }: Pick<Fleet, "store">, worker: string): number {
  store.workers.need(worker);
  const n = store.attempts.newest(worker);
  if (n > 0) return n;
  throw new FleetError("notFound", `worker ${worker} has had no task yet`, {
    hint: "cw dispatch -r owner/repo -i 22",
  });
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
