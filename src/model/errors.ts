/** What the user or the outside world can fix, and how a command ends because of it. Anything else is a bug. */

/** Exit codes are public and are never renumbered. `bug` is for whatever is not a {@link FleetError}. */
export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 2,
  notFound: 3,
  busy: 4,
  environment: 5,
  auth: 6,
  github: 7,
  outcome: 8,
  config: 9,
} as const;

export type FailureCode = Exclude<keyof typeof exitCodes, "ok" | "bug">;

const defaultHints: Record<FailureCode, string | undefined> = {
  usage: "cw --help",
  notFound: "cw status",
  busy: "cw status",
  environment: undefined,
  auth: undefined,
  github: undefined,
  outcome: undefined,
  config: undefined,
};

/** A failure that somebody can mend: what happened, then (in `hint`) the command that mends it. */
export class FleetError extends Error {
  override readonly name = "FleetError";
  readonly hint: string | undefined;
  /** GitHub has looked at what was to be written and does not want it: to ask again is in vain. */
  readonly definite: boolean;

  constructor(
    readonly code: FailureCode,
    message: string,
    options: { hint?: string; cause?: unknown; definite?: boolean } = {},
  ) {
    super(message, { cause: options.cause });
    this.definite = options.definite ?? false;
    this.hint = options.hint ?? defaultHints[code];
  }
}
