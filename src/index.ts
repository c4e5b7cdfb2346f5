/**
 * claude-workers as a library.
 *
 *     const fleet = await openFleet({ root: "/home/me/workers" });
 *     const { attempt } = await fleet.dispatch({ repo: "acme/site", issue: 22 });
 */
import { type App, openApp } from "./app.ts";
import { loadConfig } from "./config/load.ts";
import type { FleetEvent } from "./model/events.ts";

export type { App as OpenFleet } from "./app.ts";
export type { Dispatched } from "./fleet/dispatch.ts";
export type { Check } from "./fleet/doctor.ts";
export type { HistoryRequest } from "./fleet/history.ts";
export type { Initialised, InitRequest } from "./fleet/init.ts";
export type { LogsRequest } from "./fleet/logs.ts";
export type { Plan } from "./fleet/plan.ts";
export type { Reconciled } from "./fleet/reconcile.ts";
export type { Refreshed } from "./fleet/refresh.ts";
export type { DispatchRequest } from "./fleet/request.ts";
export type { Reset } from "./fleet/reset.ts";
export type { WorkerView } from "./fleet/snapshot.ts";
export type { Stopped } from "./fleet/stop.ts";
export type { Todo } from "./fleet/todos.ts";
export type { Updated } from "./fleet/update.ts";
export type { Inspected, InspectRequest } from "./fleet/watch.ts";
export type { End, State } from "./model/attempt.ts";
export { exitCodes, type FailureCode, FleetError } from "./model/errors.ts";
export type { FleetEvent, Step, Tokens } from "./model/events.ts";
export { meaningOf, type Outcome, outcomeNames } from "./model/outcome.ts";
export type { Stray } from "./model/strays.ts";
export type { Mode } from "./model/task.ts";
export type { Explanation } from "./scheduler/explain.ts";
export type { Tick, TickRequest } from "./scheduler/tick.ts";

export interface FleetOptions {
  /** Where the workers live. Default: CW_ROOT, the configuration file, `~/workers`. */
  readonly root?: string;
  /** The configuration file. Default: CW_CONFIG, `$XDG_CONFIG_HOME/claude-workers/config.json`. */
  readonly config?: string;
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Told of each event as this process writes it; those of supervisors are in `watch`. */
  readonly onEvent?: (event: FleetEvent) => void;
}

/** Opens a fleet; nothing is created. @throws FleetError `config` */
export async function openFleet(options: FleetOptions = {}): Promise<App> {
  const { root, config, env, onEvent } = options;
  const loaded = await loadConfig({ flags: { root, config }, ...(env === undefined ? {} : { env }) });
  return await openApp(loaded, onEvent);
}
