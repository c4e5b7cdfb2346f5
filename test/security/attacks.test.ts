/** The list of attacks is held to what the tests are called: nothing on it is forgotten, nothing is claimed without a test. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { attacks, idsInSource, notApplying, open } from "./attacks.ts";

const root = join(import.meta.dir, "../..");
const files = [...new Bun.Glob("test/**/*.test.ts").scanSync(root)];
const named = new Set(files.flatMap((file) => idsInSource(readFileSync(join(root, file), "utf8"))));

test("every attack is held by a test, or said to be open or none here", () => {
  const said = { ...notApplying, ...open };
  expect(Object.keys(attacks).filter((id) => !named.has(id) && !Object.hasOwn(said, id))).toEqual([]);
});

test("tests name only attacks of the list, and none that is open", () => {
  expect([...named].filter((id) => !Object.hasOwn(attacks, id))).toEqual([]);
  expect([...named].filter((id) => Object.hasOwn(open, id))).toEqual([]);
});

test("the list is whole: 65 of the first one, twenty and more of our own", () => {
  const numbers = (letter: string) => Object.keys(attacks).filter((id) => id.startsWith(letter));
  expect(numbers("A")).toEqual(Array.from({ length: 65 }, (_, at) => `A${at + 1}`));
  expect(numbers("S").length).toBeGreaterThanOrEqual(20);
});
