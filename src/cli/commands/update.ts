/** `cw update`: the newest program, then the workers' HOMEs. */
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app) =>
  defineCommand({
    meta: {
      name: "update",
      description:
        "Updates this program in the way in which it was installed (a checkout pulls fast-forward, a package installs its newest release), then refreshes all workers.",
      example: "cw update",
    },
    args: {},
    run: async () => {
      const done = await (await app()).update();
      const text = [
        `${done.way}: ${done.before === done.after ? `${done.after} is the newest` : `${done.before} -> ${done.after}`}`,
        done.refreshed,
      ];
      return { text, json: done };
    },
  });
export default command;
