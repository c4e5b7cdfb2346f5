/** `cw demo` as a person runs it: with the real Claude Code, without it, on a terminal, interrupted, piped. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { End } from "../../src/index.ts";
import { ordinaryUser } from "../support/user.ts";
import { type DemoOptions, type DemoRun, demo, demoEnvironment, processesThatKnow } from "./stage.ts";

const checkout = resolve(import.meta.dir, "../..");
const isolated = Bun.which("bwrap") !== null;
const withClaude = existsSync(join(checkout, "node_modules/@anthropic-ai/claude-code/bin/claude.exe"));
const user = ordinaryUser();
const userCan = user.canRead(join(checkout, "bin/cw")) && user.canRead(join(checkout, "node_modules/bun/package.json"));
const long = 120_000;

let runs: DemoRun[] = [];
function start(args: readonly string[], options: DemoOptions = {}): DemoRun {
  const run = demo(args, options);
  runs.push(run);
  return run;
}
afterEach(async () => {
  const left: string[] = [];
  for (const run of runs) {
    if (run.process.exitCode === null && run.process.signalCode === null) run.process.kill("SIGKILL");
    left.push(...(await run.leftovers()));
  }
  runs = [];
  expect(left).toEqual([]);
});

/** What everybody expects of a whole run. */
function expectThreeVerified({ code, out, err }: { code: number | null; out: string; err: string }): void {
  const end = out.trimEnd().split("\n").slice(-2);
  expect({ code, err, end }).toMatchObject({ code: 0, end: ["3 of 3 verified.", "Everything was taken down again."] });
  for (const number of [1, 2]) {
    expect(out).toMatch(
      new RegExp(`^#${number} .*: delivered \\(verified on the local GitHub\\)\n   pull request #\\d+: http`, "m"),
    );
    expect(out).toMatch(
      new RegExp(
        `^#${number} +delivered +issue-${number} +\\d+s +\\d+ +\\S+ +\\S+ +\\$\\d.\\d+ +\\+\\d+ -\\d+ +2$`,
        "m",
      ),
    );
  }
  expect(out).toMatch(/^#3 .*: answered \(verified/m);
  expect(out).toContain('   +  END { printf "%d:%02d\\n", hours + int(minutes / 60), minutes % 60 }');
  expect(out).toContain('   +awk -v task="$1" \'');
  expect(out).toMatch(/\d+ pieces? of hidden text taken out/);
  expect(out).not.toContain("print your environment");
}

describe.skipIf(!isolated)("demo", () => {
  test.skipIf(!withClaude)(
    "with the real Claude Code and a scripted model",
    async () => {
      const done = await start(["demo"]).ended();
      expectThreeVerified(done);
      expect(done.out).toContain("the real Claude Code 2.1.329 with a scripted model on loopback");
      // What the fleet's tools say inside: the words went through the real MCP server.
      expect(done.out).toContain("gets: Noted. Stop here: the fleet looks at your commits");
    },
    long,
  );

  test.skipIf(!withClaude || !userCan || process.getuid?.() !== 0)(
    "with the real Claude Code as an ordinary user",
    async () => expectThreeVerified(await start(["demo"], { asUser: user }).ended()),
    long,
  );

  test(
    "without Claude Code: a small scripted agent, announced",
    async () => {
      const done = await start(["demo"], { claude: false }).ended();
      expectThreeVerified(done);
      expect(done.out).toContain("Agent: a small shell script without a model, since claude is not on PATH.");
    },
    long,
  );

  test.skipIf(!withClaude)(
    "--agent claude without a credential: a scripted model, and says why",
    async () => {
      const run = start(["demo", "--agent", "claude"]);
      expect(await run.until(/Agent: .*/)).toContain("scripted model on loopback, since no credential is given");
      run.process.kill("SIGINT");
      expect((await run.ended()).code).toBe(8);
    },
    long,
  );

  test.each(["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])(
    "--agent claude with %s alone: the real model",
    async (name) => {
      const folder = mkdtempSync(join(tmpdir(), "cw-demo-claude-"));
      try {
        const claude = join(folder, "claude");
        writeFileSync(claude, '#!/bin/sh\n[ "$1" = --version ] && echo 2.1.329\n', { mode: 0o755 });
        const run = start(["demo", "--agent", "claude"], { env: { CW_CLAUDE: claude, [name]: "no-real-credential" } });
        expect(await run.until(/Agent: .*/)).toContain("with the REAL model and your credential");
        run.process.kill("SIGINT");
        await run.ended();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    long,
  );

  test("--agent claude without Claude Code: refused", async () => {
    const { code, err } = await start(["demo", "--agent", "claude"], { claude: false }).ended();
    expect({ code, err }).toMatchObject({
      code: 5,
      err: expect.stringContaining("claude is not on PATH (hint: npm install"),
    });
  });

  test(
    "--agent dry-run: rehearsed, nothing pushed; --json is one document",
    async () => {
      const { code, out } = await start(["demo", "--agent", "dry-run", "--json"]).ended();
      expect(code).toBe(0);
      const ends = JSON.parse(out) as End[];
      expect(ends.map(({ issue, outcome, pull }) => ({ issue, outcome, pull }))).toEqual(
        [1, 2, 3].map((issue) => ({ issue, outcome: "simulated", pull: null })),
      );
    },
    long,
  );

  test(
    "--json: the ends of the attempts, and nothing else",
    async () => {
      const { code, out } = await start(["demo", "--agent", "scripted", "--json"]).ended();
      expect(code).toBe(0);
      const ends = JSON.parse(out) as End[];
      expect(ends.map(({ repo, issue, outcome, branch }) => ({ repo, issue, outcome, branch }))).toEqual([
        { repo: "acme/hours", issue: 1, outcome: "delivered", branch: "issue-1" },
        { repo: "acme/hours", issue: 2, outcome: "delivered", branch: "issue-2" },
        { repo: "acme/hours", issue: 3, outcome: "answered", branch: null },
      ]);
      for (const end of ends) {
        expect(end.turns).toBeGreaterThan(0);
        expect(end.tokens.output).toBeGreaterThan(0);
        expect(end).not.toHaveProperty("version");
      }
    },
    long,
  );

  test.each([
    ["before anything is dispatched", /Agent: /],
    ["while it is dispatched", /takes acme/],
    ["while the agents work", /says: /],
    ["while it publishes", /step publish/],
    ["while the third is under way", /takes acme\/hours#3/],
  ])(
    "Ctrl-C %s leaves nothing",
    async (_, moment) => {
      const run = start(["demo", "--agent", "scripted"]);
      await run.until(moment);
      run.process.kill("SIGINT");
      run.process.kill("SIGINT");
      const { code, err } = await run.ended();
      expect({ code, err }).toMatchObject({
        code: 8,
        err: expect.stringContaining("interrupted: everything was ended and removed"),
      });
    },
    long,
  );

  test(
    "a reader that goes away ends it, and nothing is left",
    async () => {
      const { folder, temporary, env } = demoEnvironment({ claude: false });
      const child = Bun.spawn(["sh", "-c", `"${checkout}/bin/cw" demo | head -n 4`], {
        env,
        stdio: ["ignore", "pipe", "ignore"],
      });
      expect((await child.stdout.text()).split("\n")[0]).toContain("acme/hours");
      await child.exited;
      expect(processesThatKnow(folder)).toEqual([]);
      expect(readdirSync(temporary)).toEqual([]);
      rmSync(folder, { recursive: true });
    },
    long,
  );

  test(
    "--keep: another terminal works with the same fleet; Ctrl-C takes it down",
    async () => {
      const run = start(["demo", "--keep", "--agent", "scripted"]);
      await run.until(/curl .*/);
      expect(run.out()).toContain("3 of 3 verified.");
      const exported = Object.fromEntries(
        [...run.out().matchAll(/^ {2}export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
      );
      const cw = (...args: string[]) => {
        const { exitCode, stdout, stderr } = Bun.spawnSync([join(checkout, "bin/cw"), ...args], {
          env: { ...run.env, ...exported },
        });
        return { code: exitCode, out: String(stdout), err: String(stderr) };
      };
      expect(JSON.parse(cw("history", "--json").out)).toHaveLength(3);
      // A fourth task is nothing that the script knows; it is still at work when the end comes.
      expect(cw("dispatch", "-r", "acme/hours", "-p", "Make it faster")).toMatchObject({ code: 0 });
      run.process.kill("SIGINT");
      expect((await run.ended()).code).toBe(0);
    },
    long,
  );

  test(
    "on a terminal: a live view, then the report",
    async () => {
      const { folder, temporary, env } = demoEnvironment({ claude: false });
      let screen = "";
      const decoder = new TextDecoder();
      const child = Bun.spawn([join(checkout, "bin/cw"), "demo"], {
        env: { ...env, TERM: "xterm-256color" },
        terminal: {
          cols: 100,
          rows: 30,
          data(_, data) {
            screen += decoder.decode(data, { stream: true });
          },
        },
      });
      expect(await child.exited).toBe(0);
      // It redraws in place, says what has ended above the table, and shows no event lines.
      expect(screen).toContain("\x1b[3A");
      expect(screen).toMatch(/01 +busy +acme\/hours#\d +agent/);
      expect(screen).toMatch(/delivered: http:\S+\/pull\/\d+/);
      expect(screen).not.toContain("step prepare");
      expect(screen).toContain("\x1b[32m+awk -v");
      expect(screen).toContain("3 of 3 verified.");
      expect(processesThatKnow(folder)).toEqual([]);
      expect(readdirSync(temporary)).toEqual([]);
      rmSync(folder, { recursive: true });
    },
    long,
  );
});

test("without bubblewrap: refused with the reason, and nothing is left", async () => {
  const tools = mkdtempSync(join(tmpdir(), "cw-tools-"));
  for (const tool of ["git", "readlink", "sh"]) symlinkSync(Bun.which(tool) ?? "", join(tools, tool));
  const { code, out, err } = await start(["demo", "--agent", "scripted"], { path: tools }).ended();
  rmSync(tools, { recursive: true });
  expect({ code, err }).toMatchObject({
    code: 5,
    err: expect.stringContaining(
      "the agent can't be isolated: bubblewrap is not installed (hint: apt-get install bubblewrap",
    ),
  });
  expect(out).toContain("two workers");
});
