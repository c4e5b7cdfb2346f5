/** Ends an attempt because somebody asks: a wish that its supervisor carries out; signals only for one that hangs. */
import { type AttemptFacts, statusOf } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import type { Outcome } from "../model/outcome.ts";
import { attemptId, type Task } from "../model/task.ts";
import { progressOf } from "../reports/progress.ts";
import { withClone } from "../store/kept-clones.ts";
import { isoNow, now, sleep, tickerMs } from "../system/clock.ts";
import { sizeOf } from "../system/files.ts";
import { liveness } from "../system/process.ts";
import { cancelBirth, endAttempt } from "./end-attempt.ts";
import type { Fleet } from "./fleet.ts";
import { saveCrashed } from "./save-crashed.ts";
import { alone, endCrashed, endProcesses } from "./settle.ts";
import { unknownState } from "./unknown.ts";

export interface Stopped {
  readonly worker: string;
  readonly attempt: string;
  /** Not always `stopped`: what had begun to publish is finished. */
  readonly outcome: Outcome;
}

/** Room for what a supervisor does between the wish and the next event. */
const patienceMs = 30_000;

/** @returns null when there was nothing to stop. @throws FleetError `notFound`, `environment`, `busy` (can't be killed) */
export async function stop(fleet: Fleet, worker: string, by: "stop" | "reset" = "stop"): Promise<Stopped | null> {
  const { store } = fleet;
  store.workers.need(worker);
  const facts = store.attempts.facts(worker);
  const { state, reason } = statusOf(facts, now());
  if (facts === null || state === "idle") return null;
  if (state === "unknown") throw unknownState(worker, reason);
  store.attempts.wishStop(worker, facts.n, { version: 1, by, at: isoNow() });
  if (state === "crashed" && facts.task.ok) {
    await endCrashed(fleet, facts.task.value);
    return ended(fleet, worker, facts.n);
  }
  if (state === "starting" && (await cancelled(fleet, facts))) return ended(fleet, worker, facts.n);
  await untilEndOrHang(fleet, worker, facts.n);
  if (store.attempts.ended(worker, facts.n) === null) await endInstead(fleet, worker, facts.n);
  return ended(fleet, worker, facts.n);
}

/**
 * A supervisor that is not born yet loses its birth to us. Its dispatcher, if it lives, undoes what it did on GitHub and
 * then ends the attempt: ended before, its label could be taken from the next attempt on the same issue.
 * @returns false when the supervisor was born first
 */
async function cancelled(fleet: Pick<Fleet, "store" | "heard">, facts: AttemptFacts): Promise<boolean> {
  if (!facts.task.ok) return false;
  const task = facts.task.value;
  const reason = "stopped before its supervisor started";
  if (!cancelBirth(fleet, task, reason)) return false;
  const deadline = tickerMs() + patienceMs;
  while (fleet.store.attempts.ended(task.worker, task.n) === null) {
    if (liveness(task.reservedBy) !== "alive" || tickerMs() > deadline) {
      endAttempt(fleet, task, { outcome: "stopped", reason });
      break;
    }
    await sleep(50);
  }
  return true;
}

/** A hang is no event for longer than the current step may take. */
async function untilEndOrHang(fleet: Pick<Fleet, "store" | "config">, worker: string, n: number): Promise<void> {
  const { attempts, journal } = fleet.store;
  const events = attempts.at(worker, n).events;
  let size = -1;
  let heardMs = tickerMs();
  while (attempts.ended(worker, n) === null) {
    if (sizeOf(events) !== size) {
      size = sizeOf(events);
      heardMs = tickerMs();
    }
    const { step, stepDeadlineMs } = progressOf(journal.recent(worker, n));
    const own = step === "agent" ? fleet.config.limits.grace : (stepDeadlineMs ?? 0);
    if (tickerMs() - heardMs > own + patienceMs) return;
    const facts = attempts.facts(worker, n);
    // What a dead supervisor left alive ends by no waiting.
    if (facts?.supervisor === "dead" && facts.birth !== null) return;
    await sleep(50);
  }
}

/** For a supervisor that hangs or is dead: kill what it was, prove everything dead, save the work, write the end. */
async function endInstead(fleet: Fleet, worker: string, n: number): Promise<void> {
  const task = fleet.store.attempts.task(worker, n);
  if (task === null) throw new FleetError("environment", `the task of attempt ${attemptId(worker, n)} can't be read`);
  await alone(fleet, task, () => endInsteadAlone(fleet, task));
}

async function endInsteadAlone(fleet: Fleet, task: Task): Promise<void> {
  const { attempts } = fleet.store;
  const { worker, n } = task;
  const birth = attempts.birth(worker, n);
  await endProcesses(fleet, task);
  const facts = attempts.facts(worker, n);
  if (facts?.end?.ok) return;
  const { state, reason } = statusOf(facts, now());
  if (state === "unknown") throw unknownState(worker, reason);
  if (facts === null || facts.supervisor !== "dead" || facts.processes !== "dead") {
    throw new FleetError("busy", `processes of attempt ${attemptId(worker, n)} are still alive`, {
      hint: `cw stop ${worker}`,
    });
  }
  if (birth?.by === "supervisor") await saveCrashed(fleet, task);
  endAttempt(
    fleet,
    task,
    { outcome: "stopped", reason: withClone(fleet.store.paths, task, "stopped; its supervisor did not answer") },
    { cancel: facts.birth === null },
  );
}

function ended(fleet: Pick<Fleet, "store">, worker: string, n: number): Stopped {
  const facts = fleet.store.attempts.facts(worker, n);
  if (facts?.end?.ok) return { worker, attempt: facts.end.value.attempt, outcome: facts.end.value.outcome };
  const { state, reason } = statusOf(facts, now());
  if (state === "unknown") throw unknownState(worker, reason);
  throw new FleetError("busy", `attempt ${attemptId(worker, n)} has not ended yet`, { hint: `cw status ${worker}` });
}
