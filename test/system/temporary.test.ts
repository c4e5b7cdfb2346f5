/** Folders for as long as a command runs: each is gone with it, or with the next command when it was killed. */
import { afterAll, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newFolder } from "./folder.ts";

const folder = newFolder();
afterAll(() => folder.remove());
const place = folder.in("tmp");
mkdirSync(place);
const left = () => readdirSync(place).sort();

function run(args: readonly string[]) {
  return Bun.spawn([process.execPath, join(import.meta.dir, "temporary-program.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { TMPDIR: place },
  });
}

async function over(...args: string[]): Promise<string> {
  const child = run(args);
  const said = await new Response(child.stdout).text();
  await child.exited;
  return said.trim();
}

async function atWork(how = "hang") {
  const child = run([how]);
  for await (const _ of child.stdout) break;
  return child;
}

test("gone when the work is over, and when it throws", async () => {
  expect(await over("return")).toMatch(/\/tmp\/cw-version-[0-9a-f]{8}-\d+-\d+-\w{6}: done$/);
  expect(left()).toEqual([]);
  expect(await over("throw")).toMatch(/: no such thing$/);
  expect(left()).toEqual([]);
});

test("what a killed command left goes with the next one; that of a living one and a stranger's stay", async () => {
  const [dead, living] = [await atWork(), await atWork()];
  const [first = "", second = ""] = left();
  const [killed, kept] = first.includes(`-${dead.pid}-`) ? [first, second] : [second, first];
  dead.kill("SIGKILL");
  await dead.exited;
  writeFileSync(join(place, killed, "file"), "of the tool that was asked");
  expect(left()).toHaveLength(2);
  // The same number elsewhere, and a name that is not ours: nobody can tell who lives there.
  const elsewhere = killed.replace(/^cw-version-\w{8}/, "cw-version-00000000");
  const foreign = `${killed.slice(0, -6)}foreig`;
  for (const name of [elsewhere, foreign, "cw-version-abcdef"]) mkdirSync(join(place, name));
  if (process.getuid?.() === 0) chownSync(join(place, foreign), 65_534, 65_534);
  else renameSync(join(place, foreign), join(place, "cw-version-of-nobody"));
  const strangers = left().filter((name) => name !== killed);
  await over("return");
  expect(left()).toEqual(strangers);
  expect(existsSync(join(place, kept))).toBe(true);
  living.kill("SIGKILL");
  await living.exited;
  await over("return");
  expect(left()).toEqual(strangers.filter((name) => name !== kept));
}, 20_000);

test("what a killed demo left goes when nothing of it can be at work any more", async () => {
  const before = left();
  const child = await atWork("demo");
  const [demo = ""] = left().filter((name) => !before.includes(name));
  expect(demo).toMatch(/^cw-demo-/);
  const aged = () => utimesSync(join(place, demo), 0, 0);
  aged();
  await over("return");
  expect(left()).toContain(demo);
  utimesSync(join(place, demo), new Date(), new Date());
  child.kill("SIGKILL");
  await child.exited;
  await over("return");
  expect(left()).toContain(demo);
  aged();
  await over("return");
  expect(left()).toEqual(before);
}, 20_000);
