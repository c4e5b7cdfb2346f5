/** Which of its limits an agent has run into. Ms of a clock that stands still while the machine sleeps. Pure. */
import type { Limits } from "./task.ts";
import { Verdict } from "./verdict.ts";

export interface Pace {
  readonly startedMs: number;
  /** First thing that the agent said in its own protocol; null before it. */
  readonly readyMs: number | null;
  /** Last output of any kind; the start, before there was any. */
  readonly heardMs: number;
  readonly turns: number;
  readonly costUsd: number | null;
}

export function overdue(pace: Pace, limits: Limits, nowMs: number): Verdict | null {
  const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
  if (nowMs - pace.startedMs >= limits.wallMs)
    return new Verdict("timed-out", `the agent ran for ${seconds(limits.wallMs)}`);
  if (pace.readyMs === null && nowMs - pace.startedMs >= limits.startMs) {
    return new Verdict("stalled", `the agent said nothing in the first ${seconds(limits.startMs)}`);
  }
  if (nowMs - pace.heardMs >= limits.silenceMs)
    return new Verdict("stalled", `the agent said nothing for ${seconds(limits.silenceMs)}`);
  // The agent has these limits too; this is for one that does not keep them.
  if (limits.turns !== null && pace.turns > limits.turns + 1)
    return new Verdict("over-budget", `the agent took more than ${limits.turns} turns`);
  if (limits.budgetUsd !== null && (pace.costUsd ?? 0) > limits.budgetUsd * 1.5) {
    return new Verdict("over-budget", `the agent spent more than ${limits.budgetUsd} US dollars`);
  }
  return null;
}
