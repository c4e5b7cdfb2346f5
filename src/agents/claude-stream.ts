/**
 * Reads Claude Code's stream-json. The order of keys is not stable and new kinds of lines appear with every version, so each
 * line is parsed whole and only what is known is looked at.
 */
import type { AgentReader, AgentSignal, Usage } from "./agent.ts";
import { minimumClaude } from "./claude-check.ts";
import {
  type Assistant,
  type Init,
  type Line,
  type ModelUsage,
  parseLine,
  type RateLimit,
  type Result,
  type User,
} from "./claude-lines.ts";

const shown = 2_000;
/** What the agent says as its result or by its voice is delivered whole, within reason. */
const spoken = 60_000;
/** Calls whose results may still come, with what is spoken in each: a few at a time are made. */
const openCalls = 50;
/** Messages whose lines may still come: those of the agent and its helpers take turns, but none comes back much later. */
const openMessages = 1_000;
/** The one argument of each word of the voice. */
const argumentOf = {
  start: null,
  report_progress: "message",
  complete: "summary",
  answer: "text",
  fail: "reason",
} as const;
type Word = keyof typeof argumentOf;
const proposing = "mcp__worker__propose_issue";

export function claudeReader(): AgentReader {
  const calls = new Map<string, { word: Word; text: string }>();
  const proposals = new Map<string, { title: string; body: string }>();
  const account = usageAccount();
  let limited = false;

  function read(line: string): AgentSignal[] {
    const one = parseLine(line);
    if (one === null) return [];
    switch (one.type) {
      case "system":
        return system(one);
      case "assistant":
        return assistant(one);
      case "user":
        return user(one);
      case "rate_limit_event":
        return limits(one.rate_limit_info);
      case "result":
        return [{ type: "usage", usage: account.settle(one) }, ended(one, limited)];
      case "other":
        return [{ type: "heartbeat" }];
    }
  }

  /** The last word counts: a window may have been reset since, and who pays for more is not kept. */
  function limits({ status, resetsAt, isUsingOverage }: RateLimit["rate_limit_info"]): AgentSignal[] {
    const before = limited;
    limited = status === "rejected" && isUsingOverage !== true;
    if (!limited && !before) return [{ type: "heartbeat" }];
    return [{ type: "limited", resetsAt: limited ? milliseconds(resetsAt) : null }];
  }

  function assistant(line: Assistant): AgentSignal[] {
    const signals: AgentSignal[] = [];
    for (const block of line.message.content) {
      if (block.type === "text" && block.text) signals.push({ type: "activity", kind: "text", text: cut(block.text) });
      if (block.type !== "tool_use" || !block.name) continue;
      signals.push({ type: "activity", kind: "tool", text: cut(`${block.name} ${gist(block.input)}`.trim()) });
      // A helper of the agent speaks for a part of the task at most; what it can't do does not end the whole.
      if (!block.id || line.parent_tool_use_id) continue;
      if (block.name === proposing) {
        const title = textIn(block.input, "title", 200);
        remember(proposals, openCalls, block.id, { title, body: textIn(block.input, "body", spoken) });
      }
      const word = wordOf(block.name);
      if (word !== null) remember(calls, openCalls, block.id, { word, text: argument(word, block.input) });
    }
    const usage = account.count(line);
    if (usage !== null) signals.push({ type: "usage", usage });
    return signals.length === 0 ? [{ type: "heartbeat" }] : signals;
  }

  /** A word counts once its tool has accepted it. */
  function user(line: User): AgentSignal[] {
    const signals: AgentSignal[] = [];
    for (const block of Array.isArray(line.message.content) ? line.message.content : []) {
      if (block.type !== "tool_result") continue;
      signals.push({ type: "activity", kind: "result", text: cut(textOf(block.content)) });
      const proposal = block.tool_use_id ? proposals.get(block.tool_use_id) : undefined;
      if (proposal !== undefined && block.is_error !== true) signals.push({ type: "proposal", ...proposal });
      if (block.tool_use_id) proposals.delete(block.tool_use_id);
      const call = block.tool_use_id ? calls.get(block.tool_use_id) : undefined;
      if (call === undefined || !block.tool_use_id) continue;
      calls.delete(block.tool_use_id);
      if (block.is_error !== true) signals.push({ type: "voice", word: call.word, text: call.text });
    }
    signals.push(...todo(line));
    return signals.length === 0 ? [{ type: "heartbeat" }] : signals;
  }

  return { read, essential };
}

function todo({ tool_use_result: result }: User): AgentSignal[] {
  if (result?.task) {
    return [{ type: "todo", id: result.task.id, subject: cut(result.task.subject), status: "pending" }];
  }
  if (result?.taskId === undefined || result.statusChange === undefined) return [];
  return [{ type: "todo", id: result.taskId, subject: null, status: result.statusChange.to }];
}

function system(line: Extract<Line, { type: "system" }>): AgentSignal[] {
  if (line.subtype === "init") {
    const { model, claude_code_version, session_id } = line;
    return [
      {
        type: "init",
        model: (model ?? "").slice(0, 200),
        version: (claude_code_version ?? "").slice(0, 200),
        sessionId: session_id ?? "",
        problems: problems(line),
      },
    ];
  }
  const said = [line.error_status, line.error].filter((part) => part !== null && part !== undefined).join(" ");
  return [{ type: "waiting", reason: `the model answers ${said || "nothing"}; try ${line.attempt} failed` }];
}

/** The policy is only as good as what the program made of it. */
function problems(init: Init): string[] {
  const found: string[] = [];
  if (init.permissionMode !== "dontAsk") found.push(`permission mode is ${init.permissionMode}, not dontAsk`);
  const voice = init.mcp_servers?.find((server) => server.name === "worker");
  if (voice?.status !== "connected") found.push(`the voice server is ${voice?.status ?? "missing"}, not connected`);
  const version = init.claude_code_version ?? "";
  if (!isAtLeast(version, minimumClaude)) {
    found.push(`version is ${version.slice(0, 200) || "unknown"}, not ${minimumClaude} or newer`);
  }
  return found;
}

function isAtLeast(version: string, least: string): boolean {
  try {
    return /^\d+\.\d+\.\d+/.test(version) && Bun.semver.order(version, least) >= 0;
  } catch {
    // A number without end, a control character: no version at all.
    return false;
  }
}

function ended(line: Result, limited: boolean): AgentSignal {
  const aborted = /^aborted/.test(line.terminal_reason ?? "");
  const words = line.result || line.errors?.join("; ") || line.terminal_reason || line.subtype || "";
  const text = aborted ? `interrupted (${line.terminal_reason})` : words.slice(0, spoken);
  const ok = line.is_error !== true && line.subtype === "success" && !aborted;
  return { type: "result", ok, kind: ok ? "done" : blame(line, text, limited), text };
}

function blame(line: Result, text: string, limited: boolean): Extract<AgentSignal, { type: "result" }>["kind"] {
  if (line.subtype === "error_max_turns") return "turns";
  if (line.subtype === "error_max_budget_usd") return "budget";
  const status = line.api_error_status;
  if (status === 401 || status === 403 || /^Not logged in\b|authentication_failed/.test(text)) return "auth";
  if (limited || line.api_error === "usage_limit_reached") return "limited";
  return "error";
}

/** The oldest gives way: an agent can print more than fits into the supervisor. */
function remember<T>(map: Map<string, T>, most: number, key: string, value: T): void {
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value ?? "");
}

/** While it runs, from the assistant's lines (their output tokens are a lower bound); exact at each result. */
function usageAccount() {
  const seen = new Map<string, Usage["tokens"]>();
  let settled: Usage = { turns: 0, tokens: nothing, costUsd: null };
  /** Sum of what was seen: adding it up for each line would make a long session quadratic. */
  let sum = nothing;
  let turns = 0;
  return {
    /** Several lines share one message and repeat its usage. Null when the line brings nothing new. */
    count({ message }: Assistant): Usage | null {
      const { id, usage, model } = message;
      if (!id || !usage || model === "<synthetic>") return null;
      if (!seen.has(id)) turns++;
      const tokens = {
        input: usage.input_tokens ?? 0,
        output: usage.output_tokens ?? 0,
        cacheRead: usage.cache_read_input_tokens ?? 0,
        cacheWrite: usage.cache_creation_input_tokens ?? 0,
      };
      sum = add(sum, tokens, seen.get(id));
      // All that were ever seen took 180 MB for a transcript of 1 GB.
      remember(seen, openMessages, id, tokens);
      return { turns, tokens: add(settled.tokens, sum), costUsd: settled.costUsd };
    },
    /** The totals of a resumed session include its past; what came since the last result is this process alone. */
    settle(result: Result): Usage {
      const since = result.model_usage_since_last_result;
      const models = Object.values(since ?? result.modelUsage ?? {});
      const before = since ? settled : { tokens: nothing, costUsd: 0 };
      const cost = since ? models.reduce((sum, model) => sum + (model.costUSD ?? 0), 0) : result.total_cost_usd;
      settled = {
        turns,
        tokens: models.map(tokensOf).reduce((sum, one) => add(sum, one), before.tokens),
        costUsd: cost === undefined ? settled.costUsd : (before.costUsd ?? 0) + cost,
      };
      seen.clear();
      sum = nothing;
      return settled;
    },
  };
}

function tokensOf(model: ModelUsage): Usage["tokens"] {
  return {
    input: model.inputTokens ?? 0,
    output: model.outputTokens ?? 0,
    cacheRead: model.cacheReadInputTokens ?? 0,
    cacheWrite: model.cacheCreationInputTokens ?? 0,
  };
}

const nothing: Usage["tokens"] = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

function add(a: Usage["tokens"], b: Usage["tokens"], less = nothing): Usage["tokens"] {
  return {
    input: a.input + b.input - less.input,
    output: a.output + b.output - less.output,
    cacheRead: a.cacheRead + b.cacheRead - less.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite - less.cacheWrite,
  };
}

function wordOf(tool: string): Word | null {
  const word = tool.startsWith("mcp__worker__") ? tool.slice("mcp__worker__".length) : "";
  return Object.hasOwn(argumentOf, word) ? (word as Word) : null;
}

function argument(word: Word, input: Readonly<Record<string, unknown>> | undefined): string {
  const name = argumentOf[word];
  return name === null ? "" : textIn(input, name, spoken);
}

function textIn(input: Readonly<Record<string, unknown>> | undefined, name: string, longest: number): string {
  const value = input?.[name];
  if (typeof value !== "string") return "";
  // A copy: a part of a string keeps the whole of it in memory.
  return value.length <= longest ? value : Buffer.from(value.slice(0, longest)).toString();
}

/** What a person wants to see of a call: the command or the file, else all of it. */
function gist(input: Readonly<Record<string, unknown>> | undefined): string {
  for (const key of ["command", "file_path", "pattern", "description", "message", "summary", "text", "reason"]) {
    const value = input?.[key];
    if (typeof value === "string") return value;
  }
  try {
    return input === undefined ? "" : JSON.stringify(input).slice(0, shown);
  } catch {
    // Deeper than can be written.
    return "";
  }
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: { text?: unknown } | null) => (typeof part?.text === "string" ? part.text : "")).join("\n");
}

function cut(text: string): string {
  return text.length <= shown ? text : `${text.slice(0, shown)}…`;
}

function milliseconds(seconds: number | undefined): number | null {
  return seconds === undefined || !Number.isFinite(seconds) || seconds <= 0 ? null : seconds * 1000;
}

/** Asked only of a transcript that is full, for each of very many lines: hence the cheap test first. */
function essential(line: string): boolean {
  if (!/"(result|init|rate_limit_event|mcp__worker__\w+)"/.test(line)) return false;
  const one = parseLine(line);
  if (one === null) return false;
  if (one.type === "assistant") return one.message.content.some((block) => wordOf(block.name ?? "") !== null);
  return one.type === "result" || one.type === "rate_limit_event" || (one.type === "system" && one.subtype === "init");
}
