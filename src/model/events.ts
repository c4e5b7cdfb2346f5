/** The one event stream: what fleet and scheduler say, what store appends as JSON lines, what everything else reads. */
import type { Outcome } from "./outcome.ts";

/** Parts of an attempt, in their order. */
const steps = ["birth", "prepare", "agent", "collect", "verify", "publish", "close-out"] as const;
export type Step = (typeof steps)[number];

export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

/** `noun:verb` and its data. Texts of agents and of GitHub are as they came: hostile until printed through `printable`. */
type Facts =
  | { type: "worker:created" }
  | { type: "attempt:reserved"; repo: string; issue: number | null; agent: string; model: string }
  | { type: "issue:read"; title: string; author: string; hidden: number }
  | { type: "issue:claimed"; sha: string; epoch: number }
  | { type: "issue:labelled"; label: string }
  | { type: "issue:unlabelled"; label: string }
  | { type: "attempt:spawned"; pid: number }
  | { type: "attempt:born"; pid: number }
  | { type: "step:started"; step: Step; deadlineMs: number | null }
  | { type: "step:ended"; step: Step; durationMs: number }
  | { type: "agent:started"; pid: number; isolation: string; sessionId: string; resume: boolean }
  | { type: "agent:ready"; model: string; version: string }
  | { type: "agent:activity"; kind: "text" | "tool" | "result"; text: string }
  | { type: "agent:usage"; turns: number; tokens: Tokens; costUsd: number | null }
  | { type: "agent:waiting"; reason: string }
  | { type: "agent:parked"; until: string }
  | { type: "agent:spoke"; word: string; text: string }
  | { type: "egress:denied"; target: string; reason: string }
  | { type: "agent:ending"; why: string }
  | { type: "agent:exited"; code: number | null; signal: string | null; dropped: number }
  | { type: "claim:renewed"; sha: string }
  | { type: "claim:renewal-failed"; reason: string }
  | { type: "claim:finished"; state: string }
  | { type: "work:collected"; head: string | null; commits: number }
  | { type: "work:verified"; commits: number; added: number; removed: number; files: number }
  | { type: "work:saved"; file: string; bytes: number }
  | { type: "branch:published"; branch: string; head: string }
  | { type: "pull:verified"; number: number; url: string; adopted: boolean }
  | { type: "comment:posted"; url: string }
  | { type: "issue:filed"; number: number; url: string }
  | { type: "attempt:ended"; outcome: Outcome; reason: string }
  | { type: "warning"; message: string };

export type FleetEvent = Facts & {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly worker: string;
  /** `01-7`; null for what concerns the worker alone. */
  readonly attempt: string | null;
};

/** What a verb says; the store adds when, who and which attempt. */
export type Said = Facts;

/** How a field's type is told at run time; `?` for one that may be null. */
type Kind<T> = null extends T ? `${Name<Exclude<T, null>>}?` : Name<T>;
type Name<T> = [T] extends [string]
  ? "string"
  : [T] extends [number]
    ? "number"
    : [T] extends [boolean]
      ? "boolean"
      : "tokens";
type Fields<T> = { readonly [F in Exclude<keyof T, "type">]: Kind<T[F]> };

const fields: { readonly [T in Facts["type"]]: Fields<Extract<Facts, { type: T }>> } = {
  "worker:created": {},
  "attempt:reserved": { repo: "string", issue: "number?", agent: "string", model: "string" },
  "issue:read": { title: "string", author: "string", hidden: "number" },
  "issue:claimed": { sha: "string", epoch: "number" },
  "issue:labelled": { label: "string" },
  "issue:unlabelled": { label: "string" },
  "attempt:spawned": { pid: "number" },
  "attempt:born": { pid: "number" },
  "step:started": { step: "string", deadlineMs: "number?" },
  "step:ended": { step: "string", durationMs: "number" },
  "agent:started": { pid: "number", isolation: "string", sessionId: "string", resume: "boolean" },
  "agent:ready": { model: "string", version: "string" },
  "agent:activity": { kind: "string", text: "string" },
  "agent:usage": { turns: "number", tokens: "tokens", costUsd: "number?" },
  "agent:waiting": { reason: "string" },
  "agent:parked": { until: "string" },
  "agent:spoke": { word: "string", text: "string" },
  "egress:denied": { target: "string", reason: "string" },
  "agent:ending": { why: "string" },
  "agent:exited": { code: "number?", signal: "string?", dropped: "number" },
  "claim:renewed": { sha: "string" },
  "claim:renewal-failed": { reason: "string" },
  "claim:finished": { state: "string" },
  "work:collected": { head: "string?", commits: "number" },
  "work:verified": { commits: "number", added: "number", removed: "number", files: "number" },
  "work:saved": { file: "string", bytes: "number" },
  "branch:published": { branch: "string", head: "string" },
  "pull:verified": { number: "number", url: "string", adopted: "boolean" },
  "comment:posted": { url: "string" },
  "issue:filed": { number: "number", url: "string" },
  "attempt:ended": { outcome: "string", reason: "string" },
  warning: { message: "string" },
};

const common = { at: "string", worker: "string", attempt: "string?" };

/** Whether it is an event that this version knows: a line on disk may be a newer one's, or damaged. */
export function isEvent(value: unknown): value is FleetEvent {
  const event = Object(value) as Record<string, unknown>;
  const { type } = event;
  if (typeof type !== "string" || !Object.hasOwn(fields, type)) return false;
  const wanted: Readonly<Record<string, string>> = fields[type as Facts["type"]];
  for (const name in common) if (!fits(event[name], common[name as keyof typeof common])) return false;
  for (const name in wanted) if (!fits(event[name], wanted[name] ?? "")) return false;
  return true;
}

function fits(value: unknown, kind: string): boolean {
  if (kind.endsWith("?")) return value === null || fits(value, kind.slice(0, -1));
  if (kind !== "tokens") return typeof value === kind;
  const tokens = Object(value) as Record<string, unknown>;
  return ["input", "output", "cacheRead", "cacheWrite"].every((name) => typeof tokens[name] === "number");
}
