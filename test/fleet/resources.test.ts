/** The watch over what an attempt takes, where it can't look. */
import { afterAll, afterEach, beforeEach, expect, jest, test } from "bun:test";
import { ResourceWatch } from "../../src/fleet/resources.ts";
import { Verdict } from "../../src/model/verdict.ts";
import { identify } from "../../src/system/process.ts";
import { held } from "../support/attack.ts";
import { newFolder } from "../system/folder.ts";

const folder = newFolder();
afterAll(() => folder.remove());
beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const many = Object.assign(new Error("EMFILE: too many open files, open '/proc/7/status'"), { code: "EMFILE" });

/** One that looks at this very process. @returns it, and its next looks: they fail, or they don't */
function watch() {
  const monitor = identify(process.pid);
  const limits = { memory: "100%", processes: 100_000, disk: "100%" };
  const fleet = { config: { limits }, store: { paths: { control: folder.path } } };
  let fails = false;
  const tree = {
    first: null,
    get monitor() {
      if (fails) throw many;
      return monitor;
    },
  };
  const watching = new ResourceWatch(fleet as never, folder.path, tree as never);
  const looks = async (count: number, failing: boolean) => {
    fails = failing;
    for (let at = 0; at < count; at++) {
      jest.advanceTimersByTime(1000);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  };
  return { watching, looks };
}

test("A56: who makes that nothing can be looked at is not within limits", async () => {
  const { watching, looks } = watch();
  const { signal } = watching.over;
  await looks(2, false);
  await looks(4, true);
  expect(signal.aborted).toBe(false);
  await looks(1, true);
  expect(signal.reason).toBeInstanceOf(Verdict);
  expect(signal.reason).toMatchObject({
    outcome: "over-budget",
    reason: expect.stringMatching(/^what the agent .* could not be looked at 5 times in a row: EMFILE/),
  });
  held("A56", 1, []);
});

test("a machine that fails now and then ends nothing", async () => {
  const { watching, looks } = watch();
  for (let round = 0; round < 5; round++) {
    await looks(4, true);
    await looks(1, false);
  }
  expect(watching.over.signal.aborted).toBe(false);
  watching.stop();
});
