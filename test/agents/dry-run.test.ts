import { expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { dryRunAgent } from "../../src/agents/dry-run.ts";
import { requestOf } from "./request.ts";

const packageRoot = resolve(import.meta.dir, "../..");
const agent = dryRunAgent({
  bun: process.execPath,
  packageRoot,
  rehearsal: join(packageRoot, "src/agents/rehearsal.ts"),
});

async function rehearse(prompt: string) {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), "cw-dry-")));
  try {
    const { argv, env } = agent.command(requestOf({ cwd, home: cwd }));
    const child = Bun.spawn([...argv], { env, cwd, stdin: new Blob([prompt]), stdout: "pipe", stderr: "inherit" });
    const output = await child.stdout.text();
    const reader = agent.reader();
    const left = [...new Bun.Glob("**").scanSync({ cwd, dot: true, onlyFiles: false })];
    return { exit: await child.exited, signals: output.split("\n").flatMap((line) => reader.read(line)), left };
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

test("says what would be done, changes nothing, costs nothing", async () => {
  const { exit, signals, left } = await rehearse("Fix the typo\nin the title");
  expect(exit).toBe(0);
  expect(left).toEqual([]);
  expect(signals.map((signal) => signal.type)).toEqual([
    "init",
    "activity",
    "activity",
    "activity",
    "activity",
    "usage",
    "result",
  ]);
  expect(signals[0]).toMatchObject({ problems: [] });
  expect(signals[1]).toEqual({ type: "activity", kind: "text", text: "read the prompt (2 lines)" });
  expect(signals.at(-2)).toMatchObject({ usage: { turns: 0, costUsd: 0 } });
  expect(signals.at(-1)).toMatchObject({
    ok: true,
    kind: "done",
    text: expect.stringContaining("4. commit on the branch"),
  });
});

test("the same prompt gives the same lines", async () => {
  expect(await rehearse("x")).toEqual(await rehearse("x"));
});

test("an empty prompt is an error", async () => {
  expect((await rehearse(" \n")).signals.at(-1)).toMatchObject({ ok: false, kind: "error" });
});

test("junk gives nothing; results are essential", () => {
  const { read, essential } = agent.reader();
  expect(["", "{", "null", '{"type":"step"}', '{"type":"voice","word":"fail"}'].flatMap((line) => read(line))).toEqual(
    [],
  );
  expect([essential('{"type":"result","ok":true,"text":""}'), essential('{"type":"step","text":"x"}')]).toEqual([
    true,
    false,
  ]);
});

test("needs no program but Bun, gets no credential, writes no control file", async () => {
  expect(agent.needs).toEqual([process.execPath, packageRoot]);
  expect(agent.files(requestOf())).toEqual({});
  expect(agent.command(requestOf({ provider: { ANTHROPIC_API_KEY: "key" } })).env).not.toHaveProperty(
    "ANTHROPIC_API_KEY",
  );
  expect(await agent.check()).toEqual({ path: process.execPath, version: Bun.version });
});
