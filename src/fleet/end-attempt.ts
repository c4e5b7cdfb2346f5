/** Writes the end of an attempt, for a supervisor or instead of one. */
import type { End } from "../model/attempt.ts";
import type { Outcome } from "../model/outcome.ts";
import { elapsedSince } from "../model/process.ts";
import { attemptId, type Task } from "../model/task.ts";
import { isoNow, now } from "../system/clock.ts";
import { self } from "../system/process.ts";
import type { Fleet } from "./fleet.ts";

/** What an attempt has to show for itself. */
export type Figures = Pick<
  End,
  "turns" | "tokens" | "costUsd" | "branch" | "commits" | "added" | "removed" | "files" | "pull" | "model"
>;

export function noFigures(task: Pick<Task, "model">): Figures {
  return {
    model: task.model,
    turns: 0,
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    costUsd: null,
    branch: null,
    commits: 0,
    added: 0,
    removed: 0,
    files: [],
    pull: null,
  };
}

/**
 * @param how.cancel take the birth first, so that no supervisor can appear any more
 * @returns whether this end was the first; false also when a supervisor was born before it could be cancelled
 */
export function endAttempt(
  fleet: Pick<Fleet, "store" | "heard">,
  task: Task,
  verdict: { outcome: Outcome; reason: string },
  how: { cancel?: boolean; figures?: Figures } = {},
): boolean {
  const { attempts, journal } = fleet.store;
  const { worker, n } = task;
  if (how.cancel) {
    attempts.bear(worker, n, {
      version: 1,
      by: "cancellation",
      process: self(),
      bornAt: now(),
      reason: verdict.reason,
    });
    if (attempts.birth(worker, n)?.by !== "cancellation") return false;
  }
  const first = attempts.end(worker, n, {
    version: 1,
    attempt: attemptId(worker, n),
    worker,
    repo: task.repo,
    issue: task.issue,
    outcome: verdict.outcome,
    reason: verdict.reason,
    startedAt: task.reservedAt.at,
    endedAt: isoNow(),
    durationMs: elapsedSince(task.reservedAt, now()) ?? 0,
    ...(how.figures ?? noFigures(task)),
  });
  if (first) fleet.heard(journal.append(worker, n, { type: "attempt:ended", ...verdict }));
  return first;
}
