/** The quick rounds of each suite: always the same seeds, so that a failure here comes again. */
import { expect, test } from "bun:test";
import { opened, repeats, runShard } from "./run.ts";
import { suites } from "./suites.ts";

test("each suite has a name of its own", () => {
  const names = suites.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

for (const suite of suites) {
  const missing = suite.missing?.() ?? null;
  test.skipIf(missing !== null)(
    `${suite.name}: ${suite.quick} rounds without harm${missing === null ? "" : ` (${missing})`}`,
    async () => {
      const failed: string[] = [];
      const order = {
        ...{ seed: 1, rounds: suite.quick, jobs: 2 },
        failed: (seed: number, what: string) => failed.push(`${what}\n  again: ${repeats(suite.name, seed)}`),
      };
      const shard = await opened(suite, () => runShard(suite, order));
      expect(failed).toEqual([]);
      expect([shard.rounds, shard.tried > 0]).toEqual([suite.quick, true]);
    },
    240_000,
  );
}
