/** Asks GitHub what trust in an issue's text rests on. Every doubt is a no. */
import type { GitHub } from "../issues/github.ts";
import type { Issue } from "../issues/shapes.ts";
import { isProposal } from "../model/issue.ts";
import { doubtAfter, type Trust, trustOf } from "../model/trust.ts";
import { sameLabel } from "../model/worker.ts";

export async function trustIn(
  github: Pick<GitHub, "approvals" | "mayWrite">,
  repo: string,
  issue: {
    readonly number: number;
    readonly author: string;
    readonly proposed: boolean;
    readonly labels: readonly string[];
  },
  approvalLabel: string | null,
): Promise<Trust> {
  const { author, number, proposed, labels } = issue;
  const authorMayWrite = await github.mayWrite(repo, author);
  const nothing = { author, authorMayWrite, proposed, approvalLabel, approval: null, editedAt: null };
  if ((authorMayWrite && !proposed) || approvalLabel === null) return trustOf(nothing);
  if (!labels.some((label) => sameLabel(label, approvalLabel))) return trustOf(nothing);
  const labelled = await github.approvals.labelledBy(repo, number, approvalLabel);
  if (labelled === null) return trustOf(nothing);
  const { by, at, renamedAt } = labelled;
  const mayWrite = await github.mayWrite(repo, by);
  const edited = mayWrite ? await github.approvals.lastEdited(repo, number) : null;
  const editedAt = edited === null || (renamedAt !== null && renamedAt > edited) ? renamedAt : edited;
  return trustOf({ ...nothing, approval: { by, at, mayWrite }, editedAt });
}

/**
 * Once more, on the very text that the agent will get: it may have been edited since the list was read.
 * @param before what was found before the text was read
 * @returns why it may not be worked on; null when it may
 */
export async function doubtIn(
  github: Pick<GitHub, "approvals" | "mayWrite">,
  repo: string,
  issue: Issue,
  approvalLabel: string | null,
  before: Trust,
): Promise<string | null> {
  const after = await trustIn(github, repo, { ...issue, proposed: isProposal(issue.body) }, approvalLabel);
  return doubtAfter(before, after);
}
