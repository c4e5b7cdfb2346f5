/**
 * What has to be done for an attempt whose dealings with GitHub are not known to be finished: facts in, repairs out. It
 * touches only what this attempt's own claim proves to be this attempt's.
 */
import type { State } from "./attempt.ts";
import type { Claim } from "./claim.ts";
import { meaningOf, type Outcome } from "./outcome.ts";

export interface Unsettled {
  readonly state: State;
  /** Of the end; null before it. */
  readonly outcome: Outcome | null;
  /** State of the claim's tip if this attempt wrote it; null when there is none or it is another's. */
  readonly ours: Claim["state"] | null;
  /** The claim is held and more than half of its lease has passed. */
  readonly stale: boolean;
  /** The issue carries our worker's label. */
  readonly labelled: boolean;
}

export type Repair =
  | { readonly do: "end"; readonly outcome: "lost" }
  /** The work is on GitHub: open or adopt its pull request. */
  | { readonly do: "finish-pull" }
  | { readonly do: "finish-claim"; readonly state: "released" | "failed" | "done" }
  | { readonly do: "renew" }
  | { readonly do: "remove-label" }
  /** Nothing is left to do. */
  | { readonly do: "settle" };

export function repairsFor(facts: Unsettled): Repair[] {
  const over = facts.state === "crashed" || facts.outcome !== null;
  if (!over) return [];
  const outcome = facts.outcome ?? "lost";
  const repairs: Repair[] = facts.outcome === null ? [{ do: "end", outcome: "lost" }] : [];
  // Without our claim the label may be a person's or another attempt's, and so may everything else.
  if (facts.ours === null) return [...repairs, { do: "settle" }];
  if (outcome === "stopped" && facts.ours === "held") return facts.stale ? [...repairs, { do: "renew" }] : repairs;
  const { label } = meaningOf(outcome);
  if (facts.ours === "published") repairs.push({ do: "finish-pull" });
  if (facts.ours === "held") repairs.push({ do: "finish-claim", state: claimAfter(outcome) });
  const gone = label === "removed" || outcome === "lost" || facts.ours === "published";
  if (gone && facts.labelled) repairs.push({ do: "remove-label" });
  return [...repairs, { do: "settle" }];
}

function claimAfter(outcome: Outcome): "released" | "failed" | "done" {
  const { claim } = meaningOf(outcome);
  return claim === "failed" || claim === "done" ? claim : "released";
}
