/** Ends of attempts, newest first. */
import type { End } from "../model/attempt.ts";
import type { Outcome } from "../model/outcome.ts";
import { isoNow } from "../system/clock.ts";
import type { Fleet } from "./fleet.ts";

export interface HistoryRequest {
  readonly worker?: string | undefined;
  /** Default 20. */
  readonly limit?: number | undefined;
  readonly outcome?: Outcome | undefined;
  /** Only what ended within this time, in ms. */
  readonly sinceMs?: number | undefined;
}

/** @throws FleetError `notFound` */
export function history(fleet: Pick<Fleet, "store">, request: HistoryRequest = {}): End[] {
  const { worker, outcome, sinceMs, limit = 20 } = request;
  const since = sinceMs === undefined ? undefined : new Date(Date.parse(isoNow()) - sinceMs).toISOString();
  if (worker !== undefined) fleet.store.workers.need(worker);
  const found: End[] = [];
  const { history: ends } = fleet.store;
  for (const end of since === undefined ? ends.newestFirst() : ends.endedSince(since)) {
    if (found.length >= limit) break;
    if ((worker === undefined || end.worker === worker) && (outcome === undefined || end.outcome === outcome))
      found.push(end);
  }
  return found;
}
