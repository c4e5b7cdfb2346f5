/** Removes what an agent may have made: the system's own rm, since ours takes time that grows with the square of the depth. */
import { runTool } from "./tools.ts";

/** An agent may have left millions of files. */
const patienceMs = 60 * 60_000;

/** Removes a file, or a folder with all that is in it; follows no link. What can't be removed stays, without an error. */
export async function removeTree(path: string): Promise<void> {
  const run = (program: string, ...args: string[]) =>
    runTool({ argv: [program, ...args, "--", path], env: { PATH: "/usr/bin:/bin" }, timeoutMs: patienceMs });
  if ((await run("/bin/rm", "-rf")).ok) return;
  // Folders that not even their owner may enter. A link below is not followed.
  await run("/bin/chmod", "-R", "u+rwx");
  await run("/bin/rm", "-rf");
}
