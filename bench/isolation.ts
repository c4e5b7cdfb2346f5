/** What starting inside bubblewrap costs over starting. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { measure } from "mitata";
import { bubblewrap } from "../src/isolation/bubblewrap.ts";
import { systemFolders } from "../src/isolation/system-folders.ts";
import type { Command } from "../src/model/command.ts";
import { protectedInHome } from "../src/model/protected.ts";
import { runHere } from "../src/system/terminal.ts";
import type { Group } from "./groups.ts";
import { against } from "./measure.ts";

export const group: Group = {
  about: "`/bin/true`, inside and outside; started and awaited by Bun's own spawn, as the supervisor does.",
  async run({ folder }) {
    const program = Bun.which("bwrap");
    if (program === null) throw new Error("bubblewrap is not installed");
    const home = join(folder, "isolated");
    for (const path of protectedInHome) mkdirSync(dirname(join(home, path)), { recursive: true });
    const plain: Command = { argv: ["/bin/true"], env: { HOME: home }, cwd: home };
    const space = { home, hidden: [], readOnly: [], protect: protectedInHome.map((path) => join(home, path)) };
    const inside = bubblewrap(systemFolders(program)).wrap(plain, space);
    const few = { min_samples: 50, max_samples: 200 };
    const outside = await measure(() => run(plain), few);
    const wrapped = await measure(() => run(inside), few);
    const again = await measure(() => run(plain), few);
    const floor = Math.min(outside.p50, again.p50);
    return [against("`/bin/true` inside bubblewrap", wrapped.p50 / 1e6, "plain exec", floor / 1e6)];
  },
};

async function run(command: Command): Promise<void> {
  const code = await runHere(command);
  if (code !== 0) throw new Error(`${command.argv[0]} ended with ${code}`);
}
