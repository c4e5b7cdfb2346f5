/** Real processes that want the same lock. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { oneAtATime } from "../../src/system/lock.ts";
import { newFolder } from "./folder.ts";

const folder = newFolder();
afterAll(() => folder.remove());
let place: string;
beforeEach(() => {
  place = folder.in(crypto.randomUUID());
});

/** Another process that is at it until it is killed. */
async function holder() {
  const program = `
    const { oneAtATime } = await import(${JSON.stringify(join(import.meta.dir, "../../src/system/lock.ts"))});
    await oneAtATime(${JSON.stringify(place)}, "work", async () => { console.log("held"); await new Promise(() => setInterval(() => {}, 1000)); });`;
  const child = Bun.spawn([process.execPath, "--no-env-file", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const reader = child.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("held\n");
  reader.releaseLock();
  return child;
}

test("who has no more patience is told what keeps it, and does nothing", async () => {
  const other = await holder();
  const done: string[] = [];
  const wait = oneAtATime(place, "work", async () => void done.push("work"), 300);
  const error = await wait.catch((thrown: unknown) => thrown);
  other.kill("SIGKILL");
  await other.exited;
  expect(error).toMatchObject({ code: "busy", message: "another command of this fleet has been at `work` for 0 s" });
  expect(done).toEqual([]);
});

test("a killed holder delays others by some seconds, whatever its lock says of the time", async () => {
  const other = await holder();
  other.kill("SIGKILL");
  await other.exited;
  expect(await oneAtATime(place, "work", async () => "done")).toBe("done");
  const years = new Date("2036-01-01T00:00:00Z");
  mkdirSync(join(place, "work.lock"));
  utimesSync(join(place, "work.lock"), years, years);
  expect(await oneAtATime(place, "work", async () => "done", 20_000)).toBe("done");
  expect(existsSync(join(place, "work.lock"))).toBe(false);
}, 30_000);

test("a lock that can't be made is no lock that somebody has", async () => {
  const error = await oneAtATime(place, "no/such", async () => "done").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "ENOENT" });
});
