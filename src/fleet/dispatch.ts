/**
 * Gives a worker a task: read the issue, reserve, claim, label, start the supervisor, wait until it is born. What fails
 * undoes what was done, and the attempt ends as refused, with nothing left outside. Reading comes first: it changes
 * nothing, so a mistake in what was asked for leaves no trace at all.
 */
import type { Choice } from "../isolation/choose.ts";
import type { GitHub } from "../issues/github.ts";
import { FleetError } from "../model/errors.ts";
import type { Said } from "../model/events.ts";
import { attemptId, type Task } from "../model/task.ts";
import { checkGit } from "../store/git.ts";
import { now, sleep, tickerMs } from "../system/clock.ts";
import { self } from "../system/process.ts";
import { cancelBirth, endAttempt } from "./end-attempt.ts";
import { type Credentials, credentialsOf, type Fleet, needGithub, needProvider } from "./fleet.ts";
import { needWalls } from "./gates.ts";
import { refusePaused } from "./pause.ts";
import { readWork, type Work } from "./read-work.ts";
import { type CheckedRequest, checkRequest, type DispatchRequest } from "./request.ts";
import { mayReserve, reserve } from "./reserve.ts";
import { needSame } from "./same-repository.ts";
import { settle } from "./settle.ts";
import { Undo } from "./steps.ts";
import { Adopted, take } from "./take.ts";

export interface Dispatched {
  readonly worker: string;
  /** `01-7` */
  readonly attempt: string;
  readonly n: number;
  readonly repo: string;
  readonly issue: number | null;
  /** Process number of the supervisor; null when it can't be told. */
  readonly pid: number | null;
  readonly folder: string;
  /** The issue was being worked on already: this is that attempt, nothing was started. */
  readonly existing: boolean;
  /** What was mended beforehand, a sentence each. */
  readonly repaired: readonly string[];
  /** What the operator should know, a sentence each. */
  readonly remarks: readonly string[];
}

/** @throws FleetError of every code but `outcome` */
export async function dispatch(fleet: Fleet, request: DispatchRequest): Promise<Dispatched> {
  return await launch(fleet, checkRequest(request, fleet.config), { signal: request.signal });
}

/** How an attempt goes on from an earlier one of the same worker. */
interface Resumption {
  readonly n: number;
  readonly sessionId: string;
}

interface Way {
  /** Go on with that attempt's session and clone. */
  readonly resumes?: Resumption | null;
  /** Throws when what was read of the issue may not be worked on. Default: a person named it, so it may. */
  readonly vet?: (work: Work, github: GitHub) => Promise<void>;
  /** A person wants it, whatever finished before. Default: yes. */
  readonly again?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The one way in which an attempt is started, by whatever verb. */
export async function launch(fleet: Fleet, checked: CheckedRequest, way: Way): Promise<Dispatched> {
  const { resumes = null, vet, again = true, signal } = way;
  const agent = await fleet.agent(fleet.config.agent);
  const [choice] = await Promise.all([fleet.chooseIsolation(), agent.check(), checkGit(fleet.git(null))]);
  needWalls(fleet, checked, choice.isolation);
  const candidate = mayReserve(fleet, checked);
  if (typeof candidate !== "string") return dispatched(fleet, candidate, true, []);
  fleet.store.workers.fleetId(); // Throws where it can't be read: nothing could be claimed.
  const credentials = credentialsOf(fleet, candidate);
  if (fleet.config.agent === "claude") {
    needProvider(credentials);
    refusePaused(fleet, credentials);
  }
  const github = await fleet.github(needGithub(credentials));
  const work = await readWork(github, checked.repo, checked.issue);
  needSame(fleet, checked.repo, work.repository);
  await vet?.(work, github);
  signal?.throwIfAborted();
  const make = (worker: string, n: number) => makeTask(fleet, checked, choice, resumes, worker, n);
  const { task, existing } = await reserve(fleet, checked, make, work.snapshot);
  if (existing) return dispatched(fleet, task, true, []);
  const undo = new Undo((message) => say({ type: "warning", message: `could not be undone: ${message}` }));
  const say = (said: Said) => fleet.heard(fleet.store.journal.append(task.worker, task.n, said));
  fleet.store.attempts.unsettle(task.worker, task.n);
  say({ type: "attempt:reserved", repo: task.repo, issue: task.issue, agent: task.agent, model: task.model });
  try {
    if (work.snapshot.issue) {
      const { title, author, hidden } = work.snapshot.issue;
      say({ type: "issue:read", title, author, hidden });
      await take(fleet, github, task, work, again, undo, say);
      signal?.throwIfAborted();
    }
    await start(fleet, task, credentialsOf(fleet, task.worker), say, signal);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // Before anything is undone: a supervisor that is born meanwhile would work without a claim.
    if (!cancelBirth(fleet, task, reason)) throw error; // It runs: not ours to undo.
    const undone = await undo.all();
    const outcome = fleet.store.attempts.stopWished(task.worker, task.n) ? "stopped" : "refused";
    endAttempt(fleet, task, { outcome, reason });
    if (error instanceof Adopted) throw await finishAdopted(fleet, task, error);
    // What could not be undone is left to reconcile.
    if (undone) fleet.store.attempts.settle(task.worker, task.n);
    if (signal?.aborted) throw interrupted(undone, error);
    throw error;
  }
  return dispatched(fleet, task, false, choice.remarks);
}

/** @returns what is to be said: no agent was started, and the work of another is where people can see it */
async function finishAdopted(fleet: Fleet, task: Task, { message, hint, code }: Adopted): Promise<FleetError> {
  const done = await settle(fleet, task);
  return new FleetError(code, [message, ...done].join("; "), hint === undefined ? {} : { hint });
}

function interrupted(undone: boolean, cause: unknown): FleetError {
  if (undone) return new FleetError("environment", "interrupted: everything was undone", { cause });
  return new FleetError("environment", "interrupted: not everything could be undone", {
    hint: "the next command that changes something undoes the rest",
    cause,
  });
}

function makeTask(
  fleet: Fleet,
  checked: CheckedRequest,
  choice: Choice,
  resumes: Resumption | null,
  worker: string,
  n: number,
): Task {
  return {
    version: 1,
    worker,
    n,
    repo: checked.repo,
    issue: checked.issue,
    agent: fleet.config.agent,
    isolation: choice.isolation,
    innerSandbox: choice.innerSandbox,
    model: checked.model,
    mode: checked.mode,
    limits: checked.limits,
    sessionId: resumes?.sessionId ?? crypto.randomUUID(),
    cookie: crypto.randomUUID(),
    resumes: resumes?.n ?? null,
    reservedAt: now(),
    reservedBy: self(),
    bornWithinMs: fleet.config.limits.ready,
  };
}

async function start(
  fleet: Fleet,
  task: Task,
  credentials: Credentials,
  say: (said: Said) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { attempts } = fleet.store;
  const deadline = tickerMs() + fleet.config.limits.ready;
  const pid = fleet.startSupervisor(task.worker, task.n, credentials, attempts.at(task.worker, task.n).supervisorLog);
  say({ type: "attempt:spawned", pid });
  // Its birth is the fact that counts; whoever gives up on it takes the birth away from it.
  for (let birth = attempts.birth(task.worker, task.n); ; birth = attempts.birth(task.worker, task.n)) {
    if (birth?.by === "supervisor") return;
    if (birth !== null) {
      throw new FleetError("busy", `attempt ${attemptId(task.worker, task.n)} was cancelled: ${birth.reason}`);
    }
    signal?.throwIfAborted();
    if (tickerMs() > deadline) {
      throw new FleetError("environment", `the supervisor of ${attemptId(task.worker, task.n)} did not start`, {
        hint: `see ${attempts.at(task.worker, task.n).supervisorLog}`,
      });
    }
    await sleep(10);
  }
}

function dispatched(fleet: Fleet, task: Task, existing: boolean, remarks: readonly string[]): Dispatched {
  const { worker, n, repo, issue } = task;
  const birth = fleet.store.attempts.birth(worker, n);
  const pid = birth?.by === "supervisor" ? birth.process.pid : null;
  return {
    worker,
    attempt: attemptId(worker, n),
    n,
    repo,
    issue,
    pid,
    folder: fleet.store.attempts.at(worker, n).folder,
    existing,
    repaired: [],
    remarks,
  };
}
