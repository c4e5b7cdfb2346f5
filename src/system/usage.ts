/** What a tree of processes and a folder take of this machine. Bounded: the tree and the folder are an agent's. */
import { readdirSync, readFileSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { couldNotLook } from "./files.ts";
import { childrenOf } from "./process.ts";
import { filesInMemory } from "./shared-memory.ts";
import { runTool } from "./tools.ts";

/** `oom_score_adj` of all that an attempt starts. */
export const expendable = 600;

/**
 * @param most it is not counted any further. Threads count.
 * @throws Error when it could not be looked at: that must not be taken for nothing
 */
export function usageOfTree(root: number, most: number): { processes: number; pids: number[]; residentBytes: number } {
  const pids = [root];
  let processes = 0;
  let residentBytes = 0;
  for (let at = 0; at < pids.length && processes <= most; at++) {
    const pid = pids[at] as number;
    const status = read(`/proc/${pid}/status`);
    processes += Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    residentBytes += kilobytes(status, "VmRSS");
    pids.push(...childrenOf(pid));
  }
  return { processes, pids, residentBytes };
}

/**
 * What they take of memory, what they share counted once: costs more to ask.
 * @param most of files in memory, where it can't be told which are theirs
 * @throws Error when it could not be looked at
 */
export function memoryBytes(pids: readonly number[], most: number): number {
  let own = 0;
  let shared = 0;
  for (const pid of pids) {
    // A program may forbid to look at its memory, not at how much it is.
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    const text = rollup || read(`/proc/${pid}/status`);
    const part = kilobytes(text, rollup ? "Pss_Shmem" : "RssShmem");
    shared += part;
    own += kilobytes(text, rollup ? "Pss" : "VmRSS") - part;
  }
  const files = filesInMemory(pids);
  // What is mapped of files is in both.
  return own + Math.max(shared, files.bytes, files.certain ? 0 : most);
}

const kilobytes = (text: string, name: string) =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;

/** When memory runs out the kernel takes these first; a program may have taken that back. */
export function makeExpendable(pids: readonly number[]): void {
  for (const pid of pids) {
    const file = `/proc/${pid}/oom_score_adj`;
    try {
      if (Number(readFileSync(file, "utf8")) < expendable) writeFileSync(file, String(expendable));
    } catch {
      // It is gone, or lets nobody write there.
    }
  }
}

/**
 * Files without a name that these processes hold open: nobody finds them in a folder.
 * @throws Error when it could not be looked at
 */
export function unnamedBytes(pids: readonly number[]): number {
  const seen = new Map<string, number>();
  let looked = 0;
  for (const pid of pids) {
    for (const fd of list(`/proc/${pid}/fd`)) {
      if (looked++ > mostFiles) return total(seen);
      try {
        const stat = statSync(`/proc/${pid}/fd/${fd}`);
        if (stat.isFile() && stat.nlink === 0) seen.set(`${stat.dev}:${stat.ino}`, stat.blocks * 512);
      } catch {
        // Closed in between.
      }
    }
  }
  return total(seen);
}

const mostFiles = 20_000;
const total = (sizes: ReadonlyMap<string, number>) => [...sizes.values()].reduce((sum, size) => sum + size, 0);

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (couldNotLook(error)) throw error;
    return [];
  }
}

export function freeBytes(folder: string): { free: number; all: number } {
  const { bavail, bsize, blocks } = statfsSync(folder);
  return { free: bavail * bsize, all: blocks * bsize };
}

/** @returns null when it can't be told: an agent may lock its folders, or make more of them than can be walked in time */
export async function folderBytes(folder: string): Promise<number | null> {
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C" };
  const { ok, stdout } = await runTool({ argv: ["du", "-sx", "-B1", folder], env, timeoutMs: 20_000 });
  return ok ? Number(stdout.split("\t")[0]) : null;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (couldNotLook(error)) throw error;
    return "";
  }
}
