/** Starts a gated command of an attempt: on disk before it may do anything, and dead where that fails. */
import type { Child } from "../system/child.ts";
import { endTree, type Tree } from "../system/tree.ts";
import type { InFlight } from "./in-flight.ts";

/** @param use has to end the tree itself; where it fails, that is made sure of */
export async function startNoted<T>(
  { fleet, task }: Pick<InFlight, "fleet" | "task">,
  start: () => Promise<Child>,
  use: (child: Child, tree: Tree) => Promise<T>,
): Promise<T> {
  const child = await start();
  const tree = { monitor: child.monitor, first: child.first, cookie: task.cookie };
  try {
    // A disk that is full: behind its gate it would wait for ever.
    fleet.store.attempts.recordStarted(task.worker, task.n, tree);
    return await use(child, tree);
  } catch (error) {
    await endTree(tree, 0);
    throw error;
  }
}
