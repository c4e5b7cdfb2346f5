/** A folder for one test file. */
import { existsSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Folder {
  readonly path: string;
  in(...names: string[]): string;
  remove(): void;
}

/** @param quick in memory where there is such a place: for what is written thousands of times */
export function newFolder(quick = false): Folder {
  const base = quick && existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const path = realpathSync(mkdtempSync(join(base, "cw-test-")));
  return {
    path,
    in: (...names) => join(path, ...names),
    // The tool, since it also removes what is nested too deep for a path.
    remove: () => void Bun.spawnSync(["rm", "-rf", path]),
  };
}
