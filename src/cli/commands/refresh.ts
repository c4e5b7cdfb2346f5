/** `cw refresh`: template and credentials again. */
import { FleetError } from "../../model/errors.ts";
import { type CommandFactory, defineCommand } from "../command.ts";
import { tellMended } from "../mended.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "refresh",
      description:
        "Stores the credentials of the environment with workers, and makes the HOME of idle ones anew from their template. A busy worker's HOME follows with its next attempt.",
      example: "cw refresh --all",
    },
    args: {
      id: { type: "positional", multiple: true, required: false, description: "the workers" },
      all: { type: "boolean", description: "every worker" },
    },
    run: async ({ id, all }) => {
      if (all === id.length > 0)
        throw new FleetError("usage", "name the workers, or say --all", { hint: "cw refresh --all" });
      const opened = await app();
      await tellMended(out, await opened.reconcile());
      const ids = all ? (await opened.status()).map((worker) => worker.id) : id;
      const done = await opened.refresh(ids);
      const text = done.map(({ worker, stored, rebuilt }) => {
        const home = rebuilt ? "HOME made anew" : "busy: HOME follows with the next attempt";
        return `worker ${worker}: ${home}; credentials stored: ${stored.join(", ") || "none"}`;
      });
      return { text, json: done };
    },
  });
export default command;
