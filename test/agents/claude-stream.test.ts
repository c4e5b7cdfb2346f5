import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentSignal } from "../../src/agents/agent.ts";
import { claudeReader } from "../../src/agents/claude-stream.ts";
import { held } from "../support/attack.ts";

type Result = Extract<AgentSignal, { type: "result" }>;

function memory(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

function read(...lines: (string | object)[]): AgentSignal[] {
  const reader = claudeReader();
  return lines.flatMap((line) => reader.read(typeof line === "string" ? line : JSON.stringify(line)));
}

function recorded(name: string): string[] {
  return readFileSync(join(import.meta.dir, "../fixtures/claude", `${name}.jsonl`), "utf8")
    .trim()
    .split("\n");
}

const of = <T extends AgentSignal["type"]>(signals: AgentSignal[], type: T) =>
  signals.filter((signal): signal is Extract<AgentSignal, { type: T }> => signal.type === type);

const init = {
  type: "system",
  subtype: "init",
  model: "claude-sonnet-5-5",
  session_id: "s",
  permissionMode: "dontAsk",
  mcp_servers: [{ name: "worker", status: "connected", source: "dynamic" }],
  claude_code_version: "2.1.329",
};
const use = (id: string, name: string, input: object, more: object = {}) => ({
  type: "assistant",
  parent_tool_use_id: null,
  message: {
    id: `msg_${id}`,
    model: "m",
    content: [{ type: "tool_use", id, name, input }],
    usage: { input_tokens: 10, output_tokens: 1 },
  },
  ...more,
});
const used = (id: string, content: unknown, more: object = {}) => ({
  type: "user",
  message: { role: "user", content: [{ type: "tool_result", tool_use_id: id, content, ...more }] },
});

describe("recorded from the real program", () => {
  test.each([
    ["policy", { ok: true, kind: "done", text: "All done." }],
    ["two-results", { ok: true, kind: "done", text: "after notification" }],
    ["long-tool", { ok: true, kind: "done", text: "after sleep" }],
    ["nearly-limited", { ok: true, kind: "done", text: "near limit" }],
    ["wrong-key", { ok: false, kind: "auth", text: "Invalid API key · Fix external API key" }],
    ["limited", { ok: false, kind: "limited", text: "You've hit your limit · resets 11:32pm (UTC)" }],
    ["server-error", { ok: false, kind: "error", text: expect.stringContaining("API Error: 500") }],
    ["max-turns", { ok: false, kind: "turns", text: "Reached maximum number of turns (2)" }],
    ["max-budget", { ok: false, kind: "budget", text: "Reached maximum budget ($0.02)" }],
    ["interrupted", { ok: false, kind: "error", text: "interrupted (aborted_tools)" }],
  ] as [string, Omit<Result, "type">][])("%s", (name, result) => {
    expect(of(read(...recorded(name)), "result").at(-1)).toEqual({ type: "result", ...result });
  });

  test("an end without a result gives none", () => {
    expect(of(read(...recorded("terminated")), "result")).toEqual([]);
  });

  test.each([
    [
      "policy",
      { turns: 4, tokens: { input: 6000, output: 300, cacheRead: 18_000, cacheWrite: 1_200 }, costUsd: 0.0396 },
    ],
    [
      "two-results",
      { turns: 3, tokens: { input: 3000, output: 150, cacheRead: 9_000, cacheWrite: 600 }, costUsd: 0.0198 },
    ],
    [
      "max-budget",
      { turns: 4, tokens: { input: 4000, output: 200, cacheRead: 12_000, cacheWrite: 800 }, costUsd: 0.0264 },
    ],
  ])("totals of %s", (name, expected) => {
    const usage = of(read(...recorded(name)), "usage").at(-1)?.usage;
    expect(usage).toMatchObject({ turns: expected.turns, tokens: expected.tokens });
    expect(usage?.costUsd).toBeCloseTo(expected.costUsd, 6);
  });

  test("the limit names its end in milliseconds", () => {
    expect(of(read(...recorded("limited")), "limited")).toEqual([{ type: "limited", resetsAt: 1_795_217_577_000 }]);
    expect(of(read(...recorded("nearly-limited")), "limited")).toEqual([]);
  });

  test("a limit that is over, or paid for, is none; and who refuses credentials says nothing of limits", () => {
    const event = (info: object) => JSON.stringify({ type: "rate_limit_event", rate_limit_info: info });
    const rejected = event({ status: "rejected", resetsAt: 1_795_217_577 });
    const result = (more: object) =>
      JSON.stringify({ type: "result", subtype: "success", is_error: true, result: "API Error", ...more });
    const kindOf = (...lines: string[]) => of(read(...lines), "result").at(-1)?.kind;
    expect(kindOf(rejected, result({ api_error_status: 500 }))).toBe("limited");
    expect(kindOf(rejected, event({ status: "allowed" }), result({ api_error_status: 500 }))).toBe("error");
    expect(of(read(rejected, event({ status: "allowed" })), "limited").at(-1)?.resetsAt).toBeNull();
    expect(kindOf(event({ status: "rejected", isUsingOverage: true }), result({ api_error_status: 500 }))).toBe(
      "error",
    );
    expect(kindOf(rejected, result({ api_error_status: 401 }))).toBe("auth");
  });

  test("retries are waiting, a tool that runs long is a heartbeat", () => {
    expect(of(read(...recorded("wrong-key")), "waiting")[0]?.reason).toBe(
      "the model answers 401 authentication_failed; try 1 failed",
    );
    expect(read(recorded("long-tool").find((line) => line.includes('"tool_progress"')) ?? "")).toEqual([
      { type: "heartbeat" },
    ]);
  });
});

describe("init", () => {
  test("as the policy demands", () => {
    expect(read(init)).toEqual([
      { type: "init", model: "claude-sonnet-5-5", version: "2.1.329", sessionId: "s", problems: [] },
    ]);
  });
  test.each([
    [{ permissionMode: "default" }, "permission mode is default, not dontAsk"],
    [{ permissionMode: "bypassPermissions" }, "permission mode is bypassPermissions, not dontAsk"],
    [{ mcp_servers: [{ name: "worker", status: "failed" }] }, "the voice server is failed, not connected"],
    [{ mcp_servers: [] }, "the voice server is missing, not connected"],
    [{ claude_code_version: "2.1.197" }, "version is 2.1.197, not 2.1.329 or newer"],
    [{ claude_code_version: "latest" }, "version is latest, not 2.1.329 or newer"],
    [{ claude_code_version: `2.1.${"9".repeat(20)}` }, `version is 2.1.${"9".repeat(20)}, not 2.1.329 or newer`],
    [{ claude_code_version: "2.1.400\u0000" }, "version is 2.1.400\u0000, not 2.1.329 or newer"],
    [{ claude_code_version: undefined }, "version is unknown, not 2.1.329 or newer"],
  ])("%j", (change, problem) => {
    expect(of(read({ ...init, ...change }), "init")[0]?.problems).toEqual([problem]);
  });
  test("the policy was in force in the recorded session", () => {
    expect(of(read(...recorded("policy")), "init")[0]?.problems).toEqual([]);
    expect(of(read(...recorded("max-turns")), "init")[0]?.problems).toHaveLength(2);
  });
});

describe("voice", () => {
  test.each([
    ["start", {}, ""],
    ["report_progress", { message: "half" }, "half"],
    ["complete", { summary: "did it" }, "did it"],
    ["answer", { text: "42" }, "42"],
    ["fail", { reason: "no access" }, "no access"],
  ])("%s counts once it was accepted", (word, input, text) => {
    const signals = read(use("t1", `mcp__worker__${word}`, input), used("t1", [{ type: "text", text: "Noted." }]));
    expect(of(signals, "voice")).toEqual([{ type: "voice", word, text } as never]);
  });
  test.each([
    [
      "refused by the tool",
      [use("t", "mcp__worker__complete", { summary: "x" }), used("t", "too long", { is_error: true })],
    ],
    ["never answered", [use("t", "mcp__worker__complete", { summary: "x" })]],
    ["answered under another id", [use("t", "mcp__worker__complete", { summary: "x" }), used("u", "Noted.")]],
    ["answered before it was asked", [used("t", "Noted."), use("t", "mcp__worker__complete", { summary: "x" })]],
    ["another word", [use("t", "mcp__worker__toString", {}), used("t", "Noted.")]],
    ["another server", [use("t", "mcp__other__complete", { summary: "x" }), used("t", "Noted.")]],
    [
      "only printed",
      [
        use("t", "Bash", { command: "echo mcp__worker__complete" }),
        used("t", '{"type":"tool_use","name":"mcp__worker__complete"}'),
      ],
    ],
    [
      "of a helper of the agent",
      [use("t", "mcp__worker__fail", { reason: "x" }, { parent_tool_use_id: "toolu_0" }), used("t", "Noted.")],
    ],
  ])("does not count when %s", (_, lines) => {
    expect(of(read(...lines), "voice")).toEqual([]);
  });
  test("an answer is accepted once", () => {
    expect(
      of(read(use("t", "mcp__worker__start", {}), used("t", "Noted."), used("t", "Noted.")), "voice"),
    ).toHaveLength(1);
  });
});

describe("usage", () => {
  const said = (id: string, usage: object, model = "m") => ({
    type: "assistant",
    message: { id, model, content: [], usage },
  });
  test("several lines of one message count once", () => {
    const usage = { input_tokens: 100, output_tokens: 1, cache_read_input_tokens: 5, cache_creation_input_tokens: 6 };
    const last = of(read(said("a", usage), said("a", usage), said("b", usage)), "usage").at(-1)?.usage;
    expect(last).toEqual({ turns: 2, tokens: { input: 200, output: 2, cacheRead: 10, cacheWrite: 12 }, costUsd: null });
  });
  test("also when hundreds of others lie between them, in a session of thousands", () => {
    const one = { input_tokens: 1 };
    const others = (of: string, count: number) => Array.from({ length: count }, (_, at) => said(`${of}${at}`, one));
    const last = of(read(...others("before", 3000), said("a", one), ...others("after", 900), said("a", one)), "usage");
    expect(last.at(-1)?.usage).toMatchObject({ turns: 3901, tokens: { input: 3901 } });
  });
  test("words of the program itself are no turn", () => {
    expect(of(read(said("a", { input_tokens: 1 }, "<synthetic>")), "usage")).toEqual([]);
  });
  test("a resumed session reports its past as well: only what is new counts", () => {
    const model = (inputTokens: number, costUSD: number) => ({ m: { inputTokens, outputTokens: 1, costUSD } });
    const result = {
      type: "result",
      subtype: "success",
      total_cost_usd: 9,
      modelUsage: model(1000, 9),
      model_usage_since_last_result: model(10, 0.5),
    };
    expect(of(read(said("a", { input_tokens: 10 }), result), "usage").at(-1)?.usage).toEqual({
      turns: 1,
      tokens: { input: 10, output: 1, cacheRead: 0, cacheWrite: 0 },
      costUsd: 0.5,
    });
  });
  test("without that field the totals of the session have to do", () => {
    const result = {
      type: "result",
      subtype: "success",
      total_cost_usd: 2,
      modelUsage: { m: { inputTokens: 7 }, n: { inputTokens: 1, outputTokens: 3 } },
    };
    expect(of(read(result, result), "usage").at(-1)?.usage).toMatchObject({
      tokens: { input: 8, output: 3 },
      costUsd: 2,
    });
  });
});

describe("blame", () => {
  const result = (more: object) => ({ type: "result", subtype: "success", is_error: true, result: "words", ...more });
  test.each([
    [{ api_error_status: 401 }, "auth"],
    [{ api_error_status: 403 }, "auth"],
    [{ result: "Not logged in · Please run /login", api_error_status: null }, "auth"],
    [{ result: "authentication_failed" }, "auth"],
    [{ api_error_status: 429, api_error: "usage_limit_reached" }, "limited"],
    [{ api_error_status: 429 }, "error"],
    [{ api_error_status: 500 }, "error"],
    [{ subtype: "error_during_execution", errors: ["a", "b"], result: undefined }, "error"],
    [{ subtype: "error_during_execution", is_error: false }, "error"],
    [{ is_error: false, terminal_reason: "aborted_streaming" }, "error"],
  ] as [object, Result["kind"]][])("%j", (more, kind) => {
    expect(of(read(result(more)), "result")[0]).toMatchObject({ ok: false, kind });
  });
});

describe("whatever comes", () => {
  test.each([
    ["nothing", ""],
    ["half a line", '{"type":"result","subty'],
    ["no object", "[1,2]"],
    ["null", "null"],
    ["a number for a type", '{"type":7}'],
    ["an inherited name for a type", '{"type":"toString"}'],
    ["junk", "\u0000\u001b[2J"],
    ["very deep", "[".repeat(200_000)],
    ["a known kind in a strange shape", '{"type":"assistant","message":"hello"}'],
    ["content of a strange shape", '{"type":"user","message":{"content":[null]}}'],
  ])("%s does no harm", (_, line) => {
    expect(read(line).filter((signal) => signal.type !== "heartbeat")).toEqual([]);
  });
  test("a kind of line that is new shows that the program lives", () => {
    expect(read({ type: "something_new", x: 1 })).toEqual([{ type: "heartbeat" }]);
    expect(read({ type: "system", subtype: "something_new" })).toEqual([{ type: "heartbeat" }]);
  });
  test("what is deeper than can be written is a call all the same", () => {
    const deep = `{"x":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    const line = JSON.stringify(use("t", "Tool", {})).replace('"input":{}', `"input":${deep}`);
    expect(of(read(line), "activity")).toEqual([{ type: "activity", kind: "tool", text: "Tool" }]);
  });
  test.each([
    ["proposals", "mcp__worker__propose_issue", "body"],
    ["words", "mcp__worker__complete", "summary"],
  ])("A56: %s that are never accepted take no memory without end", (_, name, field) => {
    const reader = claudeReader();
    const before = memory();
    for (let at = 0; at < 2_000; at++)
      reader.read(JSON.stringify(use(`t${at}`, name, { [field]: "x".repeat(60_000) })));
    for (let at = 0; at < 60; at++) reader.read(JSON.stringify(use(`l${at}`, name, { [field]: "x".repeat(4 << 20) })));
    const taken = memory() - before;
    // The last one counts.
    const kinds = reader.read(JSON.stringify(used("l59", "Noted."))).map(({ type }) => type);
    expect(kinds).toContainAnyValues(["voice", "proposal"]);
    held("A56", 2_060, taken > 40 << 20 ? [`${taken >> 20} MiB`] : []);
  });
  test("A56: ids that no program gives take no memory", () => {
    const reader = claudeReader();
    const before = memory();
    for (let at = 0; at < 60; at++) {
      const id = `${at}${"x".repeat(1 << 20)}`;
      reader.read(JSON.stringify(use(id, "mcp__worker__complete", { summary: "x" })));
    }
    const taken = memory() - before;
    held("A56", 60, taken > 20 << 20 ? [`${taken >> 20} MiB`] : []);
    expect(of([...reader.read(JSON.stringify(used(`1${"x".repeat(1 << 20)}`, "Noted.")))], "voice")).toEqual([]);
  });
  test("huge texts are cut", () => {
    const text = "x".repeat(5_000_000);
    for (const signal of read(
      use("t", "Bash", { command: text }),
      used("t", text),
      used("t", [{ type: "text", text }]),
    )) {
      expect(JSON.stringify(signal).length).toBeLessThan(3_000);
    }
  });
  test("numbers that are none count as nothing", () => {
    const usage = { input_tokens: "many", output_tokens: null, cache_read_input_tokens: 1 };
    expect(read({ type: "assistant", message: { id: "a", content: [], usage } })).toEqual([
      {
        type: "usage",
        usage: { turns: 1, tokens: { input: 0, output: 0, cacheRead: 1, cacheWrite: 0 }, costUsd: null },
      },
    ]);
  });
});

test("essential are results, limits, the beginning and the agent's words", () => {
  const { essential } = claudeReader();
  expect(
    [init, { type: "result", subtype: "success" }, use("t", "mcp__worker__answer", { text: "x" })].map((line) =>
      essential(JSON.stringify(line)),
    ),
  ).toEqual([true, true, true]);
  expect(recorded("limited").map(essential)).toEqual([true, true, false, true]);
  expect(
    [use("t", "Bash", { command: "x" }), used("t", "result"), used("t", '{"type":"result"}'), "junk", '"result"'].map(
      (line) => essential(typeof line === "string" ? line : JSON.stringify(line)),
    ),
  ).toEqual([false, false, false, false, false]);
});
