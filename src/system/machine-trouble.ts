/** Errors of the machine: told by their codes, and by the words of tools. */
import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { discard, errorCode, temporaryMark } from "./files.ts";

/** No room, or a disk that fails. */
const troubles = ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EIO", "EROFS"];

/** Trouble of the machine, which passes or is mended: whatever it was, it can be done later. */
export function isOfTheMachine(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (troubles.includes(errorCode(at))) return true;
  return false;
}

/** More than any tool of ours writes at once. */
const plentyOfBytes = 4 * 2 ** 30;
const plentyOfFiles = 1_000_000;
/** What most of them write. */
const someBytes = 256 << 20;
const someFiles = 300;

/**
 * For a tool that failed, by its words. They may be an agent's: on a disk with room they are not believed, and where there is
 * not much, not without trying.
 * @param folder on the disk where it wrote, an attempt's: what a killed try leaves is swept there
 * @throws Error with the code ENOSPC, see {@link isOfTheMachine}
 */
export function throwIfFull(words: string, folder: string): void {
  if (!/No space left on device/.test(words)) return;
  const { bavail, bsize, files, ffree } = statfsSync(folder);
  const hasRoom = bavail * bsize > plentyOfBytes && (files === 0 || ffree > plentyOfFiles);
  if (hasRoom || takesMore(folder)) return;
  // As the file system would say it.
  const error = new Error(`ENOSPC: no space left on device, write '${folder}'`);
  throw Object.assign(error, { code: "ENOSPC", syscall: "write" });
}

function takesMore(folder: string): boolean {
  const trial = join(folder, `${temporaryMark}trial`);
  try {
    mkdirSync(trial, { recursive: true, mode: 0o700 });
    for (let n = 0; n < someFiles; n++) writeFileSync(join(trial, String(n)), "");
    writeFileSync(join(trial, "much"), Buffer.alloc(someBytes, 1), { flush: true });
    return true;
  } catch {
    return false;
  } finally {
    discard(trial);
  }
}
