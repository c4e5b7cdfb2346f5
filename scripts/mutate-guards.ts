/**
 * Takes one guard away at a time, in a copy of this tree, and runs the tests that must notice. A guard whose absence nobody
 * notices is no guard, or has no test.
 *
 *   bun scripts/mutate-guards.ts [PART OF A NAME...]      by hand, and weekly in CI; docs/testing.md
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guards } from "./guards/all.ts";
import type { Guard } from "./guards/guard.ts";

/**
 * What a test without its guard leaves alive ends with it: there may be many, made to be hard to kill. A shell is the first
 * process, since nothing of ours takes itself for process 1.
 */
const apart =
  process.getuid?.() === 0 && Bun.which("unshare") !== null
    ? [..."unshare --pid --fork --kill-child --mount-proc /bin/sh -c".split(" "), '"$@"; exit $?', "first"]
    : [];
const root = join(import.meta.dir, "..");
const wanted = process.argv.slice(2);
const chosen = guards.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const folder = mkdtempSync(join(tmpdir(), "cw-guards-"));
const copy = join(folder, "tree");
let caught = 0;
/** What the last run wrote. */
let said = "";
try {
  // An ordinary user runs the copy, too.
  chmodSync(folder, 0o755);
  // Links are enough, and quick: what is changed is a new file.
  if (Bun.spawnSync(["cp", "-al", root, copy]).exitCode !== 0) {
    rmSync(copy, { recursive: true, force: true });
    if (Bun.spawnSync(["cp", "-a", root, copy]).exitCode !== 0) throw new Error(`${root} can't be copied to ${copy}`);
  }
  const whole = new Set<string>();
  for (const guard of chosen) {
    const began = performance.now();
    const key = `${guard.test} ${guard.only ?? ""}`;
    // A test that fails anyway proves nothing.
    const before = whole.has(key) || run(guard);
    if (before) whole.add(key);
    else console.error(said.slice(-3000));
    const verdict = before ? mutated(guard) : "THE TEST FAILS ANYWAY";
    if (verdict === "caught") caught++;
    console.log(
      `${verdict.padEnd(8)}  ${guard.name} (${guard.file}; ${guard.test}; ${((performance.now() - began) / 1000).toFixed(1)} s)`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${caught} of ${chosen.length} guards are missed when they are gone`);
process.exitCode = caught === chosen.length ? 0 : 1;

function mutated(guard: Guard): string {
  const path = join(copy, guard.file);
  const text = readFileSync(path, "utf8");
  if (text.split(guard.text).length !== 2) return "NOT THERE";
  replace(
    path,
    text.replace(guard.text, () => guard.instead),
  );
  try {
    return run(guard) ? "UNSEEN" : "caught";
  } finally {
    replace(path, text);
  }
}

/** @returns whether the tests passed, and at least one ran */
function run({ test, only }: Guard): boolean {
  const args = [
    "--config=bin/empty-bunfig.toml",
    "test",
    "--timeout=120000",
    ...(only ? ["-t", only] : []),
    `./${test}`,
  ];
  // What waits for ever without its guard is noticed, too.
  const ran = Bun.spawnSync([...apart, process.execPath, ...args], {
    cwd: copy,
    stdout: "ignore",
    stderr: "pipe",
    timeout: 150_000,
    killSignal: "SIGKILL",
  });
  said = ran.stderr.toString();
  return ran.exitCode === 0 && / [1-9]\d* pass/.test(said);
}

function replace(path: string, text: string): void {
  // Not through the link: that is the tree itself.
  if (existsSync(path)) rmSync(path);
  writeFileSync(path, text);
}
