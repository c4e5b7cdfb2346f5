/** `cw assign` for people. */
import { printable } from "../model/text.ts";

interface Shown {
  readonly dispatched: readonly {
    readonly worker: string | null;
    readonly repo: string;
    readonly issue: number;
    readonly attempt: string | null;
  }[];
  readonly skipped: readonly {
    readonly repo: string;
    readonly issue: number;
    readonly why: string;
    readonly detail: string;
  }[];
}

export function tickLines(tick: Shown, rehearsed: boolean): string[] {
  const lines = tick.dispatched.map(({ worker, repo, issue, attempt }) =>
    rehearsed ? `would take ${repo}#${issue}` : `worker ${worker} is on ${repo}#${issue}: attempt ${attempt}`,
  );
  // Pull requests are in every list of issues; nobody asked about them.
  const skipped = tick.skipped.filter(({ why }) => why !== "pull request");
  lines.push(
    ...skipped.map(({ repo, issue, why, detail }) =>
      printable(`skipped ${repo}#${issue}: ${why}${detail ? ` (${detail})` : ""}`, 300),
    ),
  );
  return lines.length > 0 ? lines : ["nothing to do"];
}
