/** `cw status`: what every worker is doing. */
import { statusLines, strayLines } from "../../reports/status.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "status",
      description:
        "Shows what every worker is doing, from disk and /proc alone. --github also asks GitHub for claims and labels that match no task.",
      example: "cw status",
    },
    args: {
      id: { type: "positional", required: false, description: "only this worker" },
      github: { type: "boolean", description: "also claims and labels that match no task" },
    },
    run: async ({ id, github }) => {
      const opened = await app();
      const workers = await opened.status(id === undefined ? undefined : [id]);
      const { root } = opened.settings.config;
      const text = statusLines(root, workers, out.color ? out.columns : 400);
      if (!github) return { text, json: { root, workers } };
      const strays = await opened.strays();
      return { text: [...text, ...strayLines(strays)], json: { root, workers, strays } };
    },
  });
export default command;
