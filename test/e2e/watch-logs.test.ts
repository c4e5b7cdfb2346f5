/** What an operator sees of attempts: watch, logs, history, status; on a terminal, in a pipe and as JSON. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { begin, events, heard, running } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { onTerminal } from "../support/screen.ts";

let fleet: TestFleet;
const esc = "\u001b";
const title = `Blue ${esc}]0;owned\u0007${esc}[31m roof`;

beforeAll(async () => {
  fleet = await testFleet({ workers: ["01", "02", "03"] });
  const { repo } = fleet;
  const issue = repo.openIssue({ title, body: "[[scenario:complete]]" });
  expect((await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "01"])).code).toBe(0);
  await fleet.ended("01");
  await begin(fleet, { worker: "01", body: "[[scenario:exit-1]]" });
  await fleet.ended("01");
  await begin(fleet, { worker: "02", body: "[[scenario:answer]]" });
  await fleet.ended("02");
}, 60_000);
afterAll(async () => await fleet?.close());

describe("watch", () => {
  test("in a pipe: a line for each event as it happens, no control characters, the table of ends at last", async () => {
    const issue = fleet.repo.openIssue({ title, body: "[[scenario:complete]]" });
    expect((await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "03"])).code).toBe(0);
    const watched = await fleet.cw(["watch", "03"]);
    expect([watched.code, watched.stderr]).toEqual([0, ""]);
    expect(watched.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    const lines = watched.stdout.trimEnd().split("\n");
    const order = [
      "takes acme/site",
      "issue: Blue",
      "claimed the issue",
      "label worker:03 set",
      "step prepare",
      "step agent",
      "agent is ready",
      "says: Done.",
      "step collect",
      "verified +1 -0 in 1 file",
      "pushed issue-",
      "and verified: http",
      "claim done",
      "label worker:03 removed",
      "comment: http",
      "delivered: http",
    ];
    const found = order.map((text) => lines.findIndex((line) => line.includes(text)));
    expect(found.includes(-1) ? order[found.indexOf(-1)] : "all there").toBe("all there");
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    expect(lines.slice(0, -3).filter((line) => !/^\d\d:\d\d:\d\d 03-1 /.test(line))).toEqual([]);
    expect(lines.slice(-3)).toEqual([
      expect.stringMatching(/^ATTEMPT +TASK +OUTCOME/),
      expect.stringMatching(/^03-1 +acme\/site#\d+ +delivered /),
      expect.stringMatching(/^1 attempt, 7680 tokens, \$0\.0192$/),
    ]);
  }, 60_000);

  test("on a terminal: an error ends it", async () => {
    const screen = onTerminal([fleet.program, "watch", "09"], { env: fleet.env, cwd: fleet.folder, columns: 90 });
    expect(await screen.exited).toBe(3);
  }, 60_000);

  test("on a terminal: a table that redraws itself in place, then the ends", async () => {
    const issue = await begin(fleet, { worker: "03", body: "[[scenario:chatty]]" });
    await running(fleet, "03");
    const screen = onTerminal([fleet.program, "watch", "03"], { env: fleet.env, cwd: fleet.folder, columns: 90 });
    const isBusy = (line: string) => new RegExp(`^03 +busy +acme/site#${issue} +agent +\\d+s`).test(line);
    await screen.shows("the worker at work", (lines) => lines.some(isBusy));
    await heard(fleet, "03", "agent:usage", ({ turns }) => turns >= 40);
    const lines = await screen.shows("its progress", (all) =>
      all.some((line) => isBusy(line) && /s +(?:[3-9]\d|\d{3,}) /.test(line)),
    );
    expect(lines.filter((line) => line.startsWith("WORKER"))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("03 "))).toHaveLength(1);
    expect(screen.text).toContain(`${esc}[2A`);
    expect((await fleet.cw(["stop", "03"])).code).toBe(0);
    expect(await screen.exited).toBe(8);
    const last = screen.lines();
    expect(last.filter((line) => /^03-2 +acme\/site#\d+ +stopped /.test(line))).toHaveLength(1);
    expect(last.filter((line) => line.includes(" busy "))).toEqual([]);
    expect((await fleet.cw(["reset", "03"])).code).toBe(0);
  }, 60_000);

  test("of several: ends when all have ended, good only if all are", async () => {
    const both = await fleet.cw(["watch", "01", "02", "--json"]);
    expect([both.code, both.stderr]).toEqual([8, ""]);
    expect(both.json().map((end: { attempt: string; outcome: string }) => [end.attempt, end.outcome])).toEqual([
      ["01-2", "failed"],
      ["02-1", "answered"],
    ]);
    expect((await fleet.cw(["watch", "02"])).code).toBe(0);
    const none = await fleet.cw(["watch", "--all", "--json"]);
    expect([none.code, none.json()]).toEqual([0, []]);
    expect((await fleet.cw(["watch"])).stdout).toBe("every worker is idle\n");
  });
});

describe("logs", () => {
  test("what the agent said, its calls and their results; of an earlier attempt by its number", async () => {
    const { code, stdout } = await fleet.cw(["logs", "01", "--attempt", "1"]);
    expect(code).toBe(0);
    expect(stdout).toContain("> mcp__worker__report_progress Found the place.\n");
    expect(stdout).toContain("< The file has been updated.\n");
    expect(stdout).toEndWith("  Done.\n");
    expect((await fleet.cw(["logs", "01"])).stdout).toBe("");
  });

  test("--raw: the agent's own lines; --stderr: what it wrote there; --json: one document", async () => {
    const raw = await fleet.cw(["logs", "01", "--attempt", "1", "--raw"]);
    const types = raw.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).type);
    expect([types[0], types.at(-1)]).toEqual(["system", "result"]);
    expect((await fleet.cw(["logs", "01", "--stderr"])).stdout).toBe("Error: something broke\n");
    const json = await fleet.cw(["logs", "01", "--attempt", "1", "--json"]);
    expect(json.json().at(-1)).toEndWith(" Done.");
    expect((await fleet.cw(["logs", "01", "--stderr", "--json"])).json()).toEqual(["Error: something broke"]);
  });

  test("into a file: what stands there stays, also where there is nothing to say, and all of it arrives", async () => {
    const file = join(fleet.folder, "kept.txt");
    const into = async (...args: string[]) =>
      await Bun.spawn(["sh", "-c", 'exec "$0" "$@" >> kept.txt', fleet.program, ...args], {
        cwd: fleet.folder,
        env: { ...fleet.env },
        stdio: ["ignore", "ignore", "inherit"],
      }).exited;
    writeFileSync(file, "precious\n");
    expect([await into("logs", "01"), readFileSync(file, "utf8")]).toEqual([0, "precious\n"]);
    expect(await into("logs", "01", "--attempt", "1", "-f")).toBe(0);
    const said = (await fleet.cw(["logs", "01", "--attempt", "1"])).stdout;
    expect(readFileSync(file, "utf8")).toBe(`precious\n${said}`);
  });

  test("--raw of what is no JSON, and of what JSON leaves as it is: nothing that a terminal obeys", async () => {
    const hostile = `${esc}]0;owned\u0007 {"a":"\u009b31m\u202e"}`;
    const sources: [name: string, flag: string[]][] = [
      ["transcript.jsonl", []],
      ["stderr.log", ["--stderr"]],
    ];
    for (const [name, flag] of sources) {
      const file = join(fleet.attempt("02", 1), name);
      const before = existsSync(file) ? readFileSync(file, "utf8") : "";
      writeFileSync(file, `${before}${hostile}\n`);
      const { stdout } = await fleet.cw(["logs", "02", "--raw", ...flag]);
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(stdout).toEndWith(`\\u001b]0;owned\\u0007 {"a":"\\u009b31m\\u202e"}\n`);
      expect((await fleet.cw(["logs", "02", "--raw", ...flag, "--json"])).json().at(-1)).toBe(hostile);
      writeFileSync(file, before);
    }
  });

  test("-f goes on until the attempt ends", async () => {
    await begin(fleet, { worker: "03", body: "[[scenario:chatty]]" });
    const following = fleet.start(["logs", "03", "-f"]);
    const reader = following.stdout.getReader();
    const decoder = new TextDecoder();
    let text = "";
    while (text.split("Still here.").length < 10) text += decoder.decode((await reader.read()).value, { stream: true });
    expect(following.exitCode).toBe(null);
    expect((await fleet.cw(["stop", "03"])).code).toBe(0);
    expect(await following.exited).toBe(0);
    expect((await fleet.cw(["reset", "03"])).code).toBe(0);
  }, 60_000);

  test.each([
    [["logs", "09"], 3, "no worker 09"],
    [["logs", "01", "--attempt", "9"], 3, "no attempt 9"],
    [["logs", "01", "--attempt", "0"], 2, "--attempt"],
    [["history", "09"], 3, "no worker 09"],
    [["history", "--limit", "0"], 2, "--limit"],
    [["history", "--since", "soon"], 2, "--since"],
    [["history", "--outcome", "good"], 2, "--outcome"],
    [["watch", "09"], 3, "no worker 09"],
    [["watch", "01", "--all"], 2, "name the workers, or say --all"],
    [["status", "09"], 3, "no worker 09"],
  ] as const)("%j: exit %d", async (args, code, words) => {
    const ran = await fleet.cw(args);
    expect([ran.code, ran.stdout]).toEqual([code, ""]);
    expect(ran.stderr).toContain(words);
    const json = await fleet.cw([...args, "--json"]);
    expect([json.code, json.stdout]).toEqual([code, ""]);
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { code: code === 2 ? "usage" : "notFound", message: expect.stringContaining(words) },
    });
  });
});

describe("history and status", () => {
  const attempts = async (...args: string[]) =>
    (await fleet.cw(["history", ...args, "--json"])).json().map(({ attempt }: { attempt: string }) => attempt);

  test("history filters by worker, outcome, number and time; newest first", async () => {
    expect(await attempts("01")).toEqual(["01-2", "01-1"]);
    expect(await attempts("--outcome", "answered")).toEqual(["02-1"]);
    expect(await attempts("--limit", "2", "--outcome", "delivered")).toEqual(["03-1", "01-1"]);
    expect(await attempts("01", "--since", "7d")).toEqual(["01-2", "01-1"]);
    expect(await attempts("01", "--since", "1ms")).toEqual([]);
    expect((await fleet.cw(["history", "--since", "1ms"])).stdout).toBe("no attempt has ended yet\n");
    const table = await fleet.cw(["history", "01"]);
    expect(table.stdout).toMatch(
      /^ATTEMPT .*\n01-2 +acme\/site#\d+ +failed .*\n01-1 +acme\/site#\d+ +delivered .*\n2 attempts, /,
    );
  });

  test("history --json has the form that is promised", async () => {
    expect((await fleet.cw(["history", "01", "--json"])).json()[1]).toEqual({
      attempt: "01-1",
      worker: "01",
      repo: "acme/site",
      issue: 1,
      outcome: "delivered",
      reason: expect.stringMatching(/^http/),
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      endedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      durationMs: expect.any(Number),
      model: "claude-sonnet-5-5",
      turns: 6,
      tokens: { input: 7200, output: 480, cacheRead: 0, cacheWrite: 0 },
      costUsd: 0.0192,
      denied: 0,
      branch: "issue-1",
      commits: 1,
      added: 1,
      removed: 0,
      files: ["README.md"],
      pull: { number: 2, url: expect.stringMatching(/^http.*\/pull\/2$/) },
    });
  });

  test("status --json has the form that is promised, while idle and at work", async () => {
    await begin(fleet, { worker: "03", body: "[[scenario:edit-hang]]" });
    await heard(fleet, "03", "agent:usage");
    const { root, workers } = (await fleet.cw(["status", "--json"])).json();
    expect(root).toBe(fleet.root);
    const idle = { state: "idle", reason: null, task: null, attempt: null };
    expect(workers.slice(0, 2)).toEqual([
      { id: "01", ...idle },
      { id: "02", ...idle },
    ]);
    const born = events(fleet, "03").find((event) => event.type === "attempt:born");
    expect(workers[2]).toMatchObject({
      id: "03",
      state: "busy",
      reason: null,
      task: {
        repo: "acme/site",
        issue: expect.any(Number),
        title: "For worker 03",
        model: "sonnet",
        startedAt: expect.any(String),
      },
      attempt: {
        id: expect.stringMatching(/^03-\d$/),
        step: "agent",
        pid: born?.type === "attempt:born" ? born.pid : 0,
        lastActivityAt: expect.any(String),
        turns: 1,
        tokens: { input: 1200, output: expect.any(Number), cacheRead: 0, cacheWrite: 0 },
        costUsd: null,
      },
    });
    const text = await fleet.cw(["status"]);
    expect(text.stdout).toMatch(/^WORKER +STATE .*\n01 +idle\n02 +idle\n03 +busy +acme\/site#\d+ +agent /);
    expect((await fleet.cw(["reset", "-f", "03"])).code).toBe(0);
    expect(await fleet.leftovers()).toEqual([]);
  }, 60_000);

  test("history: neither a clock that was wrong nor a number that came again hides an attempt", async () => {
    const file = join(fleet.root, ".fleet/history.jsonl");
    const first = readFileSync(file, "utf8")
      .split("\n")
      .find((line) => line.includes('"01-1"'));
    const add = (changes: object) =>
      appendFileSync(file, `${JSON.stringify({ ...JSON.parse(first ?? ""), ...changes })}\n`);
    add({ attempt: "02-9", worker: "02", endedAt: "2020-01-01T00:00:00.000Z" });
    expect(await attempts("01", "--since", "7d")).toEqual(["01-2", "01-1"]);
    add({ startedAt: new Date().toISOString(), endedAt: new Date().toISOString() });
    expect(await attempts("01")).toEqual(["01-1", "01-2", "01-1"]);
  });
});
