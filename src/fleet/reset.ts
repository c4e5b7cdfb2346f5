/** Makes a worker free: saves what a crashed attempt left, ends it, and gives its issue back. */
import { rmSync } from "node:fs";
import { statusOf } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import { attemptId, type Task } from "../model/task.ts";
import { workerLabel } from "../model/worker.ts";
import { now } from "../system/clock.ts";
import { endTree } from "../system/tree.ts";
import { collect, saveWork } from "./collect.ts";
import { endAttempt } from "./end-attempt.ts";
import type { Fleet } from "./fleet.ts";
import { isOurs } from "./hold.ts";
import type { InFlight } from "./in-flight.ts";
import { finishPublished } from "./publish.ts";
import { stop } from "./stop.ts";
import { takeUp } from "./take-up.ts";

export interface Reset {
  readonly worker: string;
  /** The attempt that was cleared; null when the worker never had one. */
  readonly attempt: string | null;
  /** What was done, a sentence each. */
  readonly done: readonly string[];
}

/** @throws FleetError `busy` (without force), `notFound`, `environment`, and GitHub's when the claim can't be released */
export async function reset(fleet: Fleet, worker: string, force: boolean): Promise<Reset> {
  const { store } = fleet;
  store.workers.need(worker);
  const done: string[] = [];
  let facts = store.attempts.facts(worker);
  let { state, reason } = statusOf(facts, now());
  if (state === "busy" || state === "starting" || state === "stopping") {
    if (!force)
      throw new FleetError("busy", `worker ${worker} is ${state}`, {
        hint: `cw reset -f ${worker}, or cw stop ${worker}`,
      });
    const stopped = await stop(fleet, worker, "reset");
    if (stopped) done.push(`attempt ${stopped.attempt} was stopped (${stopped.outcome})`);
    facts = store.attempts.facts(worker);
    ({ state, reason } = statusOf(facts, now()));
  }
  if (facts === null) return { worker, attempt: null, done };
  if (!facts.task.ok || state === "unknown") {
    throw new FleetError(
      "environment",
      `worker ${worker} is in an unknown state: ${reason ?? "its task can't be read"}`,
    );
  }
  const task = facts.task.value;
  if (state === "crashed") done.push(...(await endCrashed(fleet, task)));
  done.push(...(await giveBack(fleet, task)));
  for (const name of ["task.json", "prompt.md"]) rmSync(`${store.paths.home(worker)}/${name}`, { force: true });
  return { worker, attempt: attemptId(worker, facts.n), done };
}

/** Uncommitted work becomes a patch before anything is ended; a failure to save it is said, and the clone stays. */
async function endCrashed(fleet: Fleet, task: Task): Promise<string[]> {
  const { attempts } = fleet.store;
  const done: string[] = [];
  for (const started of attempts.started(task.worker, task.n)) await endTree({ ...started, cookie: task.cookie }, 0);
  if (attempts.birth(task.worker, task.n)?.by === "supervisor") {
    try {
      const attempt = await takenUp(fleet, task);
      attempt.base = await attempt.mirror.knownBase();
      const work = attempt.base && (await collect(attempt));
      if (work) {
        await saveWork(attempt, work);
        done.push(`its work was saved: ${attempt.paths.patch}`);
      }
      await attempt.mirror.forget();
    } catch (error) {
      done.push(
        `its work could not be saved and stays in the clone: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  const ended = endAttempt(
    fleet,
    task,
    { outcome: "lost", reason: "the supervisor vanished" },
    { cancel: attempts.birth(task.worker, task.n) === null },
  );
  if (!ended)
    throw new FleetError("busy", `worker ${task.worker} came to life`, { hint: `cw reset -f ${task.worker}` });
  done.push(`attempt ${attemptId(task.worker, task.n)} was ended as lost`);
  return done;
}

/** Claim and label of an attempt that is over. What it had already pushed is finished, not thrown away. */
async function giveBack(fleet: Fleet, task: Task): Promise<string[]> {
  const { store } = fleet;
  if (task.issue === null || store.attempts.snapshot(task.worker, task.n) === null) return [];
  const attempt = await takenUp(fleet, task);
  const { lease, github } = attempt;
  if (lease === null) return [];
  const { tip } = await github.claims.read(lease.place);
  const done: string[] = [];
  if (tip?.claim && isOurs(tip.claim, lease.holder)) {
    lease.moved(tip);
    if (tip.claim.state === "published") {
      const pull = await finishPublished(attempt, tip.claim);
      done.push(`its pushed work became pull request #${pull.number}`);
    } else if (tip.claim.state !== "done" && tip.claim.state !== "released") {
      await lease.finish({ state: "released" });
      done.push(`the claim on ${task.repo}#${task.issue} was released`);
    }
    // Without our claim a label may be a person's, or another attempt's.
    const label = workerLabel(task.worker);
    const { labels } = await github.issue(task.repo, task.issue);
    if (labels.includes(label)) {
      await github.removeLabel(task.repo, task.issue, label);
      done.push(`the label ${label} was removed`);
    }
  }
  return done;
}

async function takenUp(fleet: Fleet, task: Task): Promise<InFlight> {
  const say: InFlight["say"] = (said) => fleet.heard(fleet.store.journal.append(task.worker, task.n, said));
  return await takeUp(fleet, task, say, new AbortController().signal, () => {});
}
