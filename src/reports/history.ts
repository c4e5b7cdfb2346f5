/** `cw history` for people: newest first, then the sums. */
import type { End } from "../model/attempt.ts";
import { printable } from "../model/text.ts";
import { count, dollars, duration } from "./figures.ts";
import { table } from "./table.ts";

export function historyLines(ends: readonly End[]): string[] {
  if (ends.length === 0) return ["no attempt has ended yet"];
  const rows = ends.map((end) => [
    end.attempt,
    `${end.repo}${end.issue === null ? "" : `#${end.issue}`}`,
    end.outcome,
    end.endedAt.slice(0, 16).replace("T", " "),
    duration(end.durationMs),
    String(end.turns),
    count(sum(end)),
    dollars(end.costUsd),
    printable(end.pull?.url ?? end.reason, 200),
  ]);
  const cost = ends.reduce((total, end) => total + (end.costUsd ?? 0), 0);
  const tokens = ends.reduce((total, end) => total + sum(end), 0);
  return [
    ...table(
      [["ATTEMPT", "TASK", "OUTCOME", "ENDED (UTC)", "TIME", "TURNS", "TOKENS", "COST", "RESULT"], ...rows],
      400,
    ),
    `${ends.length} ${ends.length === 1 ? "attempt" : "attempts"}, ${count(tokens)} tokens, ${dollars(cost)}`,
  ];
}

function sum({ tokens }: End): number {
  return tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite;
}
