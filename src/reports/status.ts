/** `cw status` for people. */
import type { State } from "../model/attempt.ts";
import type { Step, Tokens } from "../model/events.ts";
import { printable } from "../model/text.ts";
import { count, dollars, duration } from "./figures.ts";
import { table } from "./table.ts";

/** What is shown of a worker. */
export interface Shown {
  readonly id: string;
  readonly state: State;
  readonly reason: string | null;
  readonly task: {
    readonly repo: string;
    readonly issue: number | null;
    readonly title: string | null;
    readonly elapsedMs: number | null;
  } | null;
  readonly attempt: {
    readonly step: Step | null;
    readonly turns: number;
    readonly tokens: Tokens;
    readonly costUsd: number | null;
    readonly lastActivity: string | null;
    readonly parkedUntil: string | null;
  } | null;
}

export function statusLines(root: string, workers: readonly Shown[], columns: number): string[] {
  if (workers.length === 0) return [`no workers in ${printable(root)} (cw init 01)`];
  const rows = [["WORKER", "STATE", "TASK", "STEP", "TIME", "TURNS", "TOKENS", "COST", "LAST"], ...workers.map(row)];
  return table(rows, Math.max(columns, 40));
}

export function strayLines(strays: readonly { repo: string; issue: number; what: string }[]): string[] {
  if (strays.length === 0) return ["GitHub: every claim and label has its task"];
  return strays.map(({ repo, issue, what }) => printable(`GitHub: ${repo}#${issue}: ${what}`, 300));
}

/** Also another machine's workers are shown, so no word is known to be one of ours. */
function row(worker: Shown): string[] {
  return cells(worker).map((cell) => printable(cell, 300));
}

function cells(worker: Shown): string[] {
  const { task, attempt } = worker;
  if (task === null || attempt === null) return [worker.id, worker.state, worker.reason ?? ""];
  const tokens = attempt.tokens.input + attempt.tokens.cacheRead + attempt.tokens.cacheWrite + attempt.tokens.output;
  const last =
    worker.reason ??
    (attempt.parkedUntil ? `parked until ${attempt.parkedUntil}` : (attempt.lastActivity ?? task.title ?? ""));
  return [
    worker.id,
    worker.state,
    `${task.repo}${task.issue === null ? "" : `#${task.issue}`}`,
    attempt.step ?? "-",
    task.elapsedMs === null ? "-" : duration(task.elapsedMs),
    String(attempt.turns),
    count(tokens),
    dollars(attempt.costUsd),
    last,
  ];
}
