/** What a tree of processes and a folder take of this machine. Bounded: the tree and the folder are an agent's. */
import { readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { childrenOf } from "./process.ts";
import { runTool } from "./tools.ts";

const tmpfs = 0x01021994;
/** Writable places of an isolation that are memory. */
const scratch = ["/tmp", "/run", "/var/tmp", "/dev"];

/** @param most it is not counted any further. Threads count. */
export function usageOfTree(root: number, most: number): { processes: number; pids: number[]; residentBytes: number } {
  const pids = [root];
  let processes = 0;
  let residentBytes = 0;
  for (let at = 0; at < pids.length && processes <= most; at++) {
    const pid = pids[at] as number;
    const status = read(`/proc/${pid}/status`);
    processes += Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    residentBytes += Number(resident(status)?.[1] ?? 0) * 1024;
    pids.push(...childrenOf(pid));
  }
  return { processes, pids, residentBytes };
}

/** The same memory, what is shared counted once: costs more to ask. */
export function proportionalBytes(pids: readonly number[]): number {
  const parts = pids.map((pid) => {
    // A program may forbid to look at its memory, not at how much it is.
    const found = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`)) ?? resident(read(`/proc/${pid}/status`));
    return Number(found?.[1] ?? 0) * 1024;
  });
  return parts.reduce((sum, part) => sum + part, 0);
}

const resident = (status: string) => /^VmRSS:\s+(\d+) kB/m.exec(status);

/** Files that an isolation keeps in memory. @param pid a process inside, with a file system of its own */
export function scratchBytes(pid: number): number {
  let bytes = 0;
  for (const path of scratch) {
    try {
      const { type, blocks, bfree, bsize } = statfsSync(`/proc/${pid}/root${path}`);
      if (type === tmpfs) bytes += (blocks - bfree) * bsize;
    } catch {
      // It is gone, or has no such place.
    }
  }
  return bytes;
}

/** Files without a name that these processes hold open: nobody finds them in a folder. */
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
  } catch {
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
  } catch {
    return "";
  }
}
