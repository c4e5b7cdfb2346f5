/** `cw status`: what every worker is doing. */
import { FleetError } from "../../model/errors.ts";
import { everywhereLines } from "../../reports/hosts.ts";
import { statusLines, strayLines } from "../../reports/status.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "status",
      description:
        "Shows what every worker is doing, from disk and /proc alone. --github also asks GitHub for claims and labels that match no task; --all-hosts asks all machines of cw hosts, too.",
      example: "cw status",
    },
    args: {
      id: { type: "positional", required: false, description: "only this worker" },
      "all-hosts": { type: "boolean", description: "this machine and all hosts, side by side" },
      github: { type: "boolean", description: "also claims and labels that match no task" },
    },
    run: async ({ id, github, "all-hosts": allHosts }) => {
      const opened = await app();
      if (allHosts) {
        if (id !== undefined || github) throw new FleetError("usage", "--all-hosts goes with no other argument");
        const answers = await opened.everywhere();
        const silent = answers.some(({ error }) => error !== null);
        const text = everywhereLines(answers, out.color ? out.columns : 400);
        return { text, json: { hosts: answers }, exit: silent ? "environment" : "ok" };
      }
      const workers = await opened.status(id === undefined ? undefined : [id]);
      const { root } = opened.settings.config;
      const text = statusLines(root, workers, out.color ? out.columns : 400);
      if (!github) return { text, json: { root, workers } };
      const strays = await opened.strays();
      return { text: [...text, ...strayLines(strays)], json: { root, workers, strays } };
    },
  });
export default command;
