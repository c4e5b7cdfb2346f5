/** `cw update`: the newest program, then the workers' HOMEs. */
import { FleetError } from "../../model/errors.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app) =>
  defineCommand({
    meta: {
      name: "update",
      description:
        "Updates this program in the way in which it was installed (a checkout pulls fast-forward, a package installs its newest release, never an older one unless it is named), then refreshes all workers.",
      example: "cw update",
    },
    args: {
      release: {
        type: "positional",
        required: false,
        description: "of a package: this one (1.2.3), which may be older",
      },
    },
    run: async ({ release }) => {
      // One release, and neither a range nor a word: what those mean the registry decides.
      if (release !== undefined && !/^\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z.-]{1,64})?$/.test(release))
        throw new FleetError("usage", `${JSON.stringify(release.slice(0, 40))} is not a version such as 1.2.3`);
      const done = await (await app()).update(release ?? null);
      const text = [
        `${done.way}: ${done.before === done.after ? `${done.after} is the newest` : `${done.before} -> ${done.after}`}`,
        done.refreshed,
      ];
      return { text, json: done };
    },
  });
export default command;
