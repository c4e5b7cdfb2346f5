/** Brings an attempt that is over to its proper end, here and on GitHub. */
import { type End, isAbandoned, mayEndForIt, statusOf } from "../model/attempt.ts";
import type { Claim } from "../model/claim.ts";
import { FleetError } from "../model/errors.ts";
import type { FleetEvent } from "../model/events.ts";
import { sameRepo } from "../model/issue.ts";
import { type Repair, repairsFor, repairsToGiveBack, type Unsettled } from "../model/repair.ts";
import { attemptId, type Task } from "../model/task.ts";
import { workerLabel } from "../model/worker.ts";
import { commentOf } from "../reports/comment.ts";
import { withClone } from "../store/kept-clones.ts";
import { now } from "../system/clock.ts";
import { failPoint } from "../system/fail-point.ts";
import { oneAtATime } from "../system/lock.ts";
import { removeTree } from "../system/remove.ts";
import { endTree } from "../system/tree.ts";
import { tell } from "./close-out.ts";
import { endAttempt, type Figures, noFigures } from "./end-attempt.ts";
import type { Fleet } from "./fleet.ts";
import { renew } from "./hold.ts";
import type { InFlight } from "./in-flight.ts";
import type { Lease } from "./lease.ts";
import { finishPublished } from "./publish.ts";
import { nameNow } from "./same-repository.ts";
import { saveCrashed } from "./save-crashed.ts";
import { takeUpOver } from "./take-up.ts";
import { unknownState } from "./unknown.ts";

/** Uncommitted work becomes a patch before anything is ended; where that fails it is said, and the clone is kept. */
export async function endCrashed(fleet: Fleet, task: Task): Promise<string[]> {
  return await alone(fleet, task, async () => {
    const facts = fleet.store.attempts.facts(task.worker, task.n);
    if (facts?.supervisor === "dead" && facts.processes === "alive") await endProcesses(fleet, task);
    // While GitHub can't be asked it is lost; what was pushed is finished by a later reconcile.
    const pushed = await finishPushed(fleet, task).catch(() => null);
    return await endCrashedAlone(fleet, task, pushed);
  });
}

/** Ends the supervisor and all that it has started, also without having noted it yet; awaits their death, which takes the kernel a moment. */
export async function endProcesses({ store }: Pick<Fleet, "store">, { worker, n, cookie }: Task): Promise<void> {
  const birth = store.attempts.birth(worker, n);
  if (birth?.by === "supervisor") await endTree({ monitor: birth.process, first: null, cookie }, 0);
  for (const started of store.attempts.started(worker, n)) await endTree({ ...started, cookie }, 0);
}

/** What a crashed attempt had pushed is delivered once GitHub confirms its pull request, whatever became of the supervisor. */
async function finishPushed(fleet: Fleet, task: Task): Promise<Pick<Figures, "branch" | "pull"> | null> {
  const { attempts } = fleet.store;
  if (task.issue === null || attempts.birth(task.worker, task.n)?.by !== "supervisor") return null;
  const attempt = await onTheSpot(fleet, task);
  const { ours } = await onGitHub(attempt);
  if (ours !== "published" && ours !== "done") return null;
  const claim = await ownClaim(attempt);
  if (claim.pr === undefined && ours === "done") return null;
  const pull =
    claim.pr === undefined
      ? await finishPublished(attempt, claim)
      : await attempt.github.pull(attempt.task.repo, claim.pr);
  if ("why" in pull) return null;
  const { number, url, headRef } = pull;
  await attempt.mirror.forget();
  return { branch: headRef, pull: { number, url } };
}

/**
 * Of those that clear up after an attempt one at a time: another would end it, and free its HOME, while the first still
 * works there to save what it left; or would take the saving itself for something of the attempt, and kill it.
 */
export async function alone<T>(fleet: Pick<Fleet, "store">, task: Task, work: () => Promise<T>): Promise<T> {
  return await oneAtATime(fleet.store.paths.locks, `end-${task.worker}`, work);
}

async function endCrashedAlone(
  fleet: Fleet,
  task: Task,
  pushed: Pick<Figures, "branch" | "pull"> | null,
): Promise<string[]> {
  const { attempts } = fleet.store;
  const name = `attempt ${attemptId(task.worker, task.n)}`;
  const facts = attempts.facts(task.worker, task.n);
  // Somebody else cleared up while we waited for our turn.
  if (facts?.end?.ok) return [];
  const may = facts === null ? "no" : mayEndForIt(facts);
  if (may === "no") {
    const { state, reason } = statusOf(facts, now());
    if (state === "unknown") throw unknownState(task.worker, reason);
    throw new FleetError("busy", `${name} is not over`, { hint: `cw status ${task.worker}` });
  }
  const born = facts?.birth?.ok === true && facts.birth.value.by === "supervisor";
  const done = born && !pushed ? await saveCrashed(fleet, task) : [];
  failPoint("crashed work saved");
  await removeTree(fleet.store.paths.attempt(task.worker, task.n).trial);
  // A wish to stop outlives its supervisor: what is lost is tried again by itself, what was stopped is not.
  const wished = attempts.stopWished(task.worker, task.n);
  // Where no agent ever ran, nothing was lost, and nothing counts against the issue.
  const outcome = pushed ? "delivered" : wished ? "stopped" : born ? "lost" : "refused";
  const why = born ? "the supervisor vanished" : "the supervisor never started";
  const reason = pushed?.pull?.url ?? withClone(fleet.store.paths, task, why);
  const figures = { ...noFigures(task), ...pushed };
  const ended = endAttempt(fleet, task, { outcome, reason }, { cancel: may === "cancel-first", figures });
  if (!ended) throw new FleetError("busy", `${name} came to life`, { hint: `cw status ${task.worker}` });
  return [...done, `${name} was ended as ${outcome}: ${reason}`];
}

/** Gives the issue back, whatever the outcome was: for reset. */
export async function giveBack(fleet: Fleet, task: Task): Promise<string[]> {
  if (task.issue === null) return [];
  const attempt = await onTheSpot(fleet, task);
  const end = fleet.store.attempts.ended(task.worker, task.n);
  return await carryOut(attempt, repairsToGiveBack({ ...saidBy(fleet, task, end), ...(await onGitHub(attempt)) }), end);
}

/** @returns what was mended, a sentence each; nothing for an attempt that lives */
export async function settle(fleet: Fleet, task: Task): Promise<string[]> {
  const facts = fleet.store.attempts.facts(task.worker, task.n);
  const over = facts?.end?.ok === true;
  if (!over && !(facts && isAbandoned(facts, now()))) return [];
  const done = over ? [] : await endCrashed(fleet, task);
  const end = fleet.store.attempts.ended(task.worker, task.n);
  if (end === null) return done;
  fleet.store.history.complete(end);
  if (task.issue === null) {
    fleet.store.attempts.settle(task.worker, task.n);
    return done;
  }
  const attempt = await onTheSpot(fleet, task);
  const repairs = repairsFor({ ...saidBy(fleet, task, end), ...(await onGitHub(attempt)) });
  return [...done, ...(await carryOut(attempt, repairs, end))];
}

const posted = ({ type }: FleetEvent) => type === "comment:posted";

/** Its own events say whether the issue was told. They may lack it; then GitHub is asked, and the comment that is there is found. */
function saidBy({ store }: Fleet, { worker, n }: Task, end: End | null): Pick<Unsettled, "outcome" | "untold"> {
  const speaks = end !== null && commentOf(worker, end.attempt, end.outcome, end.reason, end) !== null;
  const events = store.journal.recent(worker, n);
  // Delivered, and its supervisor died: its comment may be on its way still, and its pull request tells enough.
  const died =
    end?.outcome === "delivered" && !events.some((one) => one.type === "step:ended" && one.step === "close-out");
  return { outcome: end?.outcome ?? "lost", untold: speaks && !died && !events.some(posted) };
}

/** Where what the task meant is by now. */
async function onTheSpot(fleet: Fleet, task: Task): Promise<InFlight> {
  const attempt = await takeUpOver(fleet, task);
  const name = await nameNow(fleet, attempt.github, task.repo);
  return sameRepo(name, task.repo) ? attempt : await takeUpOver(fleet, task, name);
}

/** What GitHub says of an attempt's claim and label; the lease then knows the tip. */
async function onGitHub({ github, task, ...attempt }: InFlight) {
  const lease = needLease(attempt);
  const { ours, stale } = await lease.look();
  if (ours === null) return { ours, stale, labelled: false };
  return { ours, stale, labelled: await github.hasLabel(task.repo, lease.place.issue, workerLabel(task.worker)) };
}

async function carryOut(attempt: InFlight, repairs: readonly Repair[], end: End | null): Promise<string[]> {
  const { fleet, task, github } = attempt;
  const done: string[] = [];
  for (const repair of repairs) {
    switch (repair.do) {
      case "finish-pull": {
        const pull = await finishPublished(attempt, await ownClaim(attempt));
        if ("why" in pull) await finishClaim(attempt, repair.orElse);
        failPoint("finish-pull mended");
        done.push(
          "why" in pull
            ? `no pull request of what ${attempt.id} had pushed (${pull.why}): its claim on ${task.repo}#${task.issue} was ${repair.orElse}`
            : `the pushed work of ${attempt.id} ${pull.open ? "became" : "is in"} pull request #${pull.number}`,
        );
        if ("why" in pull && repair.orTell && end !== null) done.push(await tellLate(attempt, end));
        break;
      }
      case "finish-claim":
        // Another's by now.
        if (!(await finishClaim(attempt, repair.state))) return done;
        failPoint("finish-claim mended");
        done.push(
          `the claim of ${attempt.id} on ${task.repo}#${task.issue} was ${repair.state === "done" ? "finished" : repair.state}`,
        );
        break;
      case "renew": {
        const lease = needLease(attempt);
        const renewed = await renew(github.claims, lease.place, lease.holder, await lease.known());
        if (!renewed.won) return done;
        lease.moved(renewed.tip);
        done.push(`the claim of ${attempt.id} on ${task.repo}#${task.issue} was renewed`);
        break;
      }
      case "remove-label": {
        const label = workerLabel(task.worker);
        await github.removeLabel(task.repo, needLease(attempt).place.issue, label);
        failPoint("remove-label mended");
        done.push(`the label ${label} was removed from ${task.repo}#${task.issue}`);
        break;
      }
      case "tell":
        if (end !== null) done.push(await tellLate(attempt, end));
        break;
      case "settle":
        fleet.store.attempts.settle(task.worker, task.n);
        break;
    }
  }
  return done;
}

/** What GitHub takes from nobody (a locked issue, a deleted one) is not sent at each tick for ever. */
async function tellLate(attempt: InFlight, end: End): Promise<string> {
  const where = `${attempt.task.repo}#${attempt.task.issue}`;
  try {
    await tell(attempt, end);
  } catch (error) {
    if (!(error instanceof FleetError) || !(error.definite || error.code === "notFound")) throw error;
    return `${where} can't be told how ${attempt.id} ended (${end.outcome}), only cw inspect tells: ${error.message}`;
  }
  return `${where} was told how ${attempt.id} ended: ${end.outcome}`;
}

/** Another command may renew it meanwhile, for the same attempt: then it is ours still. @returns false: another's, or at its end */
async function finishClaim(attempt: InFlight, state: Claim["state"]): Promise<boolean> {
  const lease = needLease(attempt);
  for (let tries = 0; tries < 3; tries++) {
    if (await lease.finish({ state })) return true;
    if (!lease.ours || lease.ended) return false;
  }
  throw new FleetError("busy", `the claim of ${attempt.id} is renewed again and again`);
}

async function ownClaim(attempt: InFlight) {
  const { claim } = await needLease(attempt).known();
  if (claim === null) throw new Error("the claim can't be read");
  return claim;
}

function needLease(attempt: Pick<InFlight, "id" | "lease">): Lease {
  if (attempt.lease === null) throw new Error(`attempt ${attempt.id} has no issue`);
  return attempt.lease;
}
