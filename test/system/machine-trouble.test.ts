import { expect, test } from "bun:test";
import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { isOfTheMachine, throwIfFull } from "../../src/system/machine-trouble.ts";

/** Has no room at all. */
const full = "/proc";
const words = "error: unable to create temporary file: No space left on device\nfatal: adding files failed";

test("a tool's word that there is no room is trouble of the machine", () => {
  let thrown: unknown = null;
  try {
    throwIfFull(words, full);
  } catch (error) {
    thrown = error;
  }
  expect(String(thrown)).toBe("Error: ENOSPC: no space left on device, write '/proc'");
  expect([isOfTheMachine(thrown), isOfTheMachine(new Error("", { cause: thrown }))]).toEqual([true, true]);
});

test("other words are not", () => {
  for (const text of ["", "fatal: bad object HEAD", "exit code 1"]) throwIfFull(text, full);
  expect(isOfTheMachine(new Error(words))).toBe(false);
});

const { bavail, bsize, ffree } = statfsSync(tmpdir());
test.skipIf(bavail * bsize < 5 * 2 ** 30 || ffree < 2_000_000)(
  "where there is room, nobody is believed that there is none",
  () => expect(() => throwIfFull(words, tmpdir())).not.toThrow(),
);
