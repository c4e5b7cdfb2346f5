/** What a failure looks like: one line and a hint for what somebody can mend, a stack for a bug. */
import { exitCodes, FleetError } from "../model/errors.ts";
import { printable } from "../model/text.ts";
import { toStderr } from "./output.ts";

const reportLink = "https://github.com/claude-workers/claude-workers/issues/new";

/** Prints to standard error, as one JSON document when asked. @returns the exit code */
export async function reportFailure(error: unknown, json: boolean): Promise<number> {
  const failure =
    error instanceof FleetError
      ? { code: error.code, message: printable(error.message), hint: error.hint && printable(error.hint) }
      : { code: "bug" as const, message: bugText(error), hint: `please report it: ${reportLink}` };
  if (json) await toStderr(`${JSON.stringify({ error: failure })}\n`);
  else if (failure.code === "bug")
    await toStderr(`This is a bug in claude-workers, ${failure.hint}\n${failure.message}\n`);
  else await toStderr(`${failure.message}${failure.hint ? ` (hint: ${failure.hint})` : ""}\n`);
  return exitCodes[failure.code];
}

function bugText(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  return stack
    .split("\n")
    .map((line) => printable(line))
    .join("\n");
}
