/** Errors of the machine, told by their codes. */
import { errorCode } from "./files.ts";

/** No room, or a disk that fails. */
const troubles = ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EIO", "EROFS"];

/** Trouble of the machine, which passes or is mended: whatever it was, it can be done later. */
export function isOfTheMachine(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (troubles.includes(errorCode(at))) return true;
  return false;
}
