/** A worker whose state can't be told is not touched: it may be running. */
import { FleetError } from "../model/errors.ts";

export function unknownState(worker: string, reason: string | null): FleetError {
  return new FleetError(
    "environment",
    `worker ${worker} is in an unknown state: ${reason ?? "its records can't be read"}`,
    { hint: "restore that record; or, when nothing of it runs any more, move it out of .fleet" },
  );
}
