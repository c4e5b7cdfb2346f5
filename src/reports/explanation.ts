/** `cw explain` for people. */
import type { End } from "../model/attempt.ts";
import { printable } from "../model/text.ts";
import { duration } from "./figures.ts";

interface Shown {
  readonly repo: string;
  readonly issue: number;
  readonly title: string;
  readonly rules: readonly { readonly rule: string; readonly ok: boolean; readonly answer: string }[];
  readonly claims: readonly {
    readonly at: string;
    readonly state: string;
    readonly worker: string;
    readonly attempt: string;
    readonly fleet: string;
  }[];
  readonly attempts: readonly End[];
  readonly verdict: string;
}

export function explanationLines(shown: Shown): string[] {
  const { repo, issue, title, rules, claims, attempts, verdict } = shown;
  const lines = [
    `${repo}#${issue} ${title}`,
    `  ${verdict}`,
    "rules:",
    ...rules.map(({ rule, ok, answer }) => `  ${ok ? "yes" : "NO "}  ${rule}${answer === "yes" ? "" : `: ${answer}`}`),
    claims.length === 0 ? "claims: none" : "claims, newest first:",
    ...claims.map(
      ({ at, state, worker, attempt, fleet }) =>
        `  ${at}  ${state}  worker ${worker}, attempt ${attempt}, fleet ${fleet}`,
    ),
    attempts.length === 0 ? "attempts of this fleet: none" : "attempts of this fleet, newest first:",
    ...attempts.map(
      (end) => `  ${end.endedAt}  ${end.attempt}  ${end.outcome} after ${duration(end.durationMs)}: ${end.reason}`,
    ),
  ];
  return lines.map((line) => line.slice(0, line.search(/\S/)) + printable(line.trimStart(), 400));
}
