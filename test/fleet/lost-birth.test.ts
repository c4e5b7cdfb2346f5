/** Whoever gave up on a supervisor has taken its birth: one that comes late does nothing at all. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { supervise } from "../../src/fleet/supervise.ts";
import { openStore } from "../../src/store/store.ts";
import { aBirth, anIdentity, aSnapshot, aTask } from "../model/records.ts";
import { newFolder } from "../system/folder.ts";

const folder = newFolder();
afterAll(() => folder.remove());

test("a supervisor that comes after its cancellation says nothing and starts nothing", async () => {
  const store = openStore(folder.in("workers"));
  store.workers.create({ ...anIdentity, worker: "01" }, null);
  store.attempts.reserve("01", (n) => ({ ...aTask, worker: "01", n }), aSnapshot, null);
  expect(store.attempts.bear("01", 1, { ...aBirth, attempt: "01-1", by: "cancellation" })).toBe(true);
  expect(await supervise({ store } as never, "01", 1, new AbortController().signal)).toBe(false);
  expect(existsSync(store.attempts.at("01", 1).events)).toBe(false);
  expect(store.attempts.birth("01", 1)?.by).toBe("cancellation");
});

test("a supervisor that can't read its task says which record it is and why, and takes no birth: torture, errors, seed 930054", async () => {
  const store = openStore(folder.in("unread"));
  store.workers.create({ ...anIdentity, worker: "01" }, null);
  store.attempts.reserve("01", (n) => ({ ...aTask, worker: "01", n }), aSnapshot, null);
  const { task, birth } = store.attempts.at("01", 1);
  const told = () =>
    supervise({ store } as never, "01", 1, new AbortController().signal).then(
      (ran) => `ran: ${ran}`,
      ({ code, message }) => `${code}: ${message}`,
    );
  writeFileSync(task, "{");
  expect(await told()).toBe(`environment: worker 01 is in an unknown state: ${task} is not JSON`);
  rmSync(task);
  expect(await told()).toBe(`environment: worker 01 is in an unknown state: ${task} is missing`);
  expect(existsSync(birth)).toBe(false);
});
