/** After the verdict: claim, comment and label as the outcome demands. */
import { meaningOf } from "../model/outcome.ts";
import type { Verdict } from "../model/verdict.ts";
import { workerLabel } from "../model/worker.ts";
import { commentOf } from "../reports/comment.ts";
import type { InFlight } from "./in-flight.ts";
import type { Lease } from "./lease.ts";

type Told = Pick<Verdict, "outcome" | "reason"> & Parameters<typeof commentOf>[4];

/**
 * Each part is tried by itself: a comment that GitHub refuses must not keep the claim. What could not be done is a warning
 * here and reconcile's work later.
 * @returns whether nothing is left to settle
 */
export async function closeOut(attempt: InFlight, verdict: Pick<Verdict, "outcome" | "reason">): Promise<boolean> {
  const { lease, task, github } = attempt;
  const { label, claim } = meaningOf(verdict.outcome);
  const issue = task.issue;
  if (issue === null || lease === null) return true;
  await lease.release();
  const ends = claim !== "held" && claim !== "untouched" && !lease.ended;
  const ours = ends ? await lease.stillOurs() : true;
  if (ours === false) {
    // Its label looks like ours where its worker has the same name.
    attempt.say({
      type: "warning",
      message: "the claim is another's by now, or gone: nothing is marked, said or ended there",
    });
    return true;
  }
  // Before the claim says so: from then on a missing `blocked` means that a person took it away.
  const blocked =
    label === "kept, blocked added" &&
    (await tried(
      attempt,
      "set the label blocked",
      async () => void (await github.addLabel(task.repo, issue, "blocked")),
    ));
  // Its pull request may be opened yet, or be there: whoever settles the attempt knows, and tells it where it is true.
  const open = attempt.unconfirmed && lease.published;
  const done = [
    blocked || label !== "kept, blocked added",
    // While the claim is ours: afterwards another may have put the same one.
    label !== "removed" ||
      (ours === true &&
        (await tried(attempt, "take the label away", async () => {
          const own = workerLabel(task.worker);
          await github.removeLabel(task.repo, issue, own);
          attempt.say({ type: "issue:unlabelled", label: own });
        }))),
    // Before the claim ends: a crash between the two would leave an answer that nobody has seen, and no tick takes the issue.
    !open &&
      ours === true &&
      (await tried(attempt, "comment on the issue", () => tell(attempt, { ...verdict, ...attempt.figures }))),
    !ends || (await tried(attempt, "end the claim", () => endClaim(attempt, lease, claim, blocked))),
  ];
  // A claim that stays held (stopped), or that nobody looked after (lost), is still to be settled.
  const final = claim !== "held" && verdict.outcome !== "lost";
  return final && done.every(Boolean);
}

/** What the issue is told: nothing where the outcome is no business of its people. However often this is said, it is one comment. */
export async function tell(attempt: InFlight, end: Told): Promise<void> {
  const { task, fleet, github, id } = attempt;
  const text = commentOf(task.worker, id, end.outcome, end.reason, end);
  if (text === null || task.issue === null) return;
  const url = await github.upsertComment(task.repo, task.issue, fleet.store.workers.mark(id), text);
  attempt.say({ type: "comment:posted", url });
}

async function endClaim(
  { unconfirmed, figures }: Pick<InFlight, "unconfirmed" | "figures">,
  lease: Lease,
  state: "done" | "failed" | "released",
  blocked: boolean,
): Promise<void> {
  const { claim } = await lease.known();
  // It had arrived, and only the look at it was new: it tells more than we could.
  if (lease.ended) return;
  // `published` says more than we could: whoever finishes it opens or adopts its pull request.
  if (claim?.state === "published" && (state === "done" || unconfirmed || figures.pull))
    throw new Error("the pull request is not confirmed");
  const won = await lease.finish(blocked ? { state, blocked } : { state });
  // Pushed, and the look at what came of it failed.
  if (!won && lease.ours) throw new Error("it has moved on since it was read");
}

async function tried(attempt: InFlight, what: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    attempt.say({ type: "warning", message: `could not ${what}: ${error instanceof Error ? error.message : error}` });
    return false;
  }
}
