/** Writes the end of an attempt, for a supervisor or instead of one. */
import type { End } from "../model/attempt.ts";
import type { Outcome } from "../model/outcome.ts";
import { elapsedSince } from "../model/process.ts";
import { attemptId, type Task } from "../model/task.ts";
import { isoNow, now } from "../system/clock.ts";
import { self } from "../system/process.ts";
import type { Fleet } from "./fleet.ts";

/** An end that is too long to be read again would leave its worker unknown, and who reads events looks at their last 64 KiB. */
const longest = { reason: 30_000, told: 4000, name: 300, files: 200 };

/** What an attempt has to show for itself. */
export type Figures = Pick<
  End,
  "turns" | "tokens" | "costUsd" | "branch" | "commits" | "added" | "removed" | "files" | "pull" | "model"
> & { readonly denied: number };

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
    denied: 0,
    pull: null,
  };
}

/**
 * Takes the birth of an attempt, so that no supervisor can appear any more.
 * @returns false when a supervisor was born first: then the attempt runs
 */
export function cancelBirth(fleet: Pick<Fleet, "store">, task: Task, reason: string): boolean {
  const { attempts } = fleet.store;
  attempts.bear(task.worker, task.n, { version: 1, by: "cancellation", process: self(), bornAt: now(), reason });
  return attempts.birth(task.worker, task.n)?.by === "cancellation";
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
  const { files, model, ...figures } = how.figures ?? noFigures(task);
  if (how.cancel && !cancelBirth(fleet, task, verdict.reason)) return false;
  attempts.tidy(worker, n);
  const first = attempts.end(worker, n, {
    version: 1,
    attempt: attemptId(worker, n),
    worker,
    repo: task.repo,
    issue: task.issue,
    outcome: verdict.outcome,
    reason: cut(verdict.reason, longest.reason),
    startedAt: task.reservedAt.at,
    endedAt: isoNow(),
    durationMs: elapsedSince(task.reservedAt, now()) ?? 0,
    ...figures,
    model: cut(model, longest.name),
    files: files.slice(0, longest.files).map((file) => cut(file, longest.name)),
  });
  const reason = cut(verdict.reason, longest.told);
  if (first) fleet.heard(journal.append(worker, n, { type: "attempt:ended", outcome: verdict.outcome, reason }));
  return first;
}

const cut = (text: string, most: number) => (text.length > most ? `${text.slice(0, most)}[...]` : text);
