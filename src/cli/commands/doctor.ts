/** `cw doctor`: is everything there that a fleet needs? */
import { printable } from "../../model/text.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const marks = { ok: "ok     ", warning: "warning", failed: "FAILED " } as const;

const command: CommandFactory = (app) =>
  defineCommand({
    meta: {
      name: "doctor",
      description:
        "Checks each prerequisite by doing it (tools, isolation, credentials, GitHub, disk, authors) and says how to mend what fails.",
      example: "cw doctor",
    },
    args: {},
    run: async () => {
      const checks = await (await app()).doctor();
      const text = checks.map(({ name, state, detail, hint }) => {
        const mend = hint === null ? "" : ` (hint: ${hint})`;
        return printable(`${marks[state]}  ${name}: ${detail}${mend}`);
      });
      return { text, json: checks, exit: checks.some((check) => check.state === "failed") ? "environment" : "ok" };
    },
  });
export default command;
