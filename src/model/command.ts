/** A program to start, as a value: agents make it, isolations wrap it, `--dry-run` prints it, tests compare it. */

export interface Command {
  /** Absolute path of the program, then its arguments. Never a shell string. */
  readonly argv: readonly [string, ...string[]];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute working directory. */
  readonly cwd: string;
  /**
   * File descriptor on which the program writes `{"child-pid": N}`: the first process of its own pid namespace, as the
   * host numbers it. Only bubblewrap sets it.
   */
  readonly infoFd?: number;
  /** What the program finds on further descriptors, from the start to the end of what is there. Only bubblewrap sets it. */
  readonly inputs?: readonly { readonly fd: number; readonly bytes: Uint8Array }[];
  /** Words before everything that starts inside an isolation, the program and what runs beside it: they wait for leave. */
  readonly gate?: readonly string[];
}
