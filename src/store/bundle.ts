/** What comes out of a clone. */
import { readFrom } from "../system/files.ts";

/** What is none may be taken by git for the way to a repository. */
export function isBundle(file: string): boolean {
  return /^# v[23] git bundle\n$/.test(Buffer.from(readFrom(file, 0, 16)).toString("latin1"));
}
