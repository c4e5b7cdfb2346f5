/** Takes a worker for a task, or finds the attempt that has the issue already. */
import { type AttemptFacts, type Status, statusOf } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import { type Snapshot, sameRepo } from "../model/issue.ts";
import { attemptId, type Task } from "../model/task.ts";
import { now } from "../system/clock.ts";
import { oneAtATime } from "../system/lock.ts";
import type { Fleet } from "./fleet.ts";
import { unknownState } from "./unknown.ts";

export interface Wish {
  readonly repo: string;
  readonly issue: number | null;
  /** Null: the first idle one. */
  readonly worker: string | null;
  readonly request: string | null;
}

export type Reserved =
  | { readonly task: Task; readonly existing: false }
  | { readonly task: Task; readonly existing: true };

/**
 * Whether it is worth asking GitHub at all; nothing is taken yet.
 * @returns the worker that would take it, or the task of the attempt that has the issue already
 * @throws FleetError as {@link reserve}
 */
export function mayReserve(fleet: Pick<Fleet, "store">, wish: Wish): string | Task {
  const { paths, workers, attempts } = fleet.store;
  if (wish.worker !== null) workers.need(wish.worker);
  const all = workers.list();
  if (all.length === 0)
    throw new FleetError("notFound", `there are no workers in ${paths.root}`, { hint: "cw init 01" });
  const existing = wish.issue === null ? null : holding(fleet, wish.repo, wish.issue);
  if (existing) return accept(existing, wish).task;
  const looked: Looked[] = [];
  for (const worker of wish.worker === null ? all : [wish.worker]) {
    const found = look(attempts, worker);
    if (found.status.state === "idle") return worker;
    looked.push(found);
  }
  throw nobodyIdle(wish.worker, looked);
}

interface Looked {
  readonly worker: string;
  readonly facts: AttemptFacts | null;
  readonly status: Status;
}

function look(attempts: Fleet["store"]["attempts"], worker: string): Looked {
  const facts = attempts.facts(worker);
  return { worker, facts, status: statusOf(facts, now()) };
}

/**
 * @param make the task of a worker's attempt
 * @throws FleetError `busy`, `notFound`, `environment` (a worker whose state can't be told)
 */
export async function reserve(
  fleet: Pick<Fleet, "store">,
  wish: Wish,
  make: (worker: string, n: number) => Task,
  snapshot: Snapshot,
): Promise<Reserved> {
  const { paths, workers, attempts } = fleet.store;
  // The lock spares twenty impatient dispatches of one issue nineteen lost races; that one wins is the record's doing.
  return await oneAtATime(paths.locks, "reserve", async () => {
    const existing = wish.issue === null ? null : holding(fleet, wish.repo, wish.issue);
    if (existing) return accept(existing, wish);
    const looked: Looked[] = [];
    for (const worker of wish.worker === null ? workers.list() : [wish.worker]) {
      const found = look(attempts, worker);
      const task = attempts.reserve(worker, (n) => make(worker, n), snapshot, wish.request, found.facts);
      if (task) return { task, existing: false };
      looked.push(found);
    }
    throw nobodyIdle(wish.worker, looked);
  });
}

/** The attempt of this fleet that is at work on an issue. */
function holding(fleet: Pick<Fleet, "store">, repo: string, issue: number): { task: Task; status: Status } | null {
  for (const worker of fleet.store.workers.list()) {
    const facts = fleet.store.attempts.facts(worker);
    const status = statusOf(facts, now());
    if (facts === null || status.state === "idle" || !facts.task.ok) continue;
    const task = facts.task.value;
    if (task.issue === issue && sameRepo(task.repo, repo)) return { task, status };
  }
  return null;
}

function accept({ task, status }: { task: Task; status: Status }, wish: Wish): Reserved {
  const what = `${task.repo}#${task.issue}`;
  if (status.state === "unknown") throw unknownState(task.worker, status.reason);
  if (status.state === "crashed") {
    throw new FleetError("busy", `${what} is held by worker ${task.worker}, which has crashed`, {
      hint: `cw reset ${task.worker}`,
    });
  }
  if (wish.worker !== null && wish.worker !== task.worker) {
    throw new FleetError(
      "busy",
      `${what} is already worked on by worker ${task.worker} (attempt ${attemptId(task.worker, task.n)})`,
    );
  }
  return { task, existing: true };
}

/** @param looked as they were then: at a second look a disk may say something else. @param asked null: any worker would do */
function nobodyIdle(asked: string | null, looked: readonly Looked[]): FleetError {
  const one = looked.find(({ status }) => asked !== null || status.state === "unknown");
  if (asked === null || one === undefined) {
    const unknown = one ? `; worker ${one.worker} is in an unknown state: ${one.status.reason}` : "";
    return new FleetError("busy", `no worker is idle${unknown}`, { hint: "cw status, or make another: cw init 02" });
  }
  const { worker, facts, status } = one;
  const { state, reason } = status;
  if (state === "unknown") return unknownState(worker, reason);
  const task = facts?.task.ok ? facts.task.value : null;
  const at = task ? ` with ${task.repo}${task.issue === null ? "" : `#${task.issue}`}` : "";
  const hint = state === "busy" || state === "starting" ? `cw stop ${worker}` : `cw reset ${worker}`;
  return new FleetError(
    "busy",
    `worker ${worker} is ${state === "idle" ? "taken" : state}${at}${reason ? `: ${reason}` : ""}`,
    { hint },
  );
}
