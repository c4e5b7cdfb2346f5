/**
 * One attempt, from birth to end, in its own detached process: prepare, agent, collect, verify, publish, close out.
 * Deterministic and without a model: what it calls delivered, GitHub has confirmed.
 */

import type { Said } from "../model/events.ts";
import { meaningOf } from "../model/outcome.ts";
import { Redactor } from "../model/redaction.ts";
import type { Task } from "../model/task.ts";
import { Verdict, verdictOfAgent, verdictOfError, verdictWithoutChange } from "../model/verdict.ts";
import { giveBackClone, hasClone, keepClone, removeOldClones, withClone } from "../store/kept-clones.ts";
import { now, sleep } from "../system/clock.ts";
import { isOfTheMachine } from "../system/machine-trouble.ts";
import { self } from "../system/process.ts";
import { endTree } from "../system/tree.ts";
import { closeOut } from "./close-out.ts";
import { collect, saveBranches, saveWork, type Work } from "./collect.ts";
import { endAttempt } from "./end-attempt.ts";
import { credentialsOf, type Fleet, secretsOf } from "./fleet.ts";
import { freeRoom } from "./free-room.ts";
import { type InFlight, inStep, throwIfEnding } from "./in-flight.ts";
import { awaitReset } from "./park.ts";
import { pauseRefused } from "./pause.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { fileProposals } from "./propose.ts";
import { publish } from "./publish.ts";
import { type AgentRun, runAgent } from "./run-agent.ts";
import { takeUp } from "./take-up.ts";
import { unknownState } from "./unknown.ts";
import { verify } from "./verify.ts";

const stopPollMs = 200;
const closeOutMs = 5 * 60_000;
/** A host that shuts down waits for nobody, but for so long it usually does: 90 s under systemd. */
const shutdownMs = 20_000;

/** @param shutdown aborted on SIGTERM. @returns false when another process has the birth: then nothing was done. @throws FleetError `environment`: there is no task that it can read */
export async function supervise(fleet: Fleet, worker: string, n: number, shutdown: AbortSignal): Promise<boolean> {
  const { attempts, journal } = fleet.store;
  const read = attempts.readTask(worker, n);
  // No birth: whoever waits for it gives up, and undoes what it did. The words go to the log.
  if (!read?.ok) throw unknownState(worker, read?.reason ?? `${attempts.at(worker, n).task} is missing`);
  const task = read.value;
  if (!attempts.bear(worker, n, { version: 1, by: "supervisor", process: self(), bornAt: now(), reason: null }))
    return false;
  const redactor = redactorOf(fleet, worker);
  const say = (said: Said) => fleet.heard(journal.append(worker, n, redactor.value(said)));
  say({ type: "attempt:born", pid: process.pid });
  // Before anything is started: what is started later is there, too.
  const left = await fleet.moveToScope(worker, n);
  if (left !== null) say({ type: "warning", message: `no systemd scope of its own: ${left}` });
  const ending = new AbortController();
  const end = (verdict: Verdict) => ending.abort(verdict);
  const shutDown = () => end(new Verdict("lost", "the host shut the supervisor down"));
  // Asked before there was anybody to listen.
  if (shutdown.aborted) shutDown();
  shutdown.addEventListener("abort", shutDown, { once: true });
  const polling = setInterval(() => {
    try {
      if (attempts.stopWished(worker, n)) end(new Verdict("stopped", "someone asked"));
    } catch (error) {
      // A disk that fails is nobody's wish: the next look may tell.
      if (!isOfTheMachine(error)) throw error;
    }
  }, stopPollMs);
  try {
    await run(fleet, task, redactor, say, ending.signal, end);
  } catch (error) {
    // A bug, or a record that is missing. Without an end the worker would look crashed, and nobody would know why.
    await untilNothingLives(fleet, task);
    // Without an end it has crashed; the words go to the log.
    if (isOfTheMachine(error)) throw error;
    endAttempt(fleet, task, {
      outcome: "failed",
      reason: redactor.text(`the supervisor failed: ${error instanceof Error ? error.stack : error}`),
    });
  } finally {
    clearInterval(polling);
  }
  await freeRoom(fleet, task, shutdown);
  return true;
}

/** Credentials that can't be read end the attempt later, in words; until then shapes alone are known. */
function redactorOf(fleet: Fleet, worker: string): Redactor {
  try {
    return new Redactor(secretsOf(credentialsOf(fleet, worker)));
  } catch {
    return new Redactor([]);
  }
}

/** What the end promises is proved once more: a step past its deadline goes on behind our back. */
async function untilNothingLives(fleet: Fleet, task: Task): Promise<void> {
  const { attempts } = fleet.store;
  while (attempts.processesOf(task.worker, task.n, task.cookie) === "alive") {
    for (const started of attempts.started(task.worker, task.n)) await endTree({ ...started, cookie: task.cookie }, 0);
    await sleep(100);
  }
}

async function run(
  fleet: Fleet,
  task: Task,
  redactor: Redactor,
  say: (said: Said) => void,
  ending: AbortSignal,
  end: (verdict: Verdict) => void,
): Promise<void> {
  const attempt = await takeUp(fleet, task, say, { ending, end });
  try {
    attempt.lease?.keep();
    const { outcome, reason } = await keepUntaken(attempt, await perform(attempt));
    const verdict = { outcome, reason: redactor.text(reason) };
    attempt.figures = redactor.value(attempt.figures);
    const settled = await inStep(attempt, "close-out", closeOutMs, () => closeOut(attempt, verdict)).catch((error) => {
      say({ type: "warning", message: `close-out: ${error instanceof Error ? error.message : error}` });
      return false;
    });
    await untilNothingLives(fleet, task);
    // Before the end: after it nobody comes back to what a crash leaves.
    await attempt.mirror.forget();
    endAttempt(fleet, task, verdict, { figures: attempt.figures });
    // Last: until then the next command looks whether the end came as far as the history.
    if (settled) fleet.store.attempts.settle(task.worker, task.n);
  } catch (error) {
    // Whoever tries again starts from what the mirror knows of it.
    if (!isOfTheMachine(error)) {
      await attempt.mirror.forget().catch(() => {});
      await keepUntaken(attempt, new Verdict("failed", ""));
    }
    throw error;
  } finally {
    await attempt.lease?.release();
    await attempt.tidying;
  }
}

/**
 * What is in the clone alone must not be there only until the worker's next task.
 * @returns the verdict, with where the clone is
 */
async function keepUntaken(attempt: InFlight, verdict: Verdict): Promise<Verdict> {
  const { fleet, task, untaken } = attempt;
  const { outcome, reason } = verdict;
  if (untaken.size === 0) return verdict;
  await keepWhole(attempt);
  return meaningOf(outcome).good ? verdict : new Verdict(outcome, withClone(fleet.store.paths, task, reason));
}

/** Nothing where there is no clone, or it is kept already. */
async function keepWhole(attempt: InFlight): Promise<void> {
  const { fleet, task, tidying } = attempt;
  const { paths } = fleet.store;
  if (hasClone(paths, task.worker, task.n)) return;
  // A step past its deadline may still be at work in it.
  await untilNothingLives(fleet, task);
  const kept = keepClone(paths, task);
  if (kept === null) return;
  attempt.tidying = tidying.then(() => removeOldClones(paths, task.worker));
  attempt.say({ type: "warning", message: `the clone is kept in ${kept}` });
}

/** All steps up to the verdict; whatever is thrown on the way becomes one, and names who is to blame. */
async function perform(attempt: InFlight): Promise<Verdict> {
  const { task, untaken } = attempt;
  const { config, store } = attempt.fleet;
  let prepared: Prepared;
  let givenBack = false;
  try {
    prepared = await inStep(attempt, "prepare", config.steps.prepare, (late) => prepare(attempt, late));
    givenBack = prepared.resume && task.resumes !== null && giveBackClone(store.paths, task, task.resumes);
    if (givenBack) untaken.add("work");
    throwIfEnding(attempt);
  } catch (error) {
    return verdictOfError(error, "agent");
  }
  untaken.add("work");
  let run: AgentRun | null = null;
  let early: Verdict | null = null;
  try {
    run = await inStep(attempt, "agent", null, () => runUntilDone(attempt, prepared));
    early = verdictOfAgent(run);
  } catch (error) {
    early = verdictOfError(error, "agent");
  }
  // An agent that never got to work has nothing to collect; one that was parked, and then can't be started any more, has.
  if (task.agent === "dry-run" || (early?.outcome === "refused" && !run?.worked && attempt.figures.turns === 0)) {
    // But what an attempt before it left there.
    if (!givenBack) untaken.clear();
    return early ?? new Verdict("simulated", run?.result?.text ?? "");
  }
  try {
    const deadlineMs = early?.outcome === "lost" ? shutdownMs : config.steps.collect;
    const work = await inStep(attempt, "collect", deadlineMs, () => collect(attempt));
    await saveBranches(attempt, deadlineMs);
    if (early) return await keep(attempt, work, early);
    if (run === null) return new Verdict("failed", "the agent did not run");
    if (attempt.task.mode !== "update") return await answer(attempt, run, work);
    return work === null ? verdictWithoutChange(run, attempt.task.issue !== null) : await deliver(attempt, work);
  } catch (error) {
    // Whoever reconciles tries again.
    if (isOfTheMachine(error)) throw error;
    if (early) attempt.say({ type: "warning", message: `the work was not taken out of the clone: ${wordsOf(error)}` });
    return early ?? verdictOfError(error, "publish");
  }
}

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : error);

/** The modes that publish no change: what the agent says is the result, what it changed is kept as a patch. */
async function answer(attempt: InFlight, run: AgentRun, work: Work | null): Promise<Verdict> {
  if (work) await keep(attempt, work, new Verdict("answered", ""));
  const verdict = verdictWithoutChange(run, false);
  if (attempt.task.mode !== "issue" || run.proposals.length === 0) return verdict;
  const { publish: deadlineMs } = attempt.fleet.config.steps;
  const filed: number[] = [];
  const told = () =>
    filed.length === 0 ? "No issue was filed." : `Filed: ${filed.map((number) => `#${number}`).join(", ")}.`;
  try {
    await inStep(attempt, "publish", deadlineMs, (late) => fileProposals(attempt, run.proposals, filed, late));
  } catch (error) {
    if (isOfTheMachine(error)) throw error;
    const { outcome, reason } = verdictOfError(error, "publish");
    // They stay, whatever came after them.
    return new Verdict(outcome, filed.length === 0 ? reason : `${reason}\n\n${told()}`);
  }
  const list = told();
  return new Verdict("answered", verdict.outcome === "answered" ? `${verdict.reason}\n\n${list}` : list);
}

async function deliver(attempt: InFlight, work: Work): Promise<Verdict> {
  const { config } = attempt.fleet;
  try {
    const published = await inStep(attempt, "verify", config.steps.verify, () => verify(attempt, work));
    throwIfEnding(attempt);
    // Whoever mends a crash after the push delivers what was pushed, and looks into no clone.
    if (attempt.untaken.has("files") || attempt.untaken.has("branches")) await keepWhole(attempt);
    await inStep(attempt, "publish", config.steps.publish, (late) => publish(attempt, published, late));
  } catch (error) {
    // Once its pull request is confirmed nothing that comes after it takes that back: the step may have run out of time.
    if (!attempt.figures.pull) return await keep(attempt, work, verdictOfError(error, "publish"));
  }
  attempt.untaken.delete("work");
  return new Verdict("delivered", attempt.figures.pull?.url ?? "");
}

/** What will not be published is kept as a patch. */
async function keep(attempt: InFlight, work: Work | null, verdict: Verdict): Promise<Verdict> {
  if (work)
    await saveWork(attempt, work).catch((error: unknown) => {
      if (isOfTheMachine(error)) throw error;
      attempt.say({ type: "warning", message: `the work could not be saved: ${error}` });
    });
  return verdict;
}

/** Runs the agent; at a usage limit waits for the reset, with the claim renewed, and resumes its session. */
async function runUntilDone(attempt: InFlight, { prompt, resume }: Prepared): Promise<AgentRun> {
  let run = await runAgent(attempt, resume ? interrupted : prompt, resume, 1);
  // Nothing of a session that can't be found was lost but its memory: the clone is as it was.
  let again = 2;
  if (resume && !run.worked && /No conversation found/.test(run.result?.text ?? "")) {
    run = await runAgent(attempt, `${interrupted}\n\n${prompt}`, false, again++);
  }
  for (let parked = 0; run.result?.kind === "limited" && parked < mostParks; parked++, again++) {
    if (!(await awaitReset(attempt, run.resetsAt))) break;
    const reset = "The usage limit was reset. Look at the state of your work, then go on.";
    run = joined(run, await runAgent(attempt, reset, true, again));
  }
  if (run.result?.kind === "auth") pauseRefused(attempt.fleet, attempt.credentials);
  return run;
}

/** What it said before it was parked it does not say again: it remembers that it did. */
function joined(before: AgentRun, after: AgentRun): AgentRun {
  const [old, words] = [before.words, after.words];
  return {
    ...after,
    words: {
      complete: words.complete ?? old.complete,
      answer: words.answer ?? old.answer,
      fail: words.fail ?? old.fail,
    },
    worked: before.worked || after.worked,
    proposals: [...before.proposals, ...after.proposals],
  };
}

/** Each may be hours long. */
const mostParks = 20;

const interrupted =
  "You were interrupted. Look at the state of your work (git status, git log), then go on with your task.";
