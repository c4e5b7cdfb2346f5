/** Goes on with what a worker's last attempt did not finish: its session and its clone, or from the beginning. */

import type { GitHub } from "../issues/github.ts";
import { statusOf } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import { isProposal } from "../model/issue.ts";
import { meaningOf } from "../model/outcome.ts";
import { attemptId, type Task } from "../model/task.ts";
import { now } from "../system/clock.ts";
import { type Dispatched, launch } from "./dispatch.ts";
import type { Fleet } from "./fleet.ts";
import type { Work } from "./read-work.ts";
import { endCrashed } from "./settle.ts";
import { doubtIn, trustIn } from "./trust.ts";
import { unknownState } from "./unknown.ts";

/** @param options.fresh a new session in a new clone. @throws FleetError `busy`, `notFound`, and as dispatch does */
export async function restart(
  fleet: Fleet,
  worker: string,
  options: { fresh?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<Dispatched> {
  const { attempts, workers } = fleet.store;
  workers.need(worker);
  const facts = attempts.facts(worker);
  const { state, reason } = statusOf(facts, now());
  if (facts === null) throw new FleetError("notFound", `worker ${worker} has had no task yet`);
  if (!facts.task.ok) throw unknownState(worker, reason ?? facts.task.reason);
  if (state === "unknown") throw unknownState(worker, reason);
  if (state !== "idle" && state !== "crashed") {
    throw new FleetError("busy", `worker ${worker} is ${state}`, { hint: `cw stop ${worker}` });
  }
  const task = facts.task.value;
  if (state === "crashed") await endCrashed(fleet, task);
  const end = attempts.ended(worker, facts.n);
  const id = attemptId(worker, facts.n);
  if (end && meaningOf(end.outcome).good) {
    throw new FleetError("notFound", `there is nothing to restart: attempt ${id} was ${end.outcome}`, {
      hint: `cw dispatch -r ${task.repo}${task.issue === null ? " -p ..." : ` -i ${task.issue}`}`,
    });
  }
  const { repo, issue, model, mode, limits, sessionId } = task;
  const request = attempts.request(worker, facts.n);
  // A restart that was refused never got as far as the clone: what it was to go on with is still there.
  const from = attempts.base(worker, facts.n) === null ? (task.resumes ?? facts.n) : facts.n;
  const resumes = options.fresh ? null : { n: from, sessionId };
  return await launch(
    fleet,
    { repo, issue, worker, request, model, mode, limits },
    { resumes, signal: options.signal, vet: (work, github) => needKnownText(fleet, task, work, github) },
  );
}

/**
 * Who restarts a worker names what it did, not what somebody has made of the issue since then: text that no attempt had needs
 * an approval, or to be named.
 */
async function needKnownText(fleet: Fleet, task: Task, { issue, snapshot }: Work, github: GitHub): Promise<void> {
  if (issue === null) return;
  const [before, after] = [fleet.store.attempts.snapshot(task.worker, task.n)?.issue, snapshot.issue];
  if (before && before.title === after?.title && before.body === after.body) return;
  const label = fleet.config.assign.approvalLabel;
  const trust = await trustIn(github, task.repo, { ...issue, proposed: isProposal(issue.body) }, label);
  // Read again between two looks: what is approved has to be the text that was read.
  const again = trust.trusted ? await github.issue(task.repo, issue.number) : issue;
  const same = again.title === issue.title && again.body === issue.body;
  const why = !trust.trusted ? trust.why : await doubtIn(github, task.repo, again, label, trust);
  if (same && why === null) return;
  throw new FleetError(
    "auth",
    `${task.repo}#${issue.number} reads otherwise than when it was dispatched: ${why ?? "it is being edited"}`,
    {
      hint: `read it, then: cw dispatch -r ${task.repo} -i ${issue.number}`,
    },
  );
}
