/** `cw history`: how attempts ended. */
import { FleetError } from "../../model/errors.ts";
import { outcomeNames } from "../../model/outcome.ts";
import { historyLines } from "../../reports/history.ts";
import { type CommandFactory, defineCommand } from "../command.ts";
import { parseDuration } from "../duration.ts";

const command: CommandFactory = (app) =>
  defineCommand({
    meta: {
      name: "history",
      description: "Shows how attempts ended, newest first.",
      example: "cw history 01 --limit 5",
    },
    args: {
      id: { type: "positional", required: false, description: "only this worker" },
      limit: { type: "string", valueHint: "N", description: "at most so many (default: 20)" },
      outcome: { type: "enum", options: outcomeNames, description: "only these" },
      since: { type: "string", valueHint: "7d", description: "only what ended within this time" },
    },
    run: async ({ id, limit, outcome, since }) => {
      if (limit !== undefined && !/^[1-9][0-9]{0,8}$/.test(limit))
        throw new FleetError("usage", `--limit: ${JSON.stringify(limit.slice(0, 40))} is not a whole number above 0`);
      const age = since === undefined ? undefined : parseDuration(since);
      if (since !== undefined && !(age !== undefined && age > 0))
        throw new FleetError(
          "usage",
          `--since: ${JSON.stringify(since.slice(0, 40))} is not a duration such as 7d, 12h`,
        );
      const ends = await (await app()).history({
        worker: id,
        limit: limit === undefined ? undefined : Number(limit),
        outcome,
        sinceMs: age,
      });
      return { text: historyLines(ends), json: ends.map(({ version: _, ...end }) => end) };
    },
  });
export default command;
