/** `cw init`: makes workers. */
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "init",
      description:
        "Makes workers: a HOME from the template and a control folder outside of it. Credentials found in the environment are stored in the control folder, so that cron has them; --no-store declines.",
      example: "cw init 01 02",
    },
    args: {
      id: { type: "positional", multiple: true, description: "ids of the new workers: a-z, 0-9 and -" },
      template: { type: "string", valueHint: "NAME", description: "template of HOME (default: worker)" },
      name: { type: "string", valueHint: "NAME", description: "git author (default: Worker 01)" },
      email: { type: "string", valueHint: "EMAIL", description: "its address" },
      store: { type: "boolean", default: true, description: "keep no credentials of the environment" },
    },
    run: async ({ id, template, name, email, store }) => {
      const made = await (await app()).init({ ids: id, template, name, email, storeCredentials: store });
      for (const { worker, stored, storedIn } of made) {
        if (storedIn)
          await out.note(
            `worker ${worker}: stored ${stored.join(", ")} in ${storedIn} (mode 0600), for cron and restarts`,
          );
        else await out.note(`worker ${worker}: no credentials stored; dispatch needs them in its environment`);
      }
      return { text: made.map(({ worker, home }) => `worker ${worker} is ready: ${home}`), json: made };
    },
  });
export default command;
