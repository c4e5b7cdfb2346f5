/** Folders that another process may swap for a link at any moment: held by what they are, not by their name. */
import { chmodSync, closeSync, constants, openSync } from "node:fs";

/** A place in the tree and nothing else: needs no right on it. */
const openPath = 0o10_000_000;

export interface HeldFolder {
  /** Leads to this folder, wherever it is moved and whatever is put in its place. */
  readonly at: string;
  readonly close: () => void;
}

/**
 * Holds a folder, and gives its owner every right on it: without, it can be neither entered nor moved.
 * @throws ENOENT, ENOTDIR; ELOOP for a link
 */
export function holdFolder(path: string): HeldFolder {
  const held = openSync(path, openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const folder = { at: `/proc/self/fd/${held}`, close: () => closeSync(held) };
  try {
    chmodSync(folder.at, 0o700);
  } catch (error) {
    folder.close();
    throw error;
  }
  return folder;
}
