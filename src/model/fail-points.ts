/**
 * Where a test can have a process kill itself: `CW_FAILPOINT=NAME[:K]`, the K-th time. Off unless asked for.
 * Around each event of the stream, since an event is said right after its effect; and between effects that no event separates.
 * `CW_FAILPOINT=list` kills nothing: each is named on standard error when it is reached.
 */

const events = [
  ...["attempt:reserved", "issue:read", "issue:claimed", "issue:labelled", "attempt:spawned", "attempt:born"],
  ...["step:started prepare", "step:ended prepare", "step:started agent", "agent:started", "agent:ready"],
  ...[
    "agent:ending",
    "agent:exited",
    "step:ended agent",
    "step:started collect",
    "work:collected",
    "step:ended collect",
  ],
  ...["step:started verify", "work:verified", "step:ended verify", "step:started publish", "branch:published"],
  ...["pull:verified", "claim:finished", "step:ended publish", "step:started close-out", "comment:posted"],
  ...["issue:filed", "issue:unlabelled", "step:ended close-out", "work:saved", "attempt:ended"],
] as const;

const effects = [
  // Turning points: on disk, and nothing after them is.
  ...["task reserved", "claim announced", "birth taken", "stop wished", "end taken"],
  // Disk and processes.
  ...[
    "mirror made",
    "old home moved away",
    "home made",
    "base noted",
    "clone made",
    "process started",
    "process noted",
  ],
  ...["bundle written", "bundle taken in", "patch begun", "clone kept", "clone given back"],
  // GitHub.
  ...["claim written", "label set", "push sent", "pull request opened", "claim settled"],
  // What a command mends, and what it takes back.
  ...["finish-pull mended", "finish-claim mended", "remove-label mended", "one step undone", "crashed work saved"],
] as const;

/** Of {@link failPoints}, those that stand in the code by name. */
export type Effect = (typeof effects)[number];

export const failPoints: readonly string[] = [
  ...events.flatMap((event) => [`before ${event}`, `after ${event}`]),
  ...effects,
];

export const listing = "list";

/** Null for a name that is none. */
export function parseFailPoint(text: string): { readonly name: string; readonly nth: number } | null {
  const [, name = "", nth = "1"] = /^(.*?)(?::([1-9]\d{0,3}))?$/.exec(text) ?? [];
  return name === listing || failPoints.includes(name) ? { name, nth: Number(nth) } : null;
}
