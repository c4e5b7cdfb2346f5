/** `cw assign`: one tick over the configured repositories. */
import { FleetError } from "../../model/errors.ts";
import { tickLines } from "../../reports/tick.ts";
import { type CommandFactory, defineCommand } from "../command.ts";
import { interrupted } from "../interrupted.ts";
import { tellMended } from "../mended.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "assign",
      description:
        "One tick, made for cron: mends what is left over, reads the open issues of the configured repositories, and gives idle workers those that may be worked on.",
      example: "cw assign -r acme/site --limit 2",
    },
    args: {
      repo: {
        type: "string",
        alias: "r",
        multiple: true,
        valueHint: "OWNER/REPO",
        description: "only these (default: the configured ones)",
      },
      limit: { type: "string", valueHint: "N", description: "most new attempts" },
      reserve: { type: "string", valueHint: "N", description: "idle workers that are left free" },
      "dry-run": { type: "boolean", description: "decide and say why, change nothing" },
    },
    run: async (args) => {
      const tick = await (await app()).assign({
        repos: args.repo,
        limit: whole(args.limit, "limit", 1),
        reserve: whole(args.reserve, "reserve", 0),
        dryRun: args["dry-run"],
        signal: interrupted(),
      });
      await tellMended(out, tick);
      return { text: tickLines(tick, args["dry-run"]), json: tick, exit: tick.failed.length > 0 ? "github" : "ok" };
    },
  });
export default command;

function whole(text: string | undefined, flag: string, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,6}$/.test(text) && Number(text) >= least) return Number(text);
  throw new FleetError("usage", `--${flag}: ${JSON.stringify(text)} is not a whole number from ${least} on`);
}
