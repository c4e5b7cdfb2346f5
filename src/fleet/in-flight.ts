/** An attempt while its supervisor runs it: what the steps share. */
import type { GitHub } from "../issues/github.ts";
import type { Base } from "../model/attempt.ts";
import type { Said, Step } from "../model/events.ts";
import type { Snapshot } from "../model/issue.ts";
import type { AttemptPaths } from "../model/paths.ts";
import type { Task } from "../model/task.ts";
import type { FinalWord } from "../model/verdict.ts";
import { Verdict } from "../model/verdict.ts";
import type { Mirror } from "../store/mirror.ts";
import { uptimeMs } from "../system/clock.ts";
import type { Figures } from "./end-attempt.ts";
import type { Credentials, Fleet } from "./fleet.ts";
import type { Lease } from "./lease.ts";
import type { Denials } from "./network.ts";

export interface InFlight {
  readonly fleet: Fleet;
  readonly task: Task;
  /** `01-7` */
  readonly id: string;
  readonly paths: AttemptPaths;
  readonly snapshot: Snapshot;
  readonly credentials: Credentials;
  readonly github: GitHub;
  readonly mirror: Mirror;
  /** Null for a task without an issue, and for tasks that hold nothing. */
  readonly lease: Lease | null;
  readonly say: (said: Said) => void;
  /** Aborted, with a Verdict as reason, when the attempt has to end: stop, shutdown, claim lost, issue withdrawn. */
  readonly ending: AbortSignal;
  /** Known after prepare. */
  base: Base | null;
  branch: string;
  figures: Figures;
  /** Connections that were refused to what runs inside. */
  readonly denials: Denials;
  /** Of the old HOME, in the background. */
  tidying: Promise<void>;
  /** Pushed, and nothing is known of its pull request yet: whoever settles the attempt goes on with it. */
  unconfirmed: boolean;
  /** What is in the clone and nowhere else: its work, files that git does not take, commits beside the work. */
  readonly untaken: Set<"work" | "files" | "branches">;
  /** The agent's last statement, for the comment. */
  finalWord: FinalWord | null;
}

/** Runs one step: its events, its deadline. @param deadlineMs null: the step watches its own limits */
export async function inStep<T>(
  attempt: InFlight,
  step: Step,
  deadlineMs: number | null,
  work: (late: AbortSignal) => Promise<T>,
): Promise<T> {
  const started = uptimeMs();
  attempt.say({ type: "step:started", step, deadlineMs });
  let timer: Timer | undefined;
  try {
    const expired = new AbortController();
    if (deadlineMs === null) return await work(expired.signal);
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const verdict = new Verdict(
          "timed-out",
          `the step ${step} took longer than ${Math.round(deadlineMs / 1000)} s`,
        );
        expired.abort(verdict);
        reject(verdict);
      }, deadlineMs);
    });
    return await Promise.race([work(expired.signal), late]);
  } finally {
    clearTimeout(timer);
    attempt.say({ type: "step:ended", step, durationMs: uptimeMs() - started });
  }
}

export function throwIfEnding(attempt: Pick<InFlight, "ending">): void {
  if (attempt.ending.aborted) throw attempt.ending.reason;
}

export function needBase(attempt: InFlight): Base {
  if (attempt.base === null) throw new Error("the attempt was not prepared");
  return attempt.base;
}
