/** What a failure looks like: one line and a hint for what somebody can mend, a stack for a bug. */
import { exitCodes, FleetError } from "../model/errors.ts";
import { withoutShapes } from "../model/redaction.ts";
import { printable } from "../model/text.ts";
import { toStderr } from "./output.ts";

const reportLink = "https://github.com/claude-workers/claude-workers/issues/new";

/** Prints to standard error, as one JSON document when asked. @returns the exit code */
export async function reportFailure(error: unknown, json: boolean): Promise<number> {
  const known = error instanceof FleetError ? error : ofTheMachine(error);
  const failure =
    known !== null
      ? { code: known.code, message: shown(known.message), hint: known.hint && shown(known.hint) }
      : { code: "bug" as const, message: bugText(error), hint: `please report it: ${reportLink}` };
  if (json) await toStderr(`${JSON.stringify({ error: failure })}\n`);
  else if (failure.code === "bug")
    await toStderr(`This is a bug in claude-workers, ${failure.hint}\n${failure.message}\n`);
  else await toStderr(`${failure.message}${failure.hint ? ` (hint: ${failure.hint})` : ""}\n`);
  return exitCodes[failure.code];
}

/** Reports are copied into issues, and standard error into logs. */
function shown(text: string): string {
  return printable(withoutShapes(text));
}

/** A disk that is full, a folder that may not be written: nobody's bug, wherever it strikes. */
function ofTheMachine(error: unknown): FleetError | null {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return null;
  const hint = mending[String(error.code)];
  return hint === undefined ? null : new FleetError("environment", error.message, { hint, cause: error });
}

const path = "check owner and mode of that path";
const mending: Readonly<Record<string, string>> = {
  ENOSPC: "make room on the disk",
  EDQUOT: "make room in the quota",
  EIO: "look after the disk",
  EACCES: path,
  EPERM: path,
  EROFS: "it is mounted read-only",
  ENOTDIR: "a part of that path is not a folder",
  EMFILE: "raise ulimit -n",
  ENFILE: "raise fs.file-max",
  ENOMEM: "free memory",
  EAGAIN: "raise ulimit -u",
};

function bugText(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  return stack.split("\n").map(shown).join("\n");
}
