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

export interface Line extends Omit<Shard, "harmful"> {
  readonly suite: string;
  /** Lines from before this was written down lack it. */
  readonly harmful?: readonly number[];
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

/**
 * What is tortured and what tortures it: also what is built from it and how, the tests that the guards are held by, and the
 * packages. With any of it changed a seed means something else.
 */
export const subjects = ["src", "bin", "templates", "test", "scripts", "package.json", "package-lock.json"] as const;
/** Changes by each run. */
export const ownFile = "test/torture/ledger.jsonl";

/** A hash of the {@link subjects}. @param tree default: this one */
export function versionNow(tree = root): string {
  const hash = new Bun.CryptoHasher("sha256");
  const files = subjects.flatMap((name) =>
    [name, `${name}/**/*`].flatMap((glob) => [...new Bun.Glob(glob).scanSync({ cwd: tree, dot: true })]),
  );
  for (const file of new Set(files.sort()))
    if (file !== ownFile)
      hash
        .update(`${file}\0`)
        .update(readFileSync(join(tree, file)))
        .update("\0");
  return hash.digest("hex").slice(0, 12);
}

export interface Span {
  readonly seed: number;
  readonly rounds: number;
}

/**
 * What this version still has to run: first what did harm in any version, wherever its seed lies, then in their order those
 * that it has not run yet. @param rounds how many; null: up to the full number of the suite
 */
export function leftToRun(
  lines: readonly Line[],
  { name, full }: Pick<Suite, "name" | "full">,
  version: string,
  rounds: number | null = null,
): Span[] {
  const mine = lines.filter((line) => line.suite === name);
  const ran = seedsOf(mine.filter((line) => line.version === version));
  const harmful = new Set(mine.flatMap((line) => line.harmful ?? []));
  const seeds = [...harmful].filter((seed) => !ran.has(seed)).sort((a, b) => a - b);
  for (let seed = 1; rounds === null ? seed <= full : seeds.length < rounds; seed++)
    if (!ran.has(seed) && !harmful.has(seed)) seeds.push(seed);
  return spansOf(seeds.slice(0, rounds ?? undefined));
}

function seedsOf(lines: readonly Span[]): Set<number> {
  const seeds = new Set<number>();
  for (const { seed, rounds } of lines) for (let at = 0; at < rounds; at++) seeds.add(seed + at);
  return seeds;
}

/** In their order; what follows on each other is one. */
function spansOf(seeds: readonly number[]): Span[] {
  const spans: { seed: number; rounds: number }[] = [];
  for (const seed of seeds) {
    const last = spans.at(-1);
    if (last && last.seed + last.rounds === seed) last.rounds++;
    else spans.push({ seed, rounds: 1 });
  }
  return spans;
}

/** Header and rows of the table. A suite that never ran has a row, too. */
export function tableRows(
  suites: readonly Pick<Suite, "name" | "shows">[],
  lines: readonly Line[],
): { head: string[]; rows: string[][] } {
  const rows = suites.map(({ name, shows }) => {
    const mine = lines.filter((line) => line.suite === name);
    const newest = mine.at(-1);
    const now = mine.filter((line) => line.version === newest?.version);
    const before = mine.filter((line) => line.version !== newest?.version);
    return [
      name,
      shows,
      `${count(sum(mine, "tried"))} in ${count(sum(mine, "rounds"))} rounds of ${count(seedsOf(mine).size)} seeds`,
      newest === undefined
        ? "never ran"
        : `${count(sum(now, "tried"))} at ${newest.commit}, ${newest.date.slice(0, 10)}`,
      shownSeeds(now),
      harmOf(now),
      harmOf(before),
      `${(sum(mine, "seconds") / 3600).toFixed(1)} h`,
    ];
  });
  const head = ["suite", "what it tries", "tried so far", "of these by the newest version", "its seeds"];
  return { head: [...head, "harm there", "harm in versions before it", "time"], rows };
}

/** `1-50, 51-100` is `1-100`. */
function shownSeeds(lines: readonly Line[]): string {
  const seeds = [...seedsOf(lines)].sort((a, b) => a - b);
  return spansOf(seeds)
    .map(({ seed, rounds }) => (rounds === 1 ? `${seed}` : `${seed}-${seed + rounds - 1}`))
    .join(", ");
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
