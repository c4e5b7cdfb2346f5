/** After an attempt's end, in its supervisor: nobody waits for that any more. */
import type { Task } from "../model/task.ts";
import { removeOldWork } from "../store/kept-clones.ts";
import { isTidyingDue, tidyMirror } from "../store/tidy-mirror.ts";
import { oneAtATime } from "../system/lock.ts";
import type { Fleet } from "./fleet.ts";

/** Who prepares an attempt meanwhile waits for it: less than `steps.prepare` gives them. */
const tidyMs = 5 * 60_000;

/** Of those who fetch into the mirror of a repository, or tidy it. */
export function mirrorLock(repo: string): string {
  return `mirror-${repo.toLowerCase().replace("/", "--")}`;
}

/** What fails here is tried again after the next attempt. @param shutdown aborted: the host waits for nobody */
export async function freeRoom(fleet: Fleet, { worker, repo }: Task, shutdown: AbortSignal): Promise<void> {
  const { paths } = fleet.store;
  const gone = new Promise<void>((resolve) => {
    if (shutdown.aborted) resolve();
    shutdown.addEventListener("abort", () => resolve(), { once: true });
  });
  const work = async () => {
    removeOldWork(paths, worker);
    const mirror = paths.repo(repo);
    if (shutdown.aborted || !isTidyingDue(mirror)) return;
    // Without the attempt's cookie: that one is over.
    const tidy = () => tidyMirror(fleet.git(null), mirror, tidyMs);
    await oneAtATime(paths.locks, mirrorLock(repo), tidy, 0);
  };
  await Promise.race([work().catch(() => {}), gone]);
}
