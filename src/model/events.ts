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
