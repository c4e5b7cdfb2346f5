/** Whether a stranger's text may be worked on without a person having named it. Unknown means no. Pure. */

export interface TrustFacts {
  readonly author: string;
  /** Write, maintain or admin permission now. */
  readonly authorMayWrite: boolean;
  /** An agent of a fleet wrote it, under a login that may write. */
  readonly proposed: boolean;
  /** Label that stands for a writer's approval; null when none is configured. */
  readonly approvalLabel: string | null;
  /** Who put that label last, if it is still there, and whether that person may write now. */
  readonly approval: { readonly by: string; readonly at: string; readonly mayWrite: boolean } | null;
  /** Last edit of title or body, ISO 8601; null: never edited; "unknown": GitHub did not say. */
  readonly editedAt: string | null | "unknown";
}

export interface Trust {
  readonly trusted: boolean;
  readonly why: string;
  /** Of the approval on which the trust rests; missing where it rests on the author. */
  readonly approvedAt?: string;
}

export function trustOf(facts: TrustFacts): Trust {
  const { author, approval, approvalLabel, editedAt } = facts;
  if (facts.authorMayWrite && !facts.proposed) return { trusted: true, why: `${author} may write to the repository` };
  const stranger = facts.proposed ? "an agent proposed it" : `${author} may not write to the repository`;
  if (approvalLabel === null) return { trusted: false, why: `${stranger}, and no approval label is configured` };
  if (approval === null) return { trusted: false, why: `${stranger}, and nobody has put the label ${approvalLabel}` };
  if (!approval.mayWrite)
    return { trusted: false, why: `${stranger}, and neither may ${approval.by}, who put the label ${approvalLabel}` };
  if (editedAt === "unknown")
    return { trusted: false, why: `${stranger}, and it is not known whether the text was edited after the approval` };
  // Both have a resolution of one second: the same second proves nothing.
  if (editedAt !== null && editedAt >= approval.at)
    return { trusted: false, why: `the text was edited after ${approval.by} approved it` };
  return { trusted: true, why: `${approval.by}, who may write, approved it`, approvedAt: approval.at };
}

/**
 * Whether trust holds for a text that was read between two looks. An approval that is newer than the first may be of
 * another text, which was put in the place of the one that was read: nobody approved that one.
 * @returns why it does not; null when it does
 */
export function doubtAfter(before: Trust, after: Trust): string | null {
  if (!after.trusted) return after.why;
  if (after.approvedAt === undefined || after.approvedAt === before.approvedAt) return null;
  return `it was approved while its text was read (${after.approvedAt})`;
}
