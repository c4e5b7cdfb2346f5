/** Ctrl-C and its kin, for commands that undo what they have done. */

/** The first interrupt asks to undo, the second ends at once. */
export function interrupted(): AbortSignal {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (abort.signal.aborted) process.kill(process.pid, "SIGKILL");
      abort.abort();
    });
  }
  return abort.signal;
}
