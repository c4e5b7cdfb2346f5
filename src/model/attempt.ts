/**
 * An attempt: one supervised agent process working on a task. Four turning points, each a record that is created once:
 *
 *     reserve --> birth (a supervisor, or a cancellation) --> [stop] --> end
 *
 * The first to create a record wins. Nothing else decides a state.
 */
import * as z from "zod/mini";
import type { Tokens } from "./events.ts";
import { type Outcome, outcomeNames } from "./outcome.ts";
import { elapsedSince, type Instant, instantSchema, type Liveness, processSchema } from "./process.ts";
import type { Task } from "./task.ts";

/** A line of `processes.jsonl`: the child of the supervisor and, with a pid namespace, the first process inside. */
export const startedSchema = z.looseObject({ monitor: processSchema, first: z.nullable(processSchema) });
export type Started = z.infer<typeof startedSchema>;

/** `base.json` */
export const baseSchema = z.looseObject({ version: z.literal(1), branch: z.string(), sha: z.string() });
/** What the work of an attempt starts from. */
export type Base = Pick<z.infer<typeof baseSchema>, "branch" | "sha">;

/** `birth.json` */
export const birthSchema = z.looseObject({
  version: z.literal(1),
  /** Absent in what was written before there was this field. */
  attempt: z.optional(z.string()),
  by: z.enum(["supervisor", "cancellation"]),
  process: processSchema,
  bornAt: instantSchema,
  reason: z.nullable(z.string()),
});
export type Birth = z.infer<typeof birthSchema>;

/** `stop.json`: a wish that the supervisor polls for. */
export const stopSchema = z.looseObject({
  version: z.literal(1),
  by: z.enum(["stop", "reset", "shutdown"]),
  at: z.string(),
});
export type Stop = z.infer<typeof stopSchema>;

const tokensSchema = z.looseObject({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
});

/** `end.json`, and a line of `history.jsonl`. */
export const endSchema = z.looseObject({
  version: z.literal(1),
  attempt: z.string(),
  worker: z.string(),
  repo: z.string(),
  issue: z.nullable(z.number()),
  outcome: z.enum(outcomeNames),
  reason: z.string(),
  startedAt: z.string(),
  endedAt: z.string(),
  durationMs: z.number(),
  model: z.string(),
  turns: z.number(),
  tokens: tokensSchema,
  costUsd: z.nullable(z.number()),
  branch: z.nullable(z.string()),
  commits: z.number(),
  added: z.number(),
  removed: z.number(),
  files: z.array(z.string()),
  denied: z.optional(z.number()),
  pull: z.nullable(z.looseObject({ number: z.number(), url: z.string() })),
});

/** How an attempt ended: what `end.json`, `history` and `watch` say of it. Spelt out, since the package ships no zod. */
export interface End {
  version: 1;
  /** `01-7` */
  attempt: string;
  worker: string;
  /** `owner/name` */
  repo: string;
  /** Null for a task without one. */
  issue: number | null;
  outcome: Outcome;
  /** One sentence, or more; hostile text where it is the agent's or GitHub's. */
  reason: string;
  /** ISO 8601, UTC. */
  startedAt: string;
  endedAt: string;
  durationMs: number;
  model: string;
  turns: number;
  tokens: Tokens;
  /** US dollars; null where the agent never said. */
  costUsd: number | null;
  /** Null where nothing was published. */
  branch: string | null;
  commits: number;
  /** Lines. */
  added: number;
  removed: number;
  /** At most 200. */
  files: string[];
  /** Connections that were refused to the agent. Older records lack it. */
  denied?: number | undefined;
  /** The pull request that GitHub has confirmed. */
  pull: { number: number; url: string } | null;
}

/** A record as found on disk. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Everything that is known of a worker's newest attempt. */
export interface AttemptFacts {
  readonly n: number;
  readonly task: Read<Task>;
  readonly birth: Read<Birth> | null;
  readonly stop: Read<Stop> | null;
  readonly end: Read<End> | null;
  /** Of the process that reserved it. Matters only before birth. */
  readonly reserver: Liveness;
  /** Of the process that birth names; "dead" without one. */
  readonly supervisor: Liveness;
  /** Of all other processes of the attempt. Matters only when the supervisor is not alive. */
  readonly processes: Liveness;
  /** Why what was noted of them can't be read; null when it can. */
  readonly unread: string | null;
}

export const states = ["idle", "starting", "busy", "stopping", "crashed", "unknown"] as const;
export type State = (typeof states)[number];

export interface Status {
  readonly state: State;
  /** Why it is crashed or unknown. */
  readonly reason: string | null;
}

/** The only place that derives a state. `facts` null: the worker has no attempt yet. */
export function statusOf(facts: AttemptFacts | null, now: Instant): Status {
  // The terminal record decides alone; whatever else became of the folder no longer matters.
  if (facts === null || facts.end?.ok) return { state: "idle", reason: null };
  for (const read of [facts.task, facts.birth, facts.stop, facts.end]) {
    if (read && !read.ok) return { state: "unknown", reason: read.reason };
  }
  const birth = facts.birth?.ok ? facts.birth.value : null;
  const stopping = facts.stop !== null;
  if (birth === null) return beforeBirth(facts, now);
  if (birth.by === "cancellation")
    return { state: "crashed", reason: "cancelled before its supervisor started; its end is missing" };
  if (facts.supervisor === "unknown")
    return { state: "unknown", reason: "its supervisor belongs to another machine or process namespace" };
  if (facts.supervisor === "alive") return { state: stopping ? "stopping" : "busy", reason: null };
  if (facts.processes === "alive")
    return { state: "stopping", reason: "its supervisor is dead, processes of the attempt still live" };
  if (facts.processes === "unknown")
    return { state: "unknown", reason: facts.unread ?? "can't tell whether processes of the attempt live" };
  return { state: "crashed", reason: "its supervisor vanished" };
}

function beforeBirth(facts: AttemptFacts, now: Instant): Status {
  const task = facts.task.ok ? facts.task.value : null;
  const waited = task && elapsedSince(task.reservedAt, now);
  const soon = task !== null && waited !== null && waited >= 0 && waited < task.bornWithinMs;
  // The supervisor comes after claim and label; while dispatch lives, it is still at those.
  if (soon || facts.reserver === "alive") return { state: "starting", reason: null };
  return { state: "crashed", reason: "its supervisor never started" };
}

/** Whether its supervisor is gone: crashed, or what it left alive is held to no limit by anybody any more. */
export function isAbandoned(facts: AttemptFacts, now: Instant): boolean {
  const { state } = statusOf(facts, now);
  return state === "crashed" || (state === "stopping" && facts.supervisor === "dead");
}

/** Number of the attempt that may be reserved now, or null while the newest one has no end. */
export function nextAttempt(facts: AttemptFacts | null): number | null {
  if (facts === null) return 1;
  return facts.end?.ok ? facts.n + 1 : null;
}

/**
 * Whether somebody other than its supervisor may write the end of an attempt: only when no supervisor can appear any more
 * (birth is taken) and nothing of it lives. A supervisor that is not born yet is first cancelled through birth.
 */
export function mayEndForIt(facts: AttemptFacts): "yes" | "cancel-first" | "no" {
  // Without its task nobody knows the cookie by which its processes are found.
  if (facts.end || !facts.task.ok) return "no";
  if (facts.birth === null) return "cancel-first";
  if (!facts.birth.ok) return "no";
  if (facts.birth.value.by === "cancellation") return facts.processes === "dead" ? "yes" : "no";
  return facts.supervisor === "dead" && facts.processes === "dead" ? "yes" : "no";
}
