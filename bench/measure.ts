/** How things are measured: whole processes by hyperfine, in turns; times beside a floor of the same run. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { watchPeak } from "../test/support/peak-memory.ts";

/** One line of a table. */
export interface Row {
  readonly what: string;
  /** As shown: `14.2 ms`, `53 MB`. */
  readonly takes: string;
  readonly floor: string;
  /** How many times the floor; null where a figure has none. */
  readonly ratio: number | null;
  /** What is aimed at, in the unit of the ratio, or in words. */
  readonly goal?: string;
  readonly met?: boolean;
}

/** A line whose claim is a ratio. @param most the goal */
export function against(what: string, ms: number, floor: string, floorMs: number, most?: number): Row {
  const ratio = ms / floorMs;
  const goal = most === undefined ? {} : { goal: `≤ ${most}×`, met: ratio <= most };
  return { what, takes: time(ms), floor: `${floor}: ${time(floorMs)}`, ratio, ...goal };
}

/** A line about memory. @param mostMb the goal */
export function memory(what: string, mb: number, mostMb?: number): Row {
  const goal = mostMb === undefined ? {} : { goal: `≤ ${mostMb} MB`, met: mb <= mostMb };
  return { what, takes: `${mb < 10 ? mb.toFixed(1) : Math.round(mb)} MB`, floor: "", ratio: null, ...goal };
}

export function time(ms: number): string {
  if (ms < 0.1) return `${(ms * 1000).toFixed(1)} µs`;
  if (ms < 100) return `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = low] = sorted.slice(sorted.length % 2 === 0 ? middle - 1 : middle);
  return sorted.length % 2 === 0 ? (low + high) / 2 : low;
}

/**
 * Whole processes, in turns (A B C A B C), so that noise of the machine meets all of them.
 * @param programs by name: the words of the command line
 * @returns median times in ms, by name
 */
export async function compare<K extends string>(
  programs: Readonly<Record<K, readonly string[]>>,
  env: Readonly<Record<string, string>>,
  { rounds = 5, runs = 5 } = {},
): Promise<Record<K, number>> {
  const names = Object.keys(programs) as K[];
  const folder = mkdtempSync(join(tmpdir(), "cw-hyperfine-"));
  const times = new Map<K, number[]>(names.map((name) => [name, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      const file = join(folder, "times.json");
      // -N: no shell between hyperfine and the program.
      const argv = ["hyperfine", "-N", "--style=none", `--runs=${runs}`, "--warmup=1", `--export-json=${file}`];
      const child = Bun.spawn([...argv, ...names.map((name) => programs[name].map(quoted).join(" "))], {
        env: { ...env },
        cwd: "/",
        stdio: ["ignore", "ignore", "pipe"],
      });
      const [said, code] = await Promise.all([child.stderr.text(), child.exited]);
      if (code !== 0) throw new Error(`hyperfine: ${said}`);
      const { results } = JSON.parse(readFileSync(file, "utf8")) as { results: { times: number[] }[] };
      for (const [at, name] of names.entries())
        times.get(name)?.push(...(results[at]?.times ?? []).map((seconds) => seconds * 1000));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name) ?? [])])) as Record<K, number>;
}

export interface Once {
  readonly ms: number;
  readonly cpuMs: number;
  readonly peakMb: number;
  readonly stdout: string;
}

/** One whole process, where memory or processor time is asked for, or each run needs its own preparation. */
export async function once(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  { keep = false } = {},
): Promise<Once> {
  const began = performance.now();
  const child = Bun.spawn([...argv], {
    env: { ...env },
    cwd: "/",
    stdio: ["ignore", keep ? "pipe" : "ignore", "pipe"],
  });
  const peak = watchPeak(child.pid);
  const [stdout, stderr, code] = await Promise.all([
    keep ? new Response(child.stdout).text() : "",
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const ms = performance.now() - began;
  const peakMb = peak() / 2 ** 20;
  if (code !== 0) throw new Error(`${argv.slice(0, 4).join(" ")} ended with ${code}: ${stderr}`);
  const used = child.resourceUsage();
  return { ms, cpuMs: Number(used?.cpuTime.total ?? 0) / 1000, peakMb, stdout };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
