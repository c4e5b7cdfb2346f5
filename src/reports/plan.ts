/** `cw dispatch --dry-run` for people. */
import { printable } from "../model/text.ts";

interface Shown {
  readonly worker: string;
  readonly repo: string;
  readonly issue: number | null;
  readonly calls: readonly string[];
  readonly commands: readonly {
    readonly what: string;
    readonly argv: readonly string[];
    readonly environment: readonly string[];
  }[];
  readonly remarks: readonly string[];
}

export function planLines(plan: Shown): string[] {
  return [
    `worker ${plan.worker} would take ${plan.repo}${plan.issue === null ? "" : `#${plan.issue}`}. Nothing was done.`,
    "",
    "GitHub calls:",
    ...plan.calls.map((call) => `  ${call}`),
    ...plan.commands.flatMap(({ what, argv, environment }) => [
      "",
      `${what}:`,
      `  ${argv.map((word) => shown(word)).join(" ")}`,
      `  environment: ${environment.join(" ")}`,
    ]),
    ...plan.remarks.flatMap((remark) => ["", remark]),
  ];
}

/** For reading, not for pasting: arguments are an array and no shell sees them. */
function shown(word: string): string {
  return /^[\w@%+=:,./{}-]+$/.test(word) ? word : JSON.stringify(printable(word));
}
