/**
 * What has to be done for an attempt that is over and whose dealings with GitHub are not known to be finished: facts in,
 * repairs out. It touches only what this attempt's own claim proves to be this attempt's.
 */
import type { Claim } from "./claim.ts";
import { meaningOf, type Outcome } from "./outcome.ts";

export interface Unsettled {
  readonly outcome: Outcome;
  /** State of the claim's tip if this attempt wrote it; null when there is none or it is another's. */
  readonly ours: Claim["state"] | null;
  /** The claim is held and more than half of its lease has passed. */
  readonly stale: boolean;
  /** The issue carries our worker's label. */
  readonly labelled: boolean;
  /** Its people are told of such an outcome, and as far as we know nobody has done so yet. */
  readonly untold: boolean;
}

export type Repair =
  /**
   * The work is on GitHub: open or adopt its pull request. Where a person has taken its branch away, the claim ends as
   * `orElse`; `orTell`: and the end is true, and nobody was told of it.
   */
  | { readonly do: "finish-pull"; readonly orElse: "failed" | "released"; readonly orTell: boolean }
  | { readonly do: "finish-claim"; readonly state: "released" | "failed" | "done" }
  | { readonly do: "renew" }
  | { readonly do: "remove-label" }
  /** The comment that the end speaks of, as the attempt itself would have posted it. */
  | { readonly do: "tell" }
  /** Nothing is left to do. */
  | { readonly do: "settle" };

export function repairsFor(facts: Unsettled): Repair[] {
  const { outcome } = facts;
  // Without our claim the label may be a person's or another attempt's, and so may everything else.
  if (facts.ours === null) return [{ do: "settle" }];
  if (outcome === "stopped" && facts.ours === "held") return facts.stale ? [{ do: "renew" }] : [];
  const repairs: Repair[] = [];
  const { label } = meaningOf(outcome);
  const orTell = facts.untold && meaningOf(outcome).claim === "failed";
  if (facts.ours === "published") repairs.push({ do: "finish-pull", orElse: "failed", orTell });
  const gone = label === "removed" || outcome === "lost" || facts.ours === "published";
  if (gone) repairs.push(...unlabelling(facts));
  if (facts.ours === "held") repairs.push({ do: "finish-claim", state: claimAfter(outcome) });
  // After the claim: while GitHub takes no comment, the issue must not look free.
  if (facts.untold && isTrueStill(facts)) repairs.push({ do: "tell" });
  return [...repairs, { do: "settle" }];
}

/** Whether the issue is as the end says: pushed work becomes a pull request after all, and what failed may be given back by now. */
function isTrueStill({ outcome, ours }: Pick<Unsettled, "outcome" | "ours">): boolean {
  return ours === "held" || meaningOf(outcome).claim === (ours === "published" ? "done" : ours);
}

/** For reset: the issue is given back whatever the outcome was. What was pushed already is finished, not thrown away. */
export function repairsToGiveBack(facts: Unsettled): Repair[] {
  if (facts.ours === null) return [{ do: "settle" }];
  const repairs: Repair[] = [];
  if (facts.ours === "published") repairs.push({ do: "finish-pull", orElse: "released", orTell: false });
  repairs.push(...unlabelling(facts));
  // What is done stays done: an answer must not be lost with its attempt.
  if (facts.ours === "done" && facts.untold && isTrueStill(facts)) repairs.push({ do: "tell" });
  if (facts.ours === "held" || facts.ours === "failed") repairs.push({ do: "finish-claim", state: "released" });
  return [...repairs, { do: "settle" }];
}

/** As long as the claim is ours, and has not run out, nobody else can have put the label: so it goes before the claim. */
function unlabelling({ ours, stale, labelled }: Pick<Unsettled, "ours" | "stale" | "labelled">): Repair[] {
  if (!labelled) return [];
  return ours === "held" && stale ? [{ do: "renew" }, { do: "remove-label" }] : [{ do: "remove-label" }];
}

function claimAfter(outcome: Outcome): "released" | "failed" | "done" {
  const { claim } = meaningOf(outcome);
  return claim === "failed" || claim === "done" ? claim : "released";
}
