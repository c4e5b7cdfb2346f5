/** After the verdict: claim, comment and label as the outcome demands, then the end. */
import { meaningOf } from "../model/outcome.ts";
import type { Verdict } from "../model/verdict.ts";
import { workerLabel } from "../model/worker.ts";
import { commentMarker, commentOf } from "../reports/comment.ts";
import type { InFlight } from "./in-flight.ts";

/**
 * Each part is tried by itself: a comment that GitHub refuses must not keep the claim. What could not be done is a warning
 * here and reconcile's work later.
 */
export async function closeOut(attempt: InFlight, verdict: Pick<Verdict, "outcome" | "reason">): Promise<void> {
  const { lease, task, fleet, github } = attempt;
  const { label, claim } = meaningOf(verdict.outcome);
  const issue = task.issue;
  if (issue === null || lease === null) return;
  const repo = task.repo;
  await lease.release();
  if (claim === "failed" || claim === "released" || (claim === "done" && verdict.outcome !== "delivered")) {
    await attemptTo(attempt, "end the claim", async () => {
      await lease.finish({ state: claim });
    });
  }
  const text = commentOf(task.worker, attempt.id, verdict.outcome, verdict.reason, attempt.figures);
  if (text !== null) {
    await attemptTo(attempt, "comment on the issue", async () => {
      const marker = commentMarker(fleet.store.workers.fleetId(), attempt.id);
      attempt.say({ type: "comment:posted", url: await github.upsertComment(repo, issue, marker, text) });
    });
  }
  const own = workerLabel(task.worker);
  await attemptTo(attempt, "set the labels", async () => {
    if (label === "kept, blocked added") await github.addLabel(repo, issue, "blocked");
    if (label !== "removed") return;
    await github.removeLabel(repo, issue, own);
    attempt.say({ type: "issue:unlabelled", label: own });
  });
}

async function attemptTo(attempt: InFlight, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    attempt.say({ type: "warning", message: `could not ${what}: ${error instanceof Error ? error.message : error}` });
  }
}
