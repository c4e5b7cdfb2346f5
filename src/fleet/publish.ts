/**
 * Branch and claim move in one atomic push that only the holder of the claim can make; then a pull request is opened or
 * adopted, and read back. What is not confirmed is not delivered.
 */
import type { Pull } from "../issues/shapes.ts";
import { branchNames, type Claim, claimRef, type Tip } from "../model/claim.ts";
import { FleetError } from "../model/errors.ts";
import { Verdict } from "../model/verdict.ts";
import { madeBy, pullRequestBody, pullRequestTitle } from "../reports/pull-request.ts";
import { failPoint } from "../system/fail-point.ts";
import type { Work } from "./collect.ts";
import { settingsOf } from "./fleet.ts";
import { message } from "./hold.ts";
import { type InFlight, needBase } from "./in-flight.ts";
import { needSame } from "./same-repository.ts";

/**
 * @param late aborted when the step has run out of time: whoever settles the attempt goes on then, and nobody else
 * @throws Verdict `fenced`, `rejected`, `withdrawn`; FleetError
 */
export async function publish(attempt: InFlight, work: Work, late: AbortSignal): Promise<void> {
  const { lease } = attempt;
  if (lease !== null) {
    await lease.release();
    await lease.checkIssue();
  } else {
    // Where there is an issue, it tells: of another repository it is another.
    needSame(attempt.fleet, attempt.task.repo, await attempt.github.repository(attempt.task.repo));
  }
  late.throwIfAborted();
  // Before: it may arrive, and the look at what came of it fail.
  attempt.unconfirmed = true;
  await push(attempt, work, late);
  attempt.figures = { ...attempt.figures, branch: attempt.branch };
  attempt.say({ type: "branch:published", branch: attempt.branch, head: work.head });
  late.throwIfAborted();
  const { number } = await confirmPull(attempt, work.head, late);
  if (lease === null) return;
  try {
    await lease.finish({ state: "done", pr: number, head: work.head });
  } catch (error) {
    // It is delivered all the same; the claim says `published`, which anybody can finish.
    attempt.say({
      type: "warning",
      message: `the claim could not be finished: ${error instanceof Error ? error.message : error}`,
    });
  }
}

/**
 * For work that was pushed by an attempt that is over: its pull request, and `done`. No agent is needed for it. What a person
 * has merged, closed or built upon meanwhile stays as it is.
 * @returns why there is none and will be none: a person has taken the branch away, or changed it, before there was one, or
 * GitHub refuses to open one; the claim is as it was
 */
export async function finishPublished(attempt: InFlight, claim: Claim): Promise<Pull | { readonly why: string }> {
  const { lease, task, github, mirror, fleet } = attempt;
  const { head } = claim;
  if (lease === null || head === undefined) throw new Error(`attempt ${attempt.id} has published nothing`);
  const repository = await github.repository(task.repo);
  needSame(fleet, task.repo, repository);
  const names = branchNames(task.issue, claim.epoch, task.sessionId);
  // Of another fleet's there is no record here.
  const recorded = fleet.store.attempts.base(task.worker, task.n)?.branch;
  const base = recorded ?? settingsOf(fleet, task.repo)?.base ?? repository.defaultBranch;
  // Before the pull requests: with a branch that GitHub deletes after a merge, that merge is seen.
  const there = await mirror.remoteRefs(
    [...names, base].map((name) => `refs/heads/${name}`),
    fleet.config.steps.publish,
  );
  const branch = names.find((name) => there.get(`refs/heads/${name}`) === head);
  const pulls: Pull[] = [];
  for (const name of names) pulls.push(...(await github.pullsOf(task.repo, name)));
  let pull = pulls.find(({ headSha, open }) => headSha === head && !open);
  try {
    if (pull === undefined && branch !== undefined) {
      attempt.branch = branch;
      // It may have been renamed since.
      attempt.base = { branch: there.has(`refs/heads/${base}`) ? base : repository.defaultBranch, sha: "" };
      attempt.unconfirmed = true;
      pull = await confirmPull(attempt, head);
    }
  } catch (error) {
    // What is refused once it is open takes nothing back.
    if (attempt.unconfirmed || !(error instanceof FleetError) || error.code !== "github") throw error;
    return { why: error.message };
  }
  pull ??= await builtUpon(attempt, head, pulls);
  if (pull === undefined) return { why: "somebody has removed or changed the branch" };
  await lease.finish({ state: "done", pr: pull.number, head });
  return pull;
}

/** Somebody has pushed on top of our commit, or GitHub has moved it to a newer base. */
async function builtUpon({ github, task, id }: InFlight, head: string, pulls: readonly Pull[]) {
  const own = madeBy(task.worker, id);
  for (const pull of pulls)
    if ((pull.open && pull.body.includes(own)) || (await github.isWithin(task.repo, head, pull.headSha))) return pull;
  return undefined;
}

/** Tries the names in order: a branch is only ever created, never moved. */
async function push(attempt: InFlight, work: Work, late: AbortSignal): Promise<void> {
  const { mirror, task, lease, fleet } = attempt;
  const timeoutMs = fleet.config.steps.publish;
  // What hangs is looked at before the step is over: it may have arrived.
  const pushMs = timeoutMs * 0.7;
  const tip = lease === null ? null : await lease.known();
  const ref = task.issue === null ? null : claimRef(fleet.config.claims.namespace, task.issue);
  const names = branchNames(task.issue, task.issue === null ? task.n : (tip?.claim?.epoch ?? 1), task.sessionId);
  for (const branch of names) {
    const target = `refs/heads/${branch}`;
    const updates = [{ from: work.head, to: target, expect: "" }];
    const published = tip && ref && lease ? await publishedTip(attempt, tip, work.head) : null;
    if (published && ref && tip) updates.push({ from: published.sha, to: ref, expect: tip.sha });
    for (let tries = 0; ; tries++) {
      late.throwIfAborted();
      const result = await mirror.push(updates, pushMs, tries);
      // Also after a failure: the reply may have been lost after GitHub acted.
      const now = await mirror.remoteRefs(ref === null ? [target] : [target, ref], timeoutMs);
      const there = now.get(target);
      // Both or neither: where the claim has moved, the branch was there, whatever a person has done with it since.
      if (published === null ? there === work.head : now.get(ref ?? "") === published.sha) {
        attempt.branch = branch;
        if (published) lease?.moved(published);
        return;
      }
      if (tip && ref && now.get(ref) !== tip.sha)
        throw new Verdict("fenced", "the claim became another's before the work could be published");
      if (there !== undefined) break;
      if (!mirror.mayPushAgain(result, tries)) throw new Verdict("rejected", mirror.pushFailure(result).message);
    }
  }
  throw new Verdict("rejected", `the branches ${names.join(" and ")} exist already`);
}

async function publishedTip(attempt: InFlight, tip: Tip, head: string): Promise<Tip> {
  const { mirror, lease } = attempt;
  if (lease === null) throw new Error("no lease");
  // A renewal may have moved the claim since the fetch: the commit to build on has to be here.
  await mirror.fetchClaim(
    claimRef(lease.place.namespace, lease.place.issue),
    tip.sha,
    attempt.fleet.config.steps.publish,
  );
  const claim = { ...message(lease.place, lease.holder, "published", tip.claim?.epoch ?? 1), head };
  const sha = await mirror.commitTree(tip.tree, tip.sha, JSON.stringify(claim));
  return { sha, tree: tip.tree, claim, committedAt: 0 };
}

/** Opens the pull request or adopts the one that is there, then reads it back: open, our commit, closes the issue. */
async function confirmPull(attempt: InFlight, head: string, late?: AbortSignal): Promise<Pull> {
  const { github, task, branch, snapshot } = attempt;
  const base = needBase(attempt).branch;
  const title = pullRequestTitle(snapshot.issue, attempt.finalWord?.text ?? "");
  const body = pullRequestBody(task, attempt.id, attempt.finalWord?.text ?? "", attempt.figures);
  const { pull, adopted } = await github
    .openPull(task.repo, { title, body, branch, base, head })
    .catch((error: unknown) => {
      // There is none, and there will be none.
      if (error instanceof FleetError && error.definite) attempt.unconfirmed = false;
      throw error;
    });
  failPoint("pull request opened");
  const { number } = pull;
  let confirmed = await github.pull(task.repo, number);
  const closing = task.issue === null ? null : `Closes #${task.issue}`;
  if (closing !== null && !confirmed.body.includes(closing)) {
    await github.setPullBody(task.repo, number, body);
    confirmed = await github.pull(task.repo, number);
  }
  const wrong = [
    ...(confirmed.open ? [] : ["it is not open"]),
    ...(confirmed.headSha === head
      ? []
      : [`its head is ${confirmed.headSha.slice(0, 12)}, not our ${head.slice(0, 12)}`]),
    ...(closing === null || confirmed.body.includes(closing) ? [] : [`it does not say ${closing}`]),
  ];
  late?.throwIfAborted();
  if (wrong.length === 0) attempt.figures = { ...attempt.figures, pull: { number, url: confirmed.url } };
  attempt.unconfirmed = false;
  if (wrong.length > 0)
    throw new Verdict("rejected", `pull request #${number} is not as it should be: ${wrong.join(", ")}`);
  attempt.say({ type: "pull:verified", number, url: confirmed.url, adopted });
  return confirmed;
}
