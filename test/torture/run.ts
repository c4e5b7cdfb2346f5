/** Runs rounds of a suite: consecutive seeds, some at once, each with a folder of its own. */
import { accessSync, constants, mkdtempSync, realpathSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "./random.ts";
import type { Found, Harm, Suite } from "./suite.ts";

export interface Shard {
  /** Of the first round. */
  readonly seed: number;
  /** How many were run: fewer than asked for when it was stopped. */
  readonly rounds: number;
  readonly tried: number;
  readonly harm: Readonly<Partial<Record<Harm, number>>>;
  /** Rounds that threw. */
  readonly broken: number;
  /** Seeds of the rounds that found harm or threw, rising. */
  readonly harmful: readonly number[];
  readonly seconds: number;
}

export interface Order {
  readonly seed: number;
  readonly rounds: number;
  readonly jobs: number;
  /** Whether to begin no other round. */
  readonly stopped?: () => boolean;
  /** Whether a signal has come: it may have hit what rounds had started, so what was under way then proves nothing. */
  readonly interrupted?: () => boolean;
  /** Told of each harm and each round that broke, as it is found. */
  readonly failed: (seed: number, what: string) => void;
}

interface Over {
  readonly found: Found | "broken";
  readonly ms: number;
}

/**
 * The suite is open already.
 * @returns one; more, where what a signal has spoiled lies between; none, where it has spoiled all
 */
export async function runShard(suite: Suite, order: Order): Promise<Shard[]> {
  const over: Over[] = [];
  let next = 0;
  const lane = async () => {
    // Seeds are taken in order, and what is begun is finished: what was run is one row of seeds without a gap.
    while (next < order.rounds && !order.stopped?.()) {
      const index = next++;
      const seed = order.seed + index;
      const started = performance.now();
      const folder = realpathSync(mkdtempSync(join(ground(), "cw-torture-")));
      try {
        const found = await suite.round({ seed, index, folder, random: new Random(seed) });
        if (order.interrupted?.()) continue;
        over[index] = { found, ms: performance.now() - started };
        for (const { kind, detail } of found.harm) order.failed(seed, `${kind}: ${detail}`);
      } catch (error) {
        if (order.interrupted?.()) continue;
        over[index] = { found: "broken", ms: performance.now() - started };
        order.failed(seed, `broken: ${error instanceof Error ? error.stack : error}`);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  };
  await Promise.all(Array.from({ length: order.jobs }, lane));
  return rowsOf(over).map((row) => shardOf(order.seed + row.at, row.rounds, order.jobs));
}

/** What a signal has spoiled lies between them, and is run again. */
function rowsOf(over: readonly (Over | undefined)[]): { at: number; rounds: Over[] }[] {
  const rows: { at: number; rounds: Over[] }[] = [];
  for (const [at, one] of Array.from(over).entries()) {
    if (one === undefined) continue;
    const last = rows.at(-1);
    if (last && last.at + last.rounds.length === at) last.rounds.push(one);
    else rows.push({ at, rounds: [one] });
  }
  return rows;
}

function shardOf(seed: number, row: readonly Over[], jobs: number): Shard {
  const harm: Partial<Record<Harm, number>> = {};
  const found = row.map((one) => one.found).filter((one) => one !== "broken");
  for (const { kind } of found.flatMap((one) => one.harm)) harm[kind] = (harm[kind] ?? 0) + 1;
  const tried = found.reduce((all, one) => all + one.tried, 0);
  const harmful = row.flatMap((one, at) => (one.found === "broken" || one.found.harm.length > 0 ? [seed + at] : []));
  // As if the lanes were always full: what several did at once counts once.
  const seconds = Math.round(row.reduce((all, { ms }) => all + ms, 0) / Math.min(jobs, row.length) / 100) / 10;
  return { seed, rounds: row.length, tried, harm, broken: row.length - found.length, harmful, seconds };
}

/** Where rounds are laid: in memory where there is room, since a killed process leaves the same on each file system. */
function ground(): string {
  const memory = "/dev/shm";
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    if (process.env["TMPDIR"] === undefined && bavail * bsize > 2 ** 31) return memory;
  } catch {
    // None here.
  }
  return tmpdir();
}

/** Runs the work with the suite open, if it has anything to open. */
export async function opened<T>(suite: Suite, work: () => Promise<T>): Promise<T> {
  const stage = await suite.open?.();
  try {
    return await work();
  } finally {
    await stage?.close();
  }
}

/** The command that runs that round again. */
export function repeats(suite: string, seed: number): string {
  return `npm run torture -- --suite ${suite} --seed ${seed} --rounds 1`;
}
