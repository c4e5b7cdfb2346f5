/**
 * What was run, one line for each finished shard: shards of other machines and other days add up, and an interrupted run goes
 * on where its version ends. The table of docs/reliability.md is made from it, and from nothing else.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Shard } from "./run.ts";
import type { Suite } from "./suite.ts";

const root = join(import.meta.dir, "../..");
const ledgerFile = join(import.meta.dir, "ledger.jsonl");

export interface Line extends Shard {
  readonly suite: string;
  /** Of sources and suites: what a seed means, and what it was run against. */
  readonly version: string;
  readonly commit: string;
  readonly date: string;
  readonly machine: string;
}

export function readLedger(file = ledgerFile): Line[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

export function note(line: Line, file = ledgerFile): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

/** A hash of what is tortured and of what tortures it. */
export function versionNow(): string {
  const hash = new Bun.CryptoHasher("sha256");
  const files = ["src/**/*", "bin/*", "templates/**/*", "test/torture/**/*.ts"].flatMap((glob) => [
    ...new Bun.Glob(glob).scanSync({ cwd: root, dot: true }),
  ]);
  for (const file of files.sort()) hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  return hash.digest("hex").slice(0, 12);
}

/** The first seed, counted from `from` on, that this version has not run yet. */
export function firstFree(lines: readonly Line[], suite: string, version: string, from = 1): number {
  let seed = from;
  const mine = lines.filter((line) => line.suite === suite && line.version === version);
  for (const line of mine.toSorted((a, b) => a.seed - b.seed))
    if (line.seed <= seed) seed = Math.max(seed, line.seed + line.rounds);
  return seed;
}

/** Without those that ran seeds which another line of the same version has already: nothing is counted twice. */
export function counted(lines: readonly Line[]): Line[] {
  const kept: Line[] = [];
  for (const line of lines) {
    const again = kept.some(
      (one) =>
        one.suite === line.suite &&
        one.version === line.version &&
        one.seed < line.seed + line.rounds &&
        line.seed < one.seed + one.rounds,
    );
    if (!again) kept.push(line);
  }
  return kept;
}

/** Header and rows of the table. A suite that never ran has a row, too. */
export function tableRows(
  suites: readonly Pick<Suite, "name" | "shows">[],
  lines: readonly Line[],
): { head: string[]; rows: string[][] } {
  const all = counted(lines);
  const rows = suites.map(({ name, shows }) => {
    const mine = all.filter((line) => line.suite === name);
    const newest = mine.at(-1);
    const now = mine.filter((line) => line.version === newest?.version);
    const before = mine.filter((line) => line.version !== newest?.version);
    const seeds = now.map(({ seed, rounds }) => `${seed}-${seed + rounds - 1}`);
    return [
      name,
      shows,
      `${count(sum(mine, "tried"))} in ${count(sum(mine, "rounds"))} rounds`,
      newest === undefined
        ? "never ran"
        : `${count(sum(now, "tried"))} at ${newest.commit}, ${newest.date.slice(0, 10)}`,
      joined(seeds),
      harmOf(now),
      harmOf(before),
      `${(sum(mine, "seconds") / 3600).toFixed(1)} h`,
    ];
  });
  const head = ["suite", "what it tries", "tried so far", "of these by the newest version", "its seeds"];
  return { head: [...head, "harm there", "harm in versions before it", "time"], rows };
}

/** `1-50, 51-100` is `1-100`. */
function joined(spans: readonly string[]): string {
  const pairs = spans.map((span) => span.split("-").map(Number) as [number, number]).toSorted((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of pairs) {
    const last = merged.at(-1);
    if (last && last[1] + 1 === from) last[1] = to;
    else merged.push([from, to]);
  }
  return merged.map(([from, to]) => `${from}-${to}`).join(", ");
}

function harmOf(lines: readonly Line[]): string {
  const found = new Map<string, number>();
  for (const { harm, broken } of lines)
    for (const [kind, times] of Object.entries({ ...harm, broken })) found.set(kind, (found.get(kind) ?? 0) + times);
  const named = [...found].filter(([, times]) => times > 0).map(([kind, times]) => `${times} ${kind}`);
  return named.length === 0 ? "0" : named.join(", ");
}

function sum(lines: readonly Line[], key: "tried" | "rounds" | "seconds"): number {
  return lines.reduce((all, line) => all + line[key], 0);
}

function count(n: number): string {
  return n.toLocaleString("en-US");
}
