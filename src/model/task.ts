/** A task: what a worker is asked to do. Its record is the reservation of an attempt and never changes. */
import * as z from "zod/mini";
import { FleetError } from "./errors.ts";
import { instantSchema, processSchema } from "./process.ts";

/** As safe in an argument as it can be: no leading dash, no space, no slash-less tricks. @throws FleetError `usage` */
export function parseModel(text: string): string {
  if (/^[A-Za-z0-9][\w.:[\]/@-]{0,99}$/.test(text)) return text;
  throw new FleetError(
    "usage",
    `not a model: ${JSON.stringify(text.slice(0, 80))}: expected a name such as sonnet or claude-opus-5-5`,
  );
}

/** Deadlines and caps of one attempt; durations in ms. */
const limitsSchema = z.looseObject({
  /** From the start of the agent to its first event. */
  startMs: z.number(),
  /** Longest silence, counted from the start of the agent. */
  silenceMs: z.number(),
  /** The agent's whole time. */
  wallMs: z.number(),
  /** Between TERM and KILL. */
  graceMs: z.number(),
  /** Longest wait for a usage limit to be lifted. */
  parkedMs: z.number(),
  budgetUsd: z.nullable(z.number()),
  turns: z.nullable(z.number()),
  transcriptBytes: z.number(),
});
export type Limits = z.infer<typeof limitsSchema>;

/** What a task may lead to: `update` a pull request, `read` an answer, `issue` an answer and new issues. */
export const modes = ["update", "read", "issue"] as const;
export type Mode = (typeof modes)[number];

/** `attempts/<n>/task.json` */
export const taskSchema = z.looseObject({
  version: z.literal(1),
  worker: z.string(),
  n: z.number().check(z.int(), z.gte(1)),
  repo: z.string(),
  issue: z.nullable(z.number()),
  agent: z.enum(["claude", "dry-run"]),
  isolation: z.enum(["bubblewrap", "settings", "none"]),
  innerSandbox: z.boolean(),
  model: z.string(),
  mode: z._default(z.enum(modes), "update"),
  limits: limitsSchema,
  /** UUID of the agent's own session. */
  sessionId: z.string(),
  /** Found in the environment of each process of the attempt. */
  cookie: z.string().check(z.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)),
  /** The attempt whose session and clone this one goes on with. */
  resumes: z.nullable(z.number()),
  reservedAt: instantSchema,
  reservedBy: processSchema,
  /** How long the supervisor has to be born. */
  bornWithinMs: z.number(),
});
export type Task = z.infer<typeof taskSchema>;

/** `01-7`: the seventh attempt of worker 01. */
export function attemptId(worker: string, n: number): string {
  return `${worker}-${n}`;
}

export function parseAttemptId(text: string): { worker: string; n: number } | null {
  const found = /^([a-z0-9][a-z0-9-]*)-([1-9][0-9]*)$/.exec(text);
  return found?.[1] === undefined ? null : { worker: found[1], n: Number(found[2]) };
}
