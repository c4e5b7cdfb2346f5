/** What the demo prints at its end, for people. Pure. */
import { printable } from "../model/text.ts";
import { count, dollars, duration } from "../reports/figures.ts";
import { table } from "../reports/table.ts";
import type { Evidence } from "./evidence.ts";

export interface Style {
  readonly color: boolean;
  readonly columns: number;
}

/** Pull request and diff, or the answer, of each; then the figures of all. */
export function reportLines(all: readonly Evidence[], style: Style): string[] {
  return [...all.flatMap((one) => ["", ...resultLines(one, style)]), "", ...figureLines(all, style.columns)];
}

function resultLines(one: Evidence, { color, columns }: Style): string[] {
  const { issue, title, end, problems, diff, answer } = one;
  const good = problems.length === 0;
  const outcome = paint(color, good ? "32" : "31", end?.outcome ?? "crashed");
  const proof = good ? "verified on the local GitHub" : printable(problems.join("; "), 300);
  return [
    `${paint(color, "1", `#${issue} ${printable(title)}`)}: ${outcome} (${proof})`,
    ...(end?.pull ? [`   pull request #${end.pull.number}: ${end.pull.url}`] : []),
    ...(diff ?? []).flatMap(({ filename, patch }) => [
      `   ${paint(color, "1", `--- ${printable(filename)}`)}`,
      ...patch.split("\n").map((line) => `   ${diffLine(line, color)}`),
    ]),
    ...(answer === null ? [] : quoteLines(answer, columns)),
  ];
}

function diffLine(line: string, color: boolean): string {
  const code = { "+": "32", "-": "31", "@": "36" }[line[0] ?? ""];
  return code === undefined ? printable(line) : paint(color, code, printable(line));
}

/** What the agent said, of the comment that the fleet made of it. */
function quoteLines(comment: string, columns: number): string[] {
  return comment
    .split("\n")
    .filter((line) => line.startsWith("> "))
    .flatMap((line) => wrapped(printable(line.slice(2)), Math.max(columns, 40) - 5))
    .map((line) => `   > ${line}`);
}

function wrapped(text: string, width: number): string[] {
  return Bun.wrapAnsi(text, width).split("\n");
}

function figureLines(all: readonly Evidence[], columns: number): string[] {
  const rows = all.map(({ issue, end }) => {
    if (end === null) return [`#${issue}`, "crashed"];
    const { tokens } = end;
    return [
      `#${issue}`,
      end.outcome,
      end.branch ?? "-",
      duration(end.durationMs),
      String(end.turns),
      count(tokens.input + tokens.cacheRead + tokens.cacheWrite),
      count(tokens.output),
      dollars(end.costUsd),
      `+${end.added} -${end.removed}`,
      String(end.files.length),
    ];
  });
  const head = ["ISSUE", "OUTCOME", "BRANCH", "TIME", "TURNS", "TOKENS IN", "OUT", "COST", "LINES", "FILES"];
  return table([head, ...rows], Math.max(columns, 60));
}

function paint(color: boolean, code: string, text: string): string {
  return color ? `\x1b[${code}m${text}\x1b[0m` : text;
}
