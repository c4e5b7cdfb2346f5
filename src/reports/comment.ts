/** The one comment that an attempt leaves on its issue. */
import type { End } from "../model/attempt.ts";
import { meaningOf, type Outcome } from "../model/outcome.ts";
import { figuresTable } from "./figures.ts";
import { quote } from "./posted-text.ts";

type Figures = Pick<End, "turns" | "tokens" | "costUsd" | "commits" | "added" | "removed" | "files" | "pull" | "model">;

/** Those in which the issue's people are told something that they can use. */
const spoken: ReadonlySet<Outcome> = new Set([
  "delivered",
  "answered",
  "simulated",
  "no-change",
  "declined",
  "failed",
  "timed-out",
  "stalled",
  "over-budget",
  "rejected",
]);

/** @returns null where the outcome is no business of the issue's */
export function commentOf(
  worker: string,
  attempt: string,
  outcome: Outcome,
  reason: string,
  figures: Figures,
): string | null {
  if (!spoken.has(outcome)) return null;
  const head = `**${outcome}**: ${meaningOf(outcome).meaning} (worker ${worker}, attempt ${attempt})`;
  if (outcome === "delivered")
    return [head, `Pull request: #${figures.pull?.number ?? "?"}`, figuresTable(figures)].join("\n\n");
  if (outcome === "answered" || outcome === "simulated") return [head, quote(reason)].join("\n\n");
  const again = `Again: \`cw dispatch -i\` by a person${outcome === "declined" ? ", or the label `blocked` removed" : ""}.`;
  return [head, quote(reason), again].join("\n\n");
}
