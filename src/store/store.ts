/** The fleet's state on disk: the only code that knows the directory layout. */
import { type FleetPaths, fleetPaths } from "../model/paths.ts";
import { Attempts } from "./attempts.ts";
import { History } from "./history.ts";
import { Journal } from "./journal.ts";
import { Workers } from "./workers.ts";

export interface Store {
  readonly paths: FleetPaths;
  readonly workers: Workers;
  readonly attempts: Attempts;
  readonly journal: Journal;
  readonly history: History;
}

/** @param root absolute path */
export function openStore(root: string): Store {
  const paths = fleetPaths(root);
  return {
    paths,
    workers: new Workers(paths),
    attempts: new Attempts(paths),
    journal: new Journal(paths),
    history: new History(paths),
  };
}
