/** `cw status`: what every worker is doing. */
import { statusLines } from "../../reports/status.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "status",
      description: "Shows what every worker is doing, from disk and /proc alone.",
      example: "cw status",
    },
    args: { id: { type: "positional", required: false, description: "only this worker" } },
    run: async ({ id }) => {
      const opened = await app();
      const workers = await opened.status(id === undefined ? undefined : [id]);
      const { root } = opened.settings.config;
      return { text: statusLines(root, workers, out.color ? out.columns : 400), json: { root, workers } };
    },
  });
export default command;
