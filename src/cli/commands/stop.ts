/** `cw stop`: ends what a worker is doing. */
import { type CommandFactory, defineCommand } from "../command.ts";
import { tellMended } from "../mended.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "stop",
      description:
        "Ends what a worker is doing and waits until nothing of it lives. Its work is kept as a patch, its claim until reset or restart.",
      example: "cw stop 01",
    },
    args: { id: { type: "positional", description: "the worker" } },
    run: async ({ id }) => {
      const opened = await app();
      // Before all else: what crashes left may take minutes.
      const stopped = await opened.stop(id);
      await tellMended(out, await opened.reconcile(id));
      const text = stopped
        ? `worker ${id} is idle: attempt ${stopped.attempt} ended as ${stopped.outcome}`
        : `worker ${id} was idle`;
      return { text, json: stopped ?? { worker: id, attempt: null, outcome: null } };
    },
  });
export default command;
