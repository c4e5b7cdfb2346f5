/** `cw reset`: makes a worker free and gives its issue back. */
import { type CommandFactory, defineCommand } from "../command.ts";

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
      for (const repair of (await opened.reconcile(id)).repaired) await out.note(repair);
      const reset = await opened.reset(id, { force });
      return { text: [...reset.done.map((line) => `worker ${id}: ${line}`), `worker ${id} is idle`], json: reset };
    },
  });
export default command;
