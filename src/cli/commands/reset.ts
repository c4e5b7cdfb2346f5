/** `cw reset`: makes a worker free and gives its issue back. */
import { printable } from "../../model/text.ts";
import { type CommandFactory, defineCommand } from "../command.ts";
import { tellMended } from "../mended.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "reset",
      description: "Makes a worker free: saves uncommitted work as a patch, releases the claim, removes the label.",
      example: "cw reset 01",
    },
    args: {
      id: { type: "positional", description: "the worker" },
      force: { type: "boolean", alias: "f", description: "stop it first when it is busy" },
    },
    run: async ({ id, force }) => {
      const opened = await app();
      await tellMended(out, await opened.reconcile(id));
      const reset = await opened.reset(id, { force });
      // Some of it is what the agent's tools had to say.
      const done = reset.done.map((line) => `worker ${id}: ${printable(line, 500)}`);
      // Free for anybody while its issue was given back.
      const [now] = await opened.status([id]);
      return { text: [...done, `worker ${id} is ${now?.state ?? "gone"}`], json: reset };
    },
  });
export default command;
