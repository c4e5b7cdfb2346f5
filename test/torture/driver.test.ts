/** The driver itself: seeds, shards that add up, a run that goes on where it was interrupted, harm that is not overlooked. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Line, leftToRun, note, readLedger, subjects, tableRows, versionNow } from "./ledger.ts";
import { Random } from "./random.ts";
import { opened, runShard, type Shard } from "./run.ts";
import type { Found, Round, Suite } from "./suite.ts";

const folder = mkdtempSync(join(tmpdir(), "cw-driver-"));
afterAll(() => rmSync(folder, { recursive: true }));

function suite(round: (round: Round) => Promise<Found>): Suite {
  return { name: "made-up", shows: "the driver", full: 10, quick: 2, round };
}
const quiet = { failed: () => {} };
const line = (seed: number, rounds: number, more: Partial<Line> = {}): Line => ({
  ...{ suite: "made-up", version: "v2", commit: "abc", date: "2026-01-02T00:00:00Z", machine: "m" },
  ...{ seed, rounds, tried: rounds * 2, harm: {}, broken: 0, seconds: 60 },
  ...more,
});

test("a round depends on its seed alone, and neighbours differ", async () => {
  const drawn = new Map<number, number>();
  const one = suite(async ({ seed, random }) => {
    const number = random.below(1_000_000);
    expect(drawn.get(seed) ?? number).toBe(number);
    drawn.set(seed, number);
    return { tried: 1, harm: [] };
  });
  await runShard(one, { seed: 1, rounds: 200, jobs: 3, ...quiet });
  await runShard(one, { seed: 150, rounds: 1, jobs: 1, ...quiet });
  expect([drawn.size, new Set(drawn.values()).size]).toEqual([200, 200]);
});

test("the generator: the whole range, evenly enough, and every order of a few", () => {
  const random = new Random(7);
  const drawn = Array.from({ length: 10_000 }, () => random.below(10));
  const counts = Array.from({ length: 10 }, (_, n) => drawn.filter((one) => one === n).length);
  expect(Math.min(...counts)).toBeGreaterThan(850);
  expect(Math.max(...counts)).toBeLessThan(1150);
  const orders = new Set(Array.from({ length: 200 }, () => random.shuffled(["a", "b", "c"]).join("")));
  expect(orders.size).toBe(6);
  expect(() => random.pick([])).toThrow("nothing to pick from");
});

test("harm and rounds that throw are counted and told with their seed; folders are gone; set-up is closed", async () => {
  const folders: string[] = [];
  const told: string[] = [];
  let closed = 0;
  const one: Suite = {
    ...suite(async ({ seed, index, folder }) => {
      writeFileSync(join(folder, "file"), "");
      folders.push(folder);
      if (index === 1) throw new Error("no such thing");
      return { tried: 3, harm: seed === 12 ? [{ kind: "torn", detail: "half a file" }] : [] };
    }),
    open: async () => ({ close: async () => void closed++ }),
  };
  const order = { seed: 10, rounds: 4, jobs: 2, failed: (seed: number, what: string) => told.push(`${seed} ${what}`) };
  const shards = await opened(one, () => runShard(one, order));
  expect(shards).toMatchObject([{ seed: 10, rounds: 4, tried: 9, harm: { torn: 1 }, broken: 1, harmful: [11, 12] }]);
  expect(told.toSorted()).toEqual([expect.stringMatching(/^11 broken: Error: no such thing/), "12 torn: half a file"]);
  expect([folders.length, folders.some(existsSync), closed]).toEqual([4, false, 1]);
});

test("a run that is stopped has run one row of seeds, and the next one goes on after it", async () => {
  const file = join(folder, "ledger.jsonl");
  let ran = 0;
  const one = suite(async () => {
    ran++;
    return { tried: 1, harm: [] };
  });
  const order = { seed: 1, rounds: 100, jobs: 4, stopped: () => ran >= 7, ...quiet };
  const [stopped, ...others] = await runShard(one, order);
  expect([stopped?.rounds, stopped?.tried, others]).toEqual([ran, ran, []]);
  expect(ran).toBeLessThan(12);
  note({ ...line(1, 1), ...(stopped as Shard) }, file);
  note(line(1, 500, { version: "v1" }), file);
  note(line(5001, 50), file);
  const lines = readLedger(file);
  const full = { name: "made-up", full: 100 };
  expect(leftToRun(lines, full, "v2")).toEqual([{ seed: ran + 1, rounds: 100 - ran }]);
  expect(leftToRun(lines, full, "v2", 3)).toEqual([{ seed: ran + 1, rounds: 3 }]);
  for (const [of, version] of [
    [full, "v3"],
    [{ name: "another", full: 100 }, "v2"],
  ] as const)
    expect(leftToRun(lines, of, version)).toEqual([{ seed: 1, rounds: 100 }]);
});

test("what is under way when a signal comes is neither harm nor run, and comes again", async () => {
  let signalled = false;
  const signal = Promise.withResolvers<void>();
  const told: number[] = [];
  const one = suite(async ({ seed }) => {
    if (seed === 2) {
      await signal.promise;
      throw new Error("its processes were ended");
    }
    if (seed === 3) {
      signalled = true;
      signal.resolve();
    }
    return { tried: 1, harm: signalled ? [{ kind: "stuck", detail: "ended from outside" }] : [] };
  });
  const failed = (seed: number) => told.push(seed);
  const interrupted = () => signalled;
  const order = { seed: 1, rounds: 9, jobs: 2, stopped: interrupted, interrupted, failed };
  expect(await runShard(one, order)).toMatchObject([{ seed: 1, rounds: 1, tried: 1, harm: {}, broken: 0 }]);
  expect(told).toEqual([]);
});

test("what was over before the signal counts with its harm, also behind what the signal has spoiled", async () => {
  const file = join(folder, "gaps.jsonl");
  let signalled = false;
  const signal = Promise.withResolvers<void>();
  const told: number[] = [];
  const one = suite(async ({ seed }) => {
    if (seed === 2) await signal.promise;
    if (seed === 5) throw new Error("of itself");
    if (seed === 7) {
      signalled = true;
      signal.resolve();
    }
    return { tried: 1, harm: seed === 4 ? [{ kind: "lost", detail: "found while 2 was under way" }] : [] };
  });
  const interrupted = () => signalled;
  const failed = (seed: number) => told.push(seed);
  const order = { seed: 1, rounds: 9, jobs: 2, stopped: interrupted, interrupted, failed };
  const shards = await runShard(one, order);
  expect(shards).toMatchObject([
    { seed: 1, rounds: 1, tried: 1, harm: {}, broken: 0, harmful: [] },
    { seed: 3, rounds: 4, tried: 3, harm: { lost: 1 }, broken: 1, harmful: [4, 5] },
  ]);
  expect(told).toEqual([4, 5]);
  for (const shard of shards) note({ ...line(1, 1), ...shard }, file);
  expect(leftToRun(readLedger(file), { name: "made-up", full: 9 }, "v2")).toEqual([
    { seed: 2, rounds: 1 },
    { seed: 7, rounds: 3 },
  ]);
  const all = { ...order, rounds: 2, jobs: 1, stopped: () => false, interrupted: () => true };
  expect(
    await runShard(
      suite(async () => ({ tried: 1, harm: [] })),
      all,
    ),
  ).toEqual([]);
});

test("a new version runs first what did harm in any before it, and no seed twice", () => {
  const { harmful: _, ...old } = line(7, 1, { version: "v0", harm: { lost: 1 } });
  const lines = [
    old as Line,
    line(1, 50, { version: "v1", harm: { stuck: 2 }, harmful: [30, 12] }),
    line(900_000, 50, { version: "v1", broken: 1, harmful: [900_007] }),
    line(12, 1),
    line(14, 2),
  ];
  const full = { name: "made-up", full: 40 };
  expect(leftToRun(lines, full, "v2")).toEqual([
    ...[
      { seed: 30, rounds: 1 },
      { seed: 900_007, rounds: 1 },
    ],
    ...[
      { seed: 1, rounds: 11 },
      { seed: 13, rounds: 1 },
      { seed: 16, rounds: 14 },
      { seed: 31, rounds: 10 },
    ],
  ]);
  expect(leftToRun(lines, full, "v2", 3)).toEqual([
    ...[
      { seed: 30, rounds: 1 },
      { seed: 900_007, rounds: 1 },
      { seed: 1, rounds: 1 },
    ],
  ]);
});

test("every round that was run stands in the table with its harm, and how many different seeds that were", () => {
  const lines = [
    line(1, 50, { version: "v1", commit: "aaa", harm: { stuck: 2 } }),
    line(51, 50),
    line(1, 50),
    line(40, 15, { harm: { lost: 1 } }),
    line(201, 1),
    line(1001, 100, { broken: 1 }),
  ];
  const [row, never] = tableRows(
    [suite(async () => ({ tried: 1, harm: [] })), { name: "other", shows: "-" }],
    lines,
  ).rows;
  expect(row).toEqual([
    ...["made-up", "the driver", "532 in 266 rounds of 201 seeds", "432 at abc, 2026-01-02", "1-100, 201, 1001-1100"],
    ...["1 broken, 1 lost", "2 stuck", "0.1 h"],
  ]);
  expect(never?.slice(2, 4)).toEqual(["0 in 0 rounds of 0 seeds", "never ran"]);
});

test("what a seed is run against is a new version with any change to the code, its tests, its guards or its packages", () => {
  const tree = join(folder, "tree");
  const put = (file: string, text: string) => {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), text);
    return versionNow(tree);
  };
  const before = put("test/torture/ledger.jsonl", "");
  expect(put("test/torture/ledger.jsonl", "{}\n")).toBe(before);
  expect(put("docs/page.md", "x")).toBe(before);
  const files = ["src/a/b.ts", "bin/cw", "templates/worker/.zshenv", "test/e2e/x.test.ts", "test/support/y.ts"];
  const more = ["test/fakes/claude", "scripts/guards/claims.ts", "scripts/build.ts", "package-lock.json"];
  const versions = [...files, ...more].flatMap((file) => [put(file, "1"), put(file, "2")]);
  expect(new Set([before, ...versions]).size).toBe(1 + versions.length);
  for (const name of subjects) expect(existsSync(join(import.meta.dir, "../..", name))).toBe(true);
});
