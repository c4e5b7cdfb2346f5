/**
 * Clones that hold what could not be taken out of them, and how much is kept of old work. Clones are moved away from HOME, which
 * the worker's next task is given anew, into the folder of their attempt: one rename, whatever is in them.
 */
import { readdirSync, renameSync } from "node:fs";
import { dirname, relative } from "node:path";
import type { FleetPaths } from "../model/paths.ts";
import type { Task } from "../model/task.ts";
import { failPoint } from "../system/fail-point.ts";
import { discard, errorCode, isFolder, makeFolder, sizeOf } from "../system/files.ts";
import { removeTree } from "../system/remove.ts";
import { takeOver } from "./homes.ts";

/** Of each worker clones. What can't be taken out is up to the agent, and may be as large as `limits.disk` lets a HOME grow. */
const mostKept = 3;
/** Patches and bundles of each worker that are not small: an agent says how large they get, up to 512 MiB of change each time. */
const mostBytes = 2 * 2 ** 30;
const smallBytes = 1 << 20;

/**
 * Once nothing of the attempt lives. Again after a crash: what is there already stays.
 * @returns where it is below the root; null where there is no clone, or a link in its place
 * @throws Error that counts as one of the machine, see `isOfTheMachine`: without it there must be no end
 */
export function keepClone(paths: FleetPaths, { worker, repo, n }: Pick<Task, "worker" | "repo" | "n">): string | null {
  const home = paths.home(worker);
  const { clone: kept } = paths.attempt(worker, n);
  try {
    if (!isFolder(kept)) takeOver(home, relative(home, paths.clone(worker, repo)), kept);
  } catch (cause) {
    const error = new Error(`the clone can't be moved to ${kept} (${errorCode(cause)})`, { cause });
    throw Object.assign(error, { code: "EIO", syscall: "rename" });
  }
  if (!isFolder(kept)) return null;
  failPoint("clone kept");
  return relative(paths.root, kept);
}

/** Whether attempt n has its clone. */
export function hasClone(paths: FleetPaths, worker: string, n: number): boolean {
  return isFolder(paths.attempt(worker, n).clone);
}

/** Why an attempt ended, and where its clone is if that was kept. */
export function withClone(paths: FleetPaths, { worker, n }: Pick<Task, "worker" | "n">, reason: string): string {
  if (!hasClone(paths, worker, n)) return reason;
  return `${reason}; the clone is kept in ${relative(paths.root, paths.attempt(worker, n).clone)}`;
}

/** Gives a clone that attempt n kept to the HOME of the attempt that goes on with it. @returns whether there was one */
export function giveBackClone(paths: FleetPaths, { worker, repo }: Pick<Task, "worker" | "repo">, n: number): boolean {
  const clone = paths.clone(worker, repo);
  if (!hasClone(paths, worker, n) || isFolder(clone)) return false;
  makeFolder(dirname(clone));
  renameSync(paths.attempt(worker, n).clone, clone);
  failPoint("clone given back");
  return true;
}

/** Removes those that are too many, the oldest first: an agent must not fill the disk, one attempt after the other. */
export async function removeOldClones(paths: FleetPaths, worker: string): Promise<void> {
  const kept = newestFirst(paths, worker)
    .map((n) => paths.attempt(worker, n).clone)
    .filter(isFolder);
  for (const clone of kept.slice(mostKept)) await removeTree(clone);
}

/** Removes large patches and bundles that are too much together, the oldest first. Small ones stay, and all of the newest attempt. */
export function removeOldWork(paths: FleetPaths, worker: string): void {
  let bytes = 0;
  for (const [at, n] of newestFirst(paths, worker).entries()) {
    const { patch, branches } = paths.attempt(worker, n);
    for (const file of [patch, branches]) {
      const size = sizeOf(file);
      if (size <= smallBytes) continue;
      bytes += size;
      if (bytes > mostBytes && at > 0) discard(file);
    }
  }
}

/** Where they can't be listed, nothing is removed: an attempt at work must not end by what is done for room. */
function newestFirst(paths: FleetPaths, worker: string): number[] {
  try {
    const names = readdirSync(paths.attempts(worker)).filter((name) => /^[0-9]{4,}$/.test(name));
    return names.map(Number).sort((one, other) => other - one);
  } catch {
    return [];
  }
}
