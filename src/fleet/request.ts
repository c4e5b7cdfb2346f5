/** What an operator may ask of dispatch, checked before anything is touched. */
import type { Config } from "../config/schema.ts";
import { FleetError } from "../model/errors.ts";
import { parseIssueNumber, parseRepo } from "../model/issue.ts";
import { longestPrompt } from "../model/prompt.ts";
import { type Limits, type Mode, parseModel } from "../model/task.ts";
import { parseWorkerId } from "../model/worker.ts";

/** As the command line or a program gives it. */
export interface DispatchRequest {
  /** `owner/name` */
  readonly repo: string;
  readonly issue?: number | string | undefined;
  /** Default: the first idle worker. */
  readonly worker?: string | undefined;
  /** Words of the operator; with an issue they come beside it. */
  readonly prompt?: string | undefined;
  readonly model?: string | undefined;
  /** Default `update`. */
  readonly mode?: Mode | undefined;
  /** Wall limit of the agent in ms. */
  readonly timeoutMs?: number | undefined;
  readonly budgetUsd?: number | undefined;
  readonly turns?: number | undefined;
  /** Interrupts: what was done is undone, unless the attempt runs already. */
  readonly signal?: AbortSignal | undefined;
}

export interface CheckedRequest {
  readonly repo: string;
  readonly issue: number | null;
  readonly worker: string | null;
  readonly request: string | null;
  readonly model: string;
  readonly mode: Mode;
  readonly limits: Limits;
}

/** What a timer of 31 bits can wait for. */
const longestMs = 24 * 24 * 3_600_000;

/** @throws FleetError `usage` */
export function checkRequest(request: DispatchRequest, config: Config): CheckedRequest {
  const issue = request.issue === undefined ? null : parseIssueNumber(String(request.issue));
  const prompt = request.prompt ?? null;
  if (issue === null && (prompt === null || prompt.trim() === "")) {
    throw new FleetError("usage", "what is to be done? neither an issue nor a prompt is given", {
      hint: `cw dispatch -r ${request.repo} -i 22, or -p "..."`,
    });
  }
  if (prompt !== null && Buffer.byteLength(prompt) > longestPrompt)
    throw new FleetError("usage", "the prompt is larger than 8 MiB");
  if (prompt?.includes("\0")) throw new FleetError("usage", "the prompt contains a NUL character");
  const { limits } = config;
  return {
    repo: parseRepo(request.repo),
    issue,
    worker: request.worker === undefined ? null : parseWorkerId(request.worker),
    request: prompt,
    model: parseModel(request.model ?? config.model),
    mode: request.mode ?? "update",
    limits: {
      startMs: limits.start,
      silenceMs: limits.silence,
      wallMs: within("timeout", request.timeoutMs, longestMs, "above 0 and up to 24 days") ?? limits.wall,
      graceMs: limits.grace,
      parkedMs: limits.parked,
      budgetUsd: within("budget", request.budgetUsd, 1e6, "above 0 and up to a million dollars") ?? limits.budgetUsd,
      turns: within("turns", request.turns, 1e6, "a whole number above 0 and up to a million") ?? limits.turns,
      transcriptBytes: limits.transcriptBytes,
    },
  };
}

function within(name: string, value: number | undefined, most: number, expected: string): number | undefined {
  if (value === undefined || (value > 0 && value <= most && (name !== "turns" || Number.isInteger(value))))
    return value;
  throw new FleetError("usage", `--${name}: ${value} is not ${expected}`, { hint: "cw dispatch --help" });
}
