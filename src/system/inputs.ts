/** What a program reads from descriptors beyond the usual three. */
import { constants, openSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "../model/command.ts";

/** Of Linux; a file that never has a name, so nothing is left of it whenever we die. */
const unnamed = 0o20000000 | constants.O_DIRECTORY | constants.O_RDWR;

/** @returns descriptors of ours, to be given to the program as `fd`; the caller closes them */
export function openInputs(command: Command): { readonly fd: number; readonly open: number }[] {
  return (command.inputs ?? []).map(({ fd, bytes }) => {
    const open = openUnnamed();
    // At a place: the program begins to read where the file begins.
    writeSync(open, bytes, 0, bytes.length, 0);
    return { fd, open };
  });
}

function openUnnamed(): number {
  try {
    return openSync(tmpdir(), unnamed, 0o600);
  } catch {
    // Not every file system knows them.
    const file = join(tmpdir(), `cw-input-${crypto.randomUUID()}`);
    const open = openSync(file, "wx+", 0o600);
    unlinkSync(file);
    return open;
  }
}
