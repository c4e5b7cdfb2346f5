/** The one read model: what every worker is doing, from disk and /proc alone. No child process, no network. */
import { type State, statusOf } from "../model/attempt.ts";
import type { Step, Tokens } from "../model/events.ts";
import { elapsedSince } from "../model/process.ts";
import { attemptId } from "../model/task.ts";
import { progressOf } from "../reports/progress.ts";
import { now } from "../system/clock.ts";
import { lookOnce } from "../system/process.ts";
import type { Fleet } from "./fleet.ts";

export interface WorkerView {
  readonly id: string;
  readonly state: State;
  /** Why it is crashed or unknown. */
  readonly reason: string | null;
  /** Null when idle. */
  readonly task: {
    readonly repo: string;
    readonly issue: number | null;
    readonly title: string | null;
    readonly model: string;
    readonly startedAt: string;
    /** Null after a reboot. */
    readonly elapsedMs: number | null;
  } | null;
  readonly attempt: {
    readonly id: string;
    readonly step: Step | null;
    readonly pid: number | null;
    readonly lastActivityAt: string | null;
    readonly lastActivity: string | null;
    readonly parkedUntil: string | null;
    readonly turns: number;
    readonly tokens: Tokens;
    readonly costUsd: number | null;
  } | null;
}

/** @param ids default: all. @throws FleetError `notFound` */
export function snapshot(fleet: Pick<Fleet, "store">, ids?: readonly string[]): WorkerView[] {
  const { workers } = fleet.store;
  const all = workers.list();
  for (const id of ids ?? []) if (!all.includes(id)) workers.need(id);
  const at = now();
  const living = lookOnce();
  return (ids ?? all).map((id) => viewOf(fleet, id, at, living));
}

function viewOf(
  fleet: Pick<Fleet, "store">,
  id: string,
  at: ReturnType<typeof now>,
  living: ReturnType<typeof lookOnce>,
): WorkerView {
  const { attempts, journal } = fleet.store;
  const facts = attempts.facts(id, undefined, living);
  const { state, reason } = statusOf(facts, at);
  if (facts === null || state === "idle") return { id, state, reason, task: null, attempt: null };
  const { n } = facts;
  const task = facts.task.ok ? facts.task.value : null;
  const { step, lastActivityAt, lastActivity, parkedUntil, turns, tokens, costUsd } = progressOf(journal.recent(id, n));
  const birth = facts.birth?.ok && facts.birth.value.by === "supervisor" ? facts.birth.value : null;
  return {
    id,
    state,
    reason,
    task: task && {
      repo: task.repo,
      issue: task.issue,
      title: attempts.snapshot(id, n)?.issue?.title ?? null,
      model: task.model,
      startedAt: task.reservedAt.at,
      elapsedMs: elapsedSince(task.reservedAt, at),
    },
    attempt:
      n === 0
        ? null
        : {
            id: attemptId(id, n),
            step,
            pid: birth?.process.pid ?? null,
            lastActivityAt,
            lastActivity,
            parkedUntil,
            turns,
            tokens,
            costUsd,
          },
  };
}
