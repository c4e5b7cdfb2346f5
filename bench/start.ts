/** Starting, and nothing else. */
import type { Group } from "./groups.ts";
import { against, compare } from "./measure.ts";

export const group: Group = {
  about: "The program as npm installs it (link, launcher, bundle) against an empty Bun script.",
  async run({ cw, env, floor }) {
    const took = await compare(
      { floor: floor("empty"), version: [cw, "--version"], help: [cw, "--help"], command: [cw, "status", "--help"] },
      env,
      { rounds: 8 },
    );
    return [
      against("`cw --version`", took.version, "empty Bun script", took.floor, 1.3),
      against("`cw --help`", took.help, "empty Bun script", took.floor, 3),
      against("`cw status --help`", took.command, "empty Bun script", took.floor),
    ];
  },
};
