/** Ending an attempt whose supervisor is gone: alone, only when nothing of it can live, and without reviving what was stopped. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import type { Fleet } from "../../src/fleet/fleet.ts";
import { alone, endCrashed } from "../../src/fleet/settle.ts";
import { type Stop, statusOf } from "../../src/model/attempt.ts";
import { FleetError } from "../../src/model/errors.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { now } from "../../src/system/clock.ts";
import { self } from "../../src/system/process.ts";
import { aBirth, anIdentity, aSnapshot, aStop, aTask } from "../model/records.ts";
import { newFolder } from "../system/folder.ts";

const folder = newFolder(true);
afterAll(() => folder.remove());
let store: Store;
let fleet: Fleet;
const task = { ...aTask, cookie: crypto.randomUUID(), bornWithinMs: 0, reservedBy: { ...self(), startTime: "1" } };
const dead = { ...aBirth, process: { ...self(), startTime: "1" } };

beforeEach(() => {
  store = openStore(folder.in(crypto.randomUUID()));
  store.workers.create(anIdentity, null);
  store.attempts.reserve("01", () => ({ ...task, reservedAt: now() }), aSnapshot, null);
  // Without credentials nothing can be saved, which is said and stops nothing.
  const git: Fleet["git"] = () => ({
    ...{
      program: "/usr/bin/git",
      toolPath: "/usr/bin:/bin",
      home: store.paths.control,
      serverUrl: "http://127.0.0.1:1",
    },
    ...{ token: null, waitsMs: [] },
  });
  fleet = { store, git, heard: () => {}, credentials: { githubToken: null, provider: {} } } as unknown as Fleet;
});
const state = () => statusOf(store.attempts.facts("01"), now()).state;
const outcome = () => store.attempts.ended("01", 1)?.outcome;

test("a supervisor that vanished: lost", async () => {
  store.attempts.bear("01", 1, dead);
  expect(state()).toBe("crashed");
  expect((await endCrashed(fleet, task)).join("\n")).toMatch(/could not be saved[\s\S]*01-1 was ended as lost/);
  expect([state(), outcome()]).toEqual(["idle", "lost"]);
});

for (const by of ["stop", "reset"] satisfies Stop["by"][]) {
  test(`a wish by ${by} outlives its supervisor: stopped, which is tried again by nobody`, async () => {
    store.attempts.bear("01", 1, dead);
    store.attempts.wishStop("01", 1, { ...aStop, by });
    await endCrashed(fleet, task);
    expect(outcome()).toBe("stopped");
  });
}

test("one that was never born is cancelled, so that it never will be", async () => {
  await endCrashed(fleet, task);
  expect([store.attempts.birth("01", 1)?.by, outcome()]).toEqual(["cancellation", "refused"]);
  expect(store.attempts.bear("01", 1, dead)).toBe(false);
});

test("one that lives is left alone", async () => {
  store.attempts.bear("01", 1, { ...aBirth, process: self() });
  await expect(endCrashed(fleet, task)).rejects.toBeInstanceOf(FleetError);
  expect([state(), outcome()]).toEqual(["busy", undefined]);
});

test("ten at once: one ends it, one after the other finds it ended", async () => {
  store.attempts.bear("01", 1, dead);
  let inside = 0;
  let most = 0;
  const clearing = Array.from({ length: 10 }, () =>
    // Whoever comes later finds nothing to do, and that is no failure.
    endCrashed(fleet, task).then((done) => (done.length > 0 ? 1 : 0)),
  );
  const watching = Array.from({ length: 5 }, () =>
    alone(fleet, task, async () => {
      most = Math.max(most, ++inside);
      await Bun.sleep(1);
      inside--;
    }),
  );
  const ended = await Promise.all(clearing);
  await Promise.all(watching);
  expect([ended.reduce<number>((sum, one) => sum + one, 0), most, [...store.history.newestFirst()].length]).toEqual([
    1, 1, 1,
  ]);
});
