/** The agent's own list of things to do, from what it printed: a file in its HOME could be anything. */

import { followLines } from "../store/journal.ts";
import type { Fleet } from "./fleet.ts";

export interface Todo {
  readonly id: string;
  readonly subject: string;
  /** `pending`, `in_progress`, `completed`, or what the agent calls it. */
  readonly status: string;
}

/** Of the newest attempt of each worker. @param ids default: all. @throws FleetError `notFound` */
export async function todos(
  fleet: Pick<Fleet, "store" | "agent">,
  ids?: readonly string[],
): Promise<{ worker: string; todos: Todo[] }[]> {
  const { attempts, workers } = fleet.store;
  const found: { worker: string; todos: Todo[] }[] = [];
  for (const worker of ids ?? workers.list()) {
    workers.need(worker);
    const n = attempts.newest(worker);
    const task = n === 0 ? null : attempts.task(worker, n);
    if (task === null) {
      found.push({ worker, todos: [] });
      continue;
    }
    const reader = (await fleet.agent(task.agent)).reader();
    const list = new Map<string, Todo>();
    for await (const line of followLines(attempts.at(worker, n).transcript, () => true)) {
      for (const signal of reader.read(line)) {
        if (signal.type !== "todo") continue;
        const { id, status } = signal;
        list.set(id, { id, status, subject: signal.subject ?? list.get(id)?.subject ?? "" });
      }
    }
    found.push({ worker, todos: [...list.values()].filter((todo) => todo.status !== "deleted") });
  }
  return found;
}
