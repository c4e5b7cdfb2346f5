/** Takes each file that is not in place yet away, once: as one that clears up after a crash might do to a writer that lives. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2] ?? "";
const taken = new Set<string>();
console.log("at it");
for (;;) {
  for (const name of readdirSync(folder)) {
    const target = /^\.new-[0-9a-f-]{36}-(.*)$/.exec(name)?.[1];
    if (target === undefined || taken.has(target)) continue;
    taken.add(target);
    rmSync(join(folder, name), { force: true });
  }
}
