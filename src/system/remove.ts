/** Removes what an agent may have made: the system's own rm, since ours takes time that grows with the square of the depth. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { holdFolder } from "./held-folder.ts";
import { runTool } from "./tools.ts";

/** An agent may have left millions of files. */
const patienceMs = 60 * 60_000;

/** Removes a file, or a folder with all that is in it; follows no link. What can't be removed stays, without an error. */
export async function removeTree(path: string): Promise<void> {
  if (await remove(path)) return;
  openUp(path);
  await remove(path);
}

async function remove(path: string): Promise<boolean> {
  const argv = ["/bin/rm", "-rf", "--", path] as const;
  try {
    return (await runTool({ argv, env: { PATH: "/usr/bin:/bin" }, timeoutMs: patienceMs })).ok;
  } catch {
    return false; // There was no room for another process.
  }
}

/**
 * Folders that not even their owner may enter. Not `chmod -R`: it sets the rights that it read before at whatever has the
 * name by then, which may be a link to a folder of the operator.
 */
function openUp(path: string): void {
  try {
    const folder = holdFolder(path);
    try {
      for (const entry of readdirSync(folder.at, { withFileTypes: true }))
        if (entry.isDirectory()) openUp(join(folder.at, entry.name));
    } finally {
      folder.close();
    }
  } catch {
    // No folder any more, or not ours, or deeper than we may hold: it stays.
  }
}
