/**
 * The one line of a crontab that is ours, found again by the mark at its end. Everything else in the crontab is somebody
 * else's and stays as it is, to the byte.
 */
import { FleetError } from "./errors.ts";
import { shellLine, shellWord } from "./quoting.ts";

/** What a tick is started with, by whatever starts it. */
export interface TickCommand {
  /** The root of the fleet. */
  readonly root: string;
  /** Whole: nothing of the environment of today's shell is there at night. */
  readonly argv: readonly string[];
  /** A tick that finds another one running ends at once; null: no flock(1) here, then claims keep them apart. */
  readonly guard: readonly string[] | null;
  readonly log: string;
}

/** Past this size a log becomes `.old`, so that two of them are all there is. */
const logKib = 1024;

/** Vixie cron refuses longer commands. */
const longest = 998;

export function rotation(log: string): string[] {
  return ["/usr/bin/find", log, "-size", `+${logKib}k`, "-exec", "mv", "-f", log, `${log}.old`, ";"];
}

/** @throws FleetError `environment` when it is longer than cron allows */
export function crontabLine(expression: string, tick: TickCommand): string {
  const run = shellLine([...(tick.guard ?? []), ...tick.argv]);
  const log = shellWord(tick.log);
  const command = `${shellLine(rotation(tick.log))}; ${run} >>${log} 2>&1${mark(tick.root)}`;
  // Cron turns an unescaped percent sign into a newline, wherever it stands.
  const escaped = command.replaceAll("%", "\\%");
  if (new TextEncoder().encode(escaped).length > longest)
    throw new FleetError("environment", `the line would be longer than the ${longest} bytes that cron takes`, {
      hint: "shorten PATH, or cw cron install --systemd",
    });
  return `${expression} ${escaped}`;
}

function mark(root: string): string {
  return ` # claude-workers ${JSON.stringify(root)}`;
}

/** Ours: it ends with the mark and is not switched off by a `#` before it. */
function isOurs(line: string, root: string): boolean {
  return line.endsWith(mark(root).replaceAll("%", "\\%")) && !/^\s*#/.test(line);
}

/** Our lines, of which there should be one at most. */
export function linesOf(content: string, root: string): string[] {
  return content.split("\n").filter((line) => isOurs(line, root));
}

/** With this line where ours was, or at the end; a second one of ours goes. */
export function withLine(content: string, root: string, line: string): string {
  const lines = content.split("\n");
  const at = lines.findIndex((one) => isOurs(one, root));
  if (at < 0) return `${content}${content === "" || content.endsWith("\n") ? "" : "\n"}${line}\n`;
  const rest = lines.filter((one, index) => index === at || !isOurs(one, root)).with(at, line);
  return `${rest.join("\n")}${rest.at(-1) === "" ? "" : "\n"}`;
}

export function withoutLine(content: string, root: string): string {
  return content
    .split("\n")
    .filter((line) => !isOurs(line, root))
    .join("\n");
}

/** The five fields at the front; null for `@daily` and its like. */
export function expressionOf(line: string): string | null {
  return /^\s*((?:[^\s@]\S*\s+){4}\S+)\s/.exec(line)?.[1] ?? null;
}
