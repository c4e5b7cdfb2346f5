/** Where an attempt is, folded from its events. Pure. */
import type { FleetEvent, Step, Tokens } from "../model/events.ts";

export interface Progress {
  readonly step: Step | null;
  /** Ms that the current step may take; null: it watches limits of its own. */
  readonly stepDeadlineMs: number | null;
  readonly lastActivityAt: string | null;
  /** One line of what it did last; hostile text. */
  readonly lastActivity: string | null;
  readonly turns: number;
  readonly tokens: Tokens;
  readonly costUsd: number | null;
  readonly parkedUntil: string | null;
}

const nothing: Progress = {
  step: null,
  stepDeadlineMs: null,
  lastActivityAt: null,
  lastActivity: null,
  turns: 0,
  tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  costUsd: null,
  parkedUntil: null,
};

/** @param events oldest first; the beginning may be missing */
export function progressOf(events: readonly FleetEvent[]): Progress {
  return events.reduce(advance, nothing);
}

function advance(before: Progress, event: FleetEvent): Progress {
  // Its beginning may be out of sight.
  const step = before.step ?? (event.type.startsWith("agent:") ? "agent" : null);
  const progress: Progress = { ...before, step, lastActivityAt: event.at };
  switch (event.type) {
    case "step:started":
      return { ...progress, step: event.step, stepDeadlineMs: event.deadlineMs };
    case "agent:activity":
      return { ...progress, lastActivity: event.text };
    case "agent:spoke":
      return { ...progress, lastActivity: `${event.word}: ${event.text}` };
    case "agent:waiting":
      return { ...progress, lastActivity: `waiting: ${event.reason}` };
    case "agent:usage":
      return { ...progress, turns: event.turns, tokens: event.tokens, costUsd: event.costUsd };
    case "agent:parked":
      return { ...progress, parkedUntil: event.until };
    case "agent:started":
      return { ...progress, parkedUntil: null };
    default:
      return progress;
  }
}
