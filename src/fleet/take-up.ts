/** Everything that is needed to go on with an attempt: for its supervisor, or for whoever cleans up after one. */
import { FleetError } from "../model/errors.ts";
import type { Said } from "../model/events.ts";
import type { Snapshot } from "../model/issue.ts";
import { attemptId, type Task } from "../model/task.ts";
import type { Verdict } from "../model/verdict.ts";
import { workerLabel } from "../model/worker.ts";
import { Mirror } from "../store/mirror.ts";
import { noFigures } from "./end-attempt.ts";
import { credentialsOf, type Fleet, needGithub } from "./fleet.ts";
import { holderOf } from "./hold.ts";
import type { InFlight } from "./in-flight.ts";
import { Lease } from "./lease.ts";
import { Denials } from "./network.ts";

/**
 * Without `ending` and `end` nothing ends it: for whoever cleans up.
 * @param how.name what GitHub calls the task's repository by now, if it was renamed
 * @param how.unread stands for a snapshot that is not there, or can't be read
 * @throws FleetError `auth` without credentials, `environment` without a snapshot
 */
export async function takeUp(
  fleet: Fleet,
  task: Task,
  say: (said: Said) => void,
  how: { ending?: AbortSignal; end?: (verdict: Verdict) => void; name?: string; unread?: Snapshot } = {},
): Promise<InFlight> {
  const { ending = new AbortController().signal, end = () => {}, name = task.repo } = how;
  const { store, config } = fleet;
  const id = attemptId(task.worker, task.n);
  const credentials = credentialsOf(fleet, task.worker);
  const github = await fleet.github(needGithub(credentials));
  const read = store.attempts.readSnapshot(task.worker, task.n);
  const snapshot = read?.ok ? read.value : how.unread;
  if (snapshot === undefined) {
    const why = read?.ok === false ? read.reason : `attempt ${id} has no snapshot`;
    throw new FleetError("environment", why, { hint: `give the issue back: cw reset ${task.worker}` });
  }
  const place = task.issue === null ? null : { repo: name, issue: task.issue, namespace: config.claims.namespace };
  // What tidies up after the end works for nobody, and must not look like something of the attempt.
  const cookie = store.attempts.ended(task.worker, task.n) === null ? { cookie: task.cookie } : {};
  const nodeId = snapshot.issue?.nodeId ?? null;
  return {
    fleet,
    task: { ...task, repo: name },
    id,
    paths: store.attempts.at(task.worker, task.n),
    snapshot,
    credentials,
    github,
    mirror: new Mirror({ ...fleet.git(credentials), ...cookie }, store.paths.repo(task.repo), name, id),
    lease: place && new Lease(github, place, holderOf(fleet, task), workerLabel(task.worker), nodeId, say, end),
    say,
    ending,
    base: null,
    branch: "",
    figures: noFigures(task),
    denials: new Denials(say),
    tidying: Promise.resolve(),
    unconfirmed: false,
    untaken: new Set(),
    finalWord: null,
  };
}

/**
 * An attempt that is over, or that nobody looks after any more: what is done for it stands in its events. It needs nothing of
 * its snapshot that GitHub does not say as well.
 */
export async function takeUpOver(fleet: Fleet, task: Task, name = task.repo): Promise<InFlight> {
  const say: InFlight["say"] = (said) => fleet.heard(fleet.store.journal.append(task.worker, task.n, said));
  const repository = { nodeId: "", fullName: name, defaultBranch: "", private: true };
  return await takeUp(fleet, task, say, { name, unread: { version: 1, readAt: "", repository, issue: null } });
}
