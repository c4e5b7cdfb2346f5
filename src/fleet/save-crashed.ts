/** Saves what an attempt that crashed has left in its clone, before anybody ends it. */
import { attemptId, type Task } from "../model/task.ts";
import { hasClone, keepClone, removeOldClones } from "../store/kept-clones.ts";
import { Mirror } from "../store/mirror.ts";
import { isOfTheMachine } from "../system/machine-trouble.ts";
import { collect, saveBranches, saveWork } from "./collect.ts";
import type { Fleet } from "./fleet.ts";
import { takeUpOver } from "./take-up.ts";

/**
 * Work in the clone of an attempt of which nothing lives any more.
 * @throws Error where only room is missing: the attempt stays open, and the next command tries again
 */
export async function saveCrashed(fleet: Fleet, task: Task): Promise<string[]> {
  const { attempts, paths } = fleet.store;
  const done: string[] = [];
  // Whoever died has kept the clone already: nothing more can be taken out.
  const whole = !hasClone(paths, task.worker, task.n) && (await takeOut(fleet, task, done));
  // Also where it could not be taken up, without credentials or the fleet's own record: nobody comes back for its refs.
  const { repo, cookie } = task;
  await new Mirror({ ...fleet.git(null), cookie }, paths.repo(repo), repo, attemptId(task.worker, task.n)).forget();
  // Without a base it had no clone of its own: in HOME is that of an attempt before it.
  const kept = whole || !attempts.hasBase(task.worker, task.n) ? null : keepClone(paths, task);
  if (kept === null) return done;
  await removeOldClones(paths, task.worker);
  return [...done, `the clone is kept in ${kept}`];
}

/** @param done what was saved, and what could not be. @returns whether nothing is in the clone alone */
async function takeOut(fleet: Fleet, task: Task, done: string[]): Promise<boolean> {
  try {
    const attempt = await takeUpOver(fleet, task);
    const { paths, untaken } = attempt;
    const { attempts } = fleet.store;
    if (!attempts.hasBase(task.worker, task.n)) return true;
    untaken.add("work");
    attempt.base = attempts.base(task.worker, task.n);
    if (attempt.base === null) throw new Error(`${paths.base} can't be read`);
    const work = await collect(attempt);
    await saveBranches(attempt, fleet.config.steps.collect);
    const saved = work !== null && (await saveWork(attempt, work));
    if (saved) done.push(`its work was saved: ${paths.patch}`);
    else if (work) done.push("its work could not be saved: git made no patch of it");
    return untaken.size === 0;
  } catch (error) {
    if (isOfTheMachine(error)) throw error;
    done.push(`its work could not be saved: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}
