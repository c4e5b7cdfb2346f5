/** `cw history` over a hundred thousand attempts. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fleetPaths } from "../src/model/paths.ts";
import { end, makeFleet, mixed } from "./fleets.ts";
import type { Group } from "./groups.ts";
import { against, compare, memory, once } from "./measure.ts";

export const group: Group = {
  about: "The index of ends holds 1,000 or 100,000 attempts of 100 workers.",
  async run({ cw, env, floor, folder }) {
    const few = withHistory(join(folder, "history-few"), 1000);
    const many = withHistory(join(folder, "history-many"), 100_000);
    const last = (root: string, ...more: string[]) => [cw, "history", "--root", root, ...more];
    const took = await compare(
      {
        floor: floor("empty"),
        few: last(few),
        last: last(many),
        worker: last(many, "w00042"),
        none: last(many, "--outcome", "lost"),
        lines: ["wc", "-l", fleetPaths(many).history],
      },
      env,
      { rounds: 4, runs: 4 },
    );
    const { peakMb } = await once(last(many), env);
    return [
      against("the last 20 of 100,000", took.last, "empty Bun script", took.floor, 3),
      memory("the last 20 of 100,000: peak memory", peakMb, 50),
      against("growth: 100,000 over 1,000", took.last, "1,000 attempts", took.few, 1.2),
      against("the last 20 of one worker in a hundred", took.worker, "empty Bun script", took.floor),
      against("an outcome that never was: all 100,000 read", took.none, "`wc -l`", took.lines),
    ];
  },
};

function withHistory(root: string, count: number): string {
  makeFleet(root, mixed(100));
  const { history } = fleetPaths(root);
  const line = (at: number) => JSON.stringify(end(`w${String(at % 100).padStart(5, "0")}`, at + 1));
  writeFileSync(history, `${Array.from({ length: count }, (_, at) => line(at)).join("\n")}\n`, { mode: 0o600 });
  return root;
}
