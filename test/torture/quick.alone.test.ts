/** The quick rounds of each suite: always the same seeds, so that a failure here comes again. */
import { afterAll, expect, test } from "bun:test";
import { repeats, runShard } from "./run.ts";
import { suites } from "./suites.ts";

test("each suite has a name of its own", () => {
  const names = suites.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

/** Closes the suite before this one only after this one is open: neighbours share what is dear to set up. */
let before: { close(): Promise<void> } | undefined;
async function inTurn(opened: { close(): Promise<void> } | undefined): Promise<void> {
  const last = before;
  before = opened;
  await last?.close();
}
afterAll(() => inTurn(undefined));

for (const suite of suites.filter(({ quick }) => quick > 0)) {
  const missing = suite.missing?.() ?? null;
  test.skipIf(missing !== null)(
    `${suite.name}: ${suite.quick} rounds without harm${missing === null ? "" : ` (${missing})`}`,
    async () => {
      const failed: string[] = [];
      const order = {
        ...{ seed: 1, rounds: suite.quick, jobs: 2 },
        failed: (seed: number, what: string) => failed.push(`${what}\n  again: ${repeats(suite.name, seed)}`),
      };
      await inTurn(await suite.open?.());
      const shards = await runShard(suite, order);
      expect(failed).toEqual([]);
      expect(shards.map(({ rounds, tried }) => [rounds, tried > 0])).toEqual([[suite.quick, true]]);
    },
    240_000,
  );
}
