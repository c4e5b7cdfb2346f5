/** The fake agent is only worth something while it speaks as the real one does: through our own command and reader. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentSignal } from "../../src/agents/agent.ts";
import { claudeAgent } from "../../src/agents/claude.ts";
import { everybody, type SmallFleet, smallFleet } from "../isolation/inside.ts";
import { requestOf } from "./request.ts";

const gate = ["/bin/sh", "-c", 'IFS= read -r go && [ "$go" = go ] && exec "$@"', "gate"] as const;

describe.each(everybody)("as %s, in bubblewrap, behind a gate", (who) => {
  let fleet: SmallFleet;
  let program: string;
  beforeAll(async () => {
    fleet = smallFleet(who);
    program = join(fleet.operator, "claude");
    copyFileSync(join(import.meta.dir, "../fakes/claude"), program);
    chmodSync(program, 0o755);
    await fleet.run("git init -q . && echo base > README.md && git add -A && git commit -qm base");
  });
  afterAll(() => fleet.remove());

  function start(scenario: string, more = "", resume = false) {
    const agent = claudeAgent({
      path: program,
      searchPath: "",
      bun: "/bin/true",
      packageRoot: "/usr",
      voiceServer: "/x",
      hidden: [],
    });
    const provider = { ANTHROPIC_API_KEY: "key" };
    const request = requestOf({ home: fleet.home, cwd: fleet.cwd, controlFolder: fleet.control, resume, provider });
    for (const [name, content] of Object.entries(agent.files(request))) fleet.put(join(fleet.control, name), content);
    const command = agent.command(request);
    const started = fleet.start(
      { ...command, argv: [...gate, ...command.argv] },
      { readOnly: [fleet.control, program] },
    );
    started.process.stdin.write(`go\nA task.\n[[scenario:${scenario}]] ${more}\n`);
    started.process.stdin.end();
    return { ...started, reader: agent.reader() };
  }
  async function play(scenario: string, more = "", resume = false) {
    const { process: child, reader } = start(scenario, more, resume);
    const [out, code] = await Promise.all([child.stdout.text(), child.exited]);
    const signals = out.split("\n").flatMap((line) => reader.read(line));
    const result = signals.findLast((signal) => signal.type === "result");
    return { code, result, bytes: out.length, voice: signals.filter((signal) => signal.type === "voice"), signals };
  }
  const commits = async () => Number((await fleet.run("git rev-list --count HEAD")).out);

  test.each([
    ["edit", "", 0, { ok: true, kind: "done" }, 1],
    ["", "", 0, { ok: false, kind: "error" }, 0],
    ["edit-uncommitted", "", 0, { ok: true, kind: "done" }, 0],
    ["test-and-commit", "", 0, { ok: true, kind: "done" }, 1],
    ["complete", "", 0, { ok: true, kind: "done" }, 1],
    ["no-change", "", 0, { ok: true, kind: "done" }, 0],
    ["answer", "", 0, { ok: true, kind: "done" }, 0],
    ["decline", "", 0, { ok: true, kind: "done" }, 0],
    ["daemons", "", 0, { ok: true, kind: "done" }, 1],
    ["spew", "[[mb:2]]", 0, { ok: true, kind: "done" }, 0],
    ["long-line", "[[mb:2]]", 0, { ok: true, kind: "done" }, 0],
    ["secret", "", 0, { ok: true, kind: "done" }, 1],
    ["workflow-file", "", 0, { ok: true, kind: "done" }, 1],
    ["rewrites-history", "", 0, { ok: true, kind: "done" }, 0],
    ["big-diff", "[[mb:1]]", 0, { ok: true, kind: "done" }, 1],
    ["result-error", "", 1, { ok: false, kind: "error" }, 0],
    ["not-logged-in", "", 1, { ok: false, kind: "auth" }, 0],
    ["auth-401", "", 1, { ok: false, kind: "auth" }, 0],
    ["limited", "[[resets:1795217577]]", 1, { ok: false, kind: "limited" }, 0],
    ["max-turns", "", 1, { ok: false, kind: "turns" }, 0],
    ["max-budget", "", 1, { ok: false, kind: "budget" }, 1],
  ] as const)("%s", async (scenario, more, code, result, made) => {
    const before = await commits();
    if (scenario === "") return expect(await play("no-such-scenario")).toMatchObject({ code: 1, result });
    expect(await play(scenario, more)).toMatchObject({ code, result });
    expect((await commits()) - before).toBe(made);
  });

  test("without a scenario it edits and commits; the limit is over when it is resumed", async () => {
    const before = await commits();
    expect((await play("limited", "", true)).result).toMatchObject({ ok: true });
    expect((await commits()) - before).toBe(1);
  });

  test.each([
    ["exit-1", 1],
    ["killed", 137],
  ])("%s ends without a result", async (scenario, code) => {
    expect(await play(scenario)).toMatchObject({ code, result: undefined });
  });

  test("speaks", async () => {
    expect((await play("complete")).voice.map((said) => said.word)).toEqual(["start", "report_progress", "complete"]);
    expect((await play("answer", "[[answer:Because of X]]")).voice).toEqual([
      { type: "voice", word: "answer", text: "Because of X" },
    ]);
    expect((await play("decline")).voice[0]).toMatchObject({ word: "fail" });
  });

  test("counts", async () => {
    const { signals } = await play("edit");
    expect(signals.findLast((signal) => signal.type === "usage")?.usage).toEqual({
      turns: 3,
      tokens: { input: 3_600, output: 240, cacheRead: 0, cacheWrite: 0 },
      costUsd: 0.0096,
    });
  });

  test("spews as much as it is told", async () => {
    expect((await play("spew", "[[mb:3]]")).bytes).toBeGreaterThan(3_000_000);
    expect((await play("long-line", "[[mb:3]]")).bytes).toBeGreaterThan(3 * 1_048_576);
  });

  test("can't escape, and has what the supervisor gave it", async () => {
    const text = (voice: Extract<AgentSignal, { type: "voice" }>[]) => voice[0]?.text.split("\n") ?? [];
    expect(text((await play("escape", `[[operator:${fleet.operator}]]`)).voice)).toEqual(["tried"]);
    const environment = text((await play("env")).voice);
    expect(environment.filter((line) => line.startsWith("fd "))).toEqual(["fd 0", "fd 1", "fd 2"]);
    expect(environment).toContain("CW_ATTEMPT_COOKIE=cookie-1");
  });

  test.each([
    ["hang", 0],
    ["silent", 1],
    ["bad-init", 1],
    ["no-voice", 1],
    ["ignore-term", 1],
    ["chatty", 3],
  ])("%s does not end by itself", async (scenario, lines) => {
    const { process: child, info, reader } = start(scenario);
    const pid = info()["child-pid"];
    const signals: AgentSignal[] = [];
    const output = child.stdout.getReader();
    const decoder = new TextDecoder();
    for (let text = ""; text.split("\n").length <= lines; ) {
      text += decoder.decode((await output.read()).value);
      signals.push(
        ...text
          .split("\n")
          .slice(0, -1)
          .flatMap((line) => reader.read(line)),
      );
    }
    if (scenario === "bad-init" || scenario === "no-voice")
      expect(signals[0]).toMatchObject({ problems: [expect.any(String)] });
    expect(child.exitCode).toBe(null);
    process.kill(pid, "SIGKILL");
    await child.exited;
  });
});

test("a stranger's flag, no prompt or no policy is refused as by the real one", () => {
  const fake = join(import.meta.dir, "../fakes/claude");
  const run = (...argv: string[]) =>
    Bun.spawnSync([fake, ...argv], { env: { PATH: "/usr/bin:/bin" }, stdin: new Blob([""]) });
  expect(run("--version").stdout.toString()).toBe("2.1.329 (Claude Code)\n");
  expect(run("-p", "--no-such-flag").stderr.toString()).toContain("unknown option");
  expect(run("-p", "--settings", "/nowhere", "--mcp-config", "/nowhere").stderr.toString()).toContain("not found");
  expect(run("-p", "--settings", "/etc/passwd", "--mcp-config", "/etc/passwd").stderr.toString()).toContain(
    "Input must be provided",
  );
});
