/**
 * Clones that hold what could not be taken out of them. They are moved away from HOME, which the worker's next task is given
 * anew, into the folder of their attempt: one rename, whatever is in them.
 */
import { readdirSync, renameSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { FleetPaths } from "../model/paths.ts";
import type { Task } from "../model/task.ts";
import { failPoint } from "../system/fail-point.ts";
import { errorCode, isFolder, makeFolder } from "../system/files.ts";
import { removeTree } from "../system/remove.ts";
import { takeOver } from "./homes.ts";

/** Of each worker. What can't be taken out is up to the agent, and may be as large as `limits.disk` lets a HOME grow. */
const mostKept = 3;

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
  const folder = paths.attempts(worker);
  const kept = readdirSync(folder)
    .filter((name) => /^[0-9]{4,}$/.test(name))
    .sort((one, other) => Number(other) - Number(one))
    .map((name) => join(folder, name, "clone"))
    .filter(isFolder);
  for (const clone of kept.slice(mostKept)) await removeTree(clone);
}
