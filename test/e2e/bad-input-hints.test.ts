/** What a message tells people to run has to be there. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commands } from "../../src/cli/commands/table.ts";

test("hints name commands that exist", () => {
  const root = join(import.meta.dir, "../../src");
  const named = [...new Bun.Glob("**/*.ts").scanSync(root)].flatMap((file) => {
    const hints = readFileSync(join(root, file), "utf8").matchAll(/hint: [^\n]*|[`"(]cw [a-z]+[^\n]*/g);
    return [...hints].flatMap(([line]) =>
      [...line.matchAll(/\bcw ([a-z]+)\b/g)].map((found) => `${file}: ${found[1]}`),
    );
  });
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !Object.hasOwn(commands, name.split(": ")[1] ?? ""))).toEqual([]);
});
