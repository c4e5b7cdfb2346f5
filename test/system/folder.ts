/** A folder for one test file. */
import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Folder {
  readonly path: string;
  in(...names: string[]): string;
  remove(): void;
}

export function newFolder(): Folder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "cw-test-")));
  return {
    path,
    in: (...names) => join(path, ...names),
    // The tool, since it also removes what is nested too deep for a path.
    remove: () => void Bun.spawnSync(["rm", "-rf", path]),
  };
}
