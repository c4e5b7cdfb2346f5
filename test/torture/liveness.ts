/** Who lives is told from /proc: see liveness-program.ts for one attempt among the living, the dead and strangers. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { installed } from "../support/installed.ts";
import type { Found, Suite } from "./suite.ts";

let program = "";

export const liveness: Suite = {
  name: "liveness",
  shows:
    "numbers used again, zombies nobody reaps, stopped processes, another boot, namespace and machine, a clock that jumped: the state is right within a second, no stranger is touched",
  full: 1000,
  quick: 8,
  open: async () => {
    program = join((await installed()).prefix, "bin/cw");
    return { close: async () => {} };
  },
  round: async ({ seed, folder }) => {
    const inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const argv = [
      process.execPath,
      "--no-env-file",
      join(import.meta.dir, "liveness-program.ts"),
      folder,
      String(seed),
      program,
    ];
    const child = Bun.spawn([...inside, ...argv], {
      env: { PATH: "/usr/bin:/bin" },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 120_000,
    });
    const [words] = await Promise.all([child.stderr.text(), child.exited]);
    const file = join(folder, "found.json");
    if (!existsSync(file)) throw new Error(words);
    return JSON.parse(readFileSync(file, "utf8")) as Found;
  },
  missing: () =>
    Bun.spawnSync(["unshare", "--pid", "--fork", "--mount-proc", "true"]).exitCode === 0
      ? null
      : "pid namespaces can't be made here",
};
