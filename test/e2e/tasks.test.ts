/** Tasks in words, with an issue and without, and dispatches that are interrupted. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newest } from "../support/attempt.ts";
import { type Ran, type RunOptions, type TestFleet, testFleet, until } from "../support/fleet.ts";

const repo = ["-r", "acme/site"];

describe("a prompt", () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    const fake = join(import.meta.dir, "../fakes/claude");
    fleet = await testFleet({ isolation: "none" });
    // Keeps what arrives on its standard input.
    const tee = join(fleet.folder, "bin/tee");
    writeFileSync(
      tee,
      `#!/bin/sh\n[ "$1" = --version ] && exec ${fake} --version\ntee "$HOME/received" | ${fake} "$@"\n`,
    );
    chmodSync(tee, 0o755);
    fleet.configure({ claude: { path: tee } });
  });
  afterAll(async () => await fleet?.close());

  /** Half a megabyte of what is easily broken on the way. */
  const long = `[[scenario:answer]] [[answer:Read.]]\n${"Zeile \u00e4\u{1f525} 'x' \"y\" $(z) \\n `w` %s\t\r\n".repeat(14_000)}\n\n  end  `;

  async function answered(args: string[], options: RunOptions = {}): Promise<string> {
    const ran = await fleet.cw(["dispatch", ...repo, ...args], { env: { CW_CLAUDE: undefined }, ...options });
    expect({ code: ran.code, stderr: ran.code === 0 ? "" : ran.stderr }).toEqual({ code: 0, stderr: "" });
    const end = await fleet.ended("01");
    expect([end.outcome, end.reason]).toEqual(["answered", "Read."]);
    const prompt = readFileSync(join(fleet.attempt("01", newest(fleet, "01")), "prompt.md"), "utf8");
    expect(readFileSync(join(fleet.root, "01/received"), "utf8") === prompt).toBe(true);
    return prompt;
  }

  test("A5: of half a megabyte comes from standard input to the agent byte for byte", async () => {
    expect(Buffer.byteLength(long)).toBeGreaterThan(500_000);
    expect((await answered(["-p", "-"], { input: long })).includes(`\n\n${long}\n\n`)).toBe(true);
  }, 60_000);

  test("comes from a file, relative to where one stands", async () => {
    writeFileSync(join(fleet.operator, "prompt.txt"), long);
    expect((await answered(["-p", "@prompt.txt"], { cwd: fleet.operator })).includes(`\n\n${long}\n\n`)).toBe(true);
  }, 60_000);

  test("A5: comes from the command line, and what looks like a flag or a shell is text", async () => {
    const text = "[[scenario:answer]] [[answer:Read.]] --dry-run; $(touch /tmp/never) 'quoted'\n-p @nothing";
    expect(await answered(["-p", text])).toContain(`\n\n${text}\n\n`);
    expect(await fleet.leftovers()).toEqual([]);
  }, 60_000);
});

describe("a task", () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await testFleet();
  });
  afterAll(async () => await fleet?.close());
  const done = async (...args: string[]) => {
    const ran = await fleet.cw(["dispatch", ...repo, ...args, "--json"]);
    expect({ code: ran.code, stderr: ran.code === 0 ? "" : ran.stderr }).toEqual({ code: 0, stderr: "" });
    return { dispatched: ran.json(), end: await fleet.ended("01"), watched: await fleet.cw(["watch", "01"]) };
  };

  test("without an issue and without a change is answered, and GitHub is told nothing", async () => {
    fleet.standin.journal.clear();
    const { dispatched, end, watched } = await done("-p", "[[scenario:answer]] [[answer:Forty-two.]]");
    expect(dispatched).toMatchObject({ worker: "01", attempt: "01-1", repo: "acme/site", issue: null });
    expect(end).toMatchObject({ issue: null, outcome: "answered", reason: "Forty-two.", branch: null, pull: null });
    expect(watched.code).toBe(0);
    expect(watched.stdout).toContain("Forty-two.");
    expect(fleet.standin.journal.entries.filter(({ kind, method }) => kind === "rest" && method !== "GET")).toEqual([]);
    expect(await fleet.repo.refs("refs/claude-workers/")).toEqual({});
  }, 60_000);

  test("without an issue is answered by the last words of an agent that changed nothing", async () => {
    const { end } = await done("-p", "[[scenario:no-change]]");
    expect(end).toMatchObject({ outcome: "answered", reason: "There was nothing to do." });
  }, 60_000);

  test("without an issue and with a change is delivered: a pull request that closes nothing", async () => {
    const { end } = await done("-p", "[[scenario:complete]]");
    expect([end.outcome, end.issue]).toEqual(["delivered", null]);
    expect(end.branch).toMatch(/^task-[0-9a-f]{8}$/);
    const [pull, ...more] = fleet.repo.pulls();
    expect([pull?.state, pull?.head, more]).toEqual(["open", end.branch ?? "", []]);
    expect(pull?.headSha).toBe((await fleet.repo.refs("refs/heads/"))[`refs/heads/${end.branch}`] ?? "");
    expect(pull?.body).not.toMatch(/closes/i);
    expect(await fleet.repo.refs("refs/claude-workers/")).toEqual({});
  }, 60_000);

  test("with an issue and words of the operator: the answer is its one comment", async () => {
    const issue = fleet.repo.openIssue({ title: "Why?", body: "Why is it blue?" });
    const { end } = await done(
      "-i",
      String(issue),
      "-p",
      "Investigate, don't fix. [[scenario:answer]] [[answer:Because.]]",
    );
    expect(end).toMatchObject({ outcome: "answered", reason: "Because.", issue });
    expect(fleet.repo.comments(issue).map(({ body }) => body)).toEqual([expect.stringContaining("> Because.")]);
    const prompt = readFileSync(join(fleet.attempt("01", newest(fleet, "01")), "prompt.md"), "utf8");
    expect(prompt.indexOf("Investigate, don't fix.")).toBeLessThan(prompt.indexOf("<<<<<<<<"));
    expect(prompt).toContain("Why is it blue?");
    expect(await fleet.leftovers()).toEqual([]);
  }, 60_000);
});

describe("an interrupt of dispatch", () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await testFleet();
  });
  afterAll(async () => await fleet?.close());

  /** Interrupts while GitHub is slow to answer that request. */
  async function interrupted(
    slow: { method: string; path: RegExp },
    signals: NodeJS.Signals[] = ["SIGINT"],
  ): Promise<Ran & { issue: number }> {
    const issue = fleet.repo.openIssue({ title: "Interrupted", body: "[[scenario:silent]]" });
    const fault = fleet.standin.inject({ ...slow, fault: { delayMs: 1000 } });
    const child = fleet.start(["dispatch", ...repo, "-i", String(issue)]);
    await until("GitHub is asked", () => fault.fired || null);
    for (const signal of signals) child.kill(signal);
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { issue, code, stdout, stderr, json: () => JSON.parse(stdout) };
  }
  const idle = async () => (await fleet.cw(["status", "--json"])).json().workers[0].state === "idle";

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "before the claim (%s): nothing was there to undo",
    async (signal) => {
      const before = newest(fleet, "01");
      const { issue, code, stderr } = await interrupted({ method: "GET", path: /\/issues\/\d+$/ }, [signal]);
      expect([code, stderr]).toEqual([5, expect.stringContaining("interrupted")]);
      expect([await fleet.claim(issue), fleet.repo.labels(issue), newest(fleet, "01") - before, await idle()]).toEqual([
        [],
        [],
        0,
        true,
      ]);
      expect(await fleet.leftovers()).toEqual([]);
    },
    60_000,
  );

  test.each([
    ["the claim", { method: "POST", path: /\/git\/refs$/ }],
    ["the label", { method: "POST", path: /\/issues\/\d+\/labels$/ }],
  ])(
    "during %s: all is undone",
    async (_, slow) => {
      const { issue, code, stderr } = await interrupted(slow);
      expect([code, stderr]).toEqual([5, expect.stringContaining("interrupted: everything was undone")]);
      expect([(await fleet.claim(issue))[0]?.state, fleet.repo.labels(issue), await idle()]).toEqual([
        "released",
        [],
        true,
      ]);
      expect((await fleet.ended("01")).outcome).toBe("refused");
      expect(await fleet.leftovers()).toEqual([]);
    },
    60_000,
  );

  test("after the start: the attempt runs on", async () => {
    const issue = fleet.repo.openIssue({ title: "Started", body: "[[scenario:edit]]" });
    const child = fleet.start(["dispatch", ...repo, "-i", String(issue)]);
    const n = newest(fleet, "01") + 1;
    await until("it is born", () => existsSync(join(fleet.attempt("01", n), "birth.json")) || null);
    child.kill("SIGINT");
    await child.exited;
    const end = await fleet.ended("01", n);
    expect(end).toMatchObject({ outcome: "delivered", issue });
    expect(await fleet.leftovers()).toEqual([]);
  }, 60_000);

  test("KILL in the middle: the next command clears up", async () => {
    fleet.configure({ limits: { ready: "2s" } });
    const { issue, code } = await interrupted({ method: "POST", path: /\/issues\/\d+\/labels$/ }, ["SIGKILL"]);
    fleet.configure({});
    expect([code, (await fleet.claim(issue))[0]?.state]).toEqual([137, "held"]);
    const status = async () => (await fleet.cw(["status", "--json"])).json().workers[0].state;
    expect(
      await until("nobody is waited for any more", async () => ((await status()) === "crashed" ? true : null), 30_000),
    ).toBe(true);
    const next = fleet.repo.openIssue({ title: "Next", body: "[[scenario:edit]]" });
    const ran = await fleet.cw(["dispatch", ...repo, "-i", String(next)]);
    expect({ code: ran.code, stderr: ran.code === 0 ? "" : ran.stderr }).toEqual({ code: 0, stderr: "" });
    expect([(await fleet.claim(issue))[0]?.state, fleet.repo.labels(issue)]).toEqual(["released", []]);
    expect((await fleet.ended("01")).outcome).toBe("delivered");
    expect(await fleet.leftovers()).toEqual([]);
  }, 60_000);
});
