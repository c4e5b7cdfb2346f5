/** Ctrl-C and its kin, for commands that undo what they have done. */
import { FleetError } from "../model/errors.ts";

/** The first interrupt asks to undo, the second ends at once. */
export function interrupted(): AbortSignal {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (abort.signal.aborted) process.kill(process.pid, "SIGKILL");
      abort.abort(new FleetError("environment", "interrupted"));
    });
  }
  return abort.signal;
}
