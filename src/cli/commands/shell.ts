/** `cw shell`: a terminal as a worker. */
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app) =>
  defineCommand({
    meta: {
      name: "shell",
      description:
        "Opens a shell (or runs what follows --) as that worker: same HOME, same environment, same isolation. The worker has to be idle.",
      example: "cw shell 01 -- claude",
    },
    args: {
      id: { type: "positional", description: "the worker" },
      command: { type: "positional", multiple: true, required: false, description: "what to run (default: a shell)" },
    },
    run: async ({ id, command }) => {
      const code = await (await app()).shell(id, command);
      return { text: "", json: { worker: id, exitCode: code }, exit: code };
    },
  });
export default command;
