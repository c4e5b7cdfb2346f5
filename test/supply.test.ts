/** What the program is made of, as far as that can be told without the network. */
import { expect, test } from "bun:test";
import { lockProblems, problems, rangeProblems } from "../scripts/supply.ts";

const integrity = "sha512-AAAA";

test("everything is exact, pinned, from the registry, and runs nothing when it is installed but what has to", () => {
  expect(problems()).toEqual([]);
});

test.each([
  [{ version: "1.0.0" }, "a: its content is not pinned by sha512"],
  [{ version: "1.0.0", integrity: "sha1-AAAA" }, "a: its content is not pinned by sha512"],
  [{ integrity, resolved: "git+ssh://git@github.com/a/a.git" }, "a: comes from git+ssh://git@github.com/a/a.git"],
  [{ integrity, resolved: "http://registry.npmjs.org/a" }, "a: comes from http://registry.npmjs.org/a"],
  [{ integrity, hasInstallScript: true }, "a: runs a program when it is installed"],
])("%o is told", (locked, problem) => {
  const good = { integrity, hasInstallScript: true };
  expect(
    lockProblems({ packages: { "": {}, "node_modules/b/node_modules/a": locked, "node_modules/c": good } }, ["c"]),
  ).toEqual([problem]);
});

test.each(["^1.0.0", "~1.0.0", "*", "latest", "1.x", "github:a/a", "file:../a"])(
  "%s is no exact version",
  (version) => {
    expect(rangeProblems({ a: version, b: "1.2.3", c: "1.0.0-rc.1" })).toEqual([`a: ${version} is no exact version`]);
  },
);
