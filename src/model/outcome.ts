/** Why an attempt ended: a closed vocabulary, what it does to label and claim, and who may try again. */

type Label = "removed" | "kept" | "kept, blocked added" | "untouched";
type ClaimAfter = "done" | "failed" | "released" | "held" | "untouched";

interface Meaning {
  /** One line for people. */
  readonly meaning: string;
  readonly label: Label;
  readonly claim: ClaimAfter;
  /** `watch` and `demo` exit 0. */
  readonly good: boolean;
}

export const outcomes = {
  delivered: { meaning: "pull request verified", label: "removed", claim: "done", good: true },
  answered: { meaning: "the agent answered; nothing had to change", label: "removed", claim: "done", good: true },
  simulated: {
    meaning: "rehearsed by the dry-run agent; nothing was changed",
    label: "removed",
    claim: "released",
    good: true,
  },
  "no-change": {
    meaning: "the agent ended well, but changed nothing and answered nothing",
    label: "kept",
    claim: "failed",
    good: false,
  },
  declined: { meaning: "the agent said that it can't", label: "kept, blocked added", claim: "failed", good: false },
  failed: { meaning: "ended with an error", label: "kept", claim: "failed", good: false },
  "timed-out": { meaning: "ran into the wall-clock limit", label: "kept", claim: "failed", good: false },
  stalled: { meaning: "said nothing for too long", label: "kept", claim: "failed", good: false },
  "over-budget": {
    meaning: "used up its turns, its money, or its part of the machine",
    label: "kept",
    claim: "failed",
    good: false,
  },
  rejected: { meaning: "the push or the pull request was refused", label: "kept", claim: "failed", good: false },
  refused: { meaning: "could not start", label: "removed", claim: "released", good: false },
  limited: { meaning: "the account is at its usage limit", label: "removed", claim: "released", good: false },
  stopped: { meaning: "someone asked", label: "kept", claim: "held", good: false },
  withdrawn: {
    meaning: "the issue was closed, moved, or its label taken away",
    label: "removed",
    claim: "released",
    good: false,
  },
  fenced: { meaning: "the claim became another's", label: "untouched", claim: "untouched", good: false },
  lost: { meaning: "the supervisor vanished", label: "untouched", claim: "untouched", good: false },
} as const satisfies Record<string, Meaning>;

export type Outcome = keyof typeof outcomes;

export const outcomeNames = Object.keys(outcomes) as [Outcome, ...Outcome[]];

export function meaningOf(outcome: Outcome): Meaning {
  return outcomes[outcome];
}
