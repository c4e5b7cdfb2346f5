/** Errors of the machine, told by their codes. */
import { errorCode } from "./files.ts";

/** What passes when somebody makes room. */
const shortages = ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN"];

/** No room for a file or a process: whatever it was, it can be done later. */
export function isShortage(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (shortages.includes(errorCode(at))) return true;
  return false;
}

/** That, or a disk that fails. */
export function isOfTheDisk(error: unknown): boolean {
  return isShortage(error) || ["EIO", "EROFS"].includes(errorCode(error));
}
