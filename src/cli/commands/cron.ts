/** `cw cron`: assign by the clock of the machine. */
import { FleetError } from "../../model/errors.ts";
import { scheduleLines } from "../../reports/schedule.ts";
import { type CommandFactory, defineCommand } from "../command.ts";
import { parseDuration } from "../duration.ts";

const command: CommandFactory = (app) =>
  defineCommand({
    meta: {
      name: "cron",
      description:
        "Lets cron run `cw assign` for this fleet: one marked line in your crontab, with everything that cron lacks; or, with --systemd, a timer of your own systemd. Installing again changes what differs; other lines stay as they are.",
      example: "cw cron install --every 5m",
    },
    args: {
      action: { type: "positional", options: ["install", "show", "remove"], description: "what to do" },
      every: { type: "string", valueHint: "5m", description: "how often (default: 5m)" },
      cron: { type: "string", valueHint: "EXPR", description: 'when, as cron writes it: "*/5 8-18 * * 1-5"' },
      systemd: { type: "boolean", description: "a systemd timer instead of cron" },
    },
    run: async ({ action, every, cron, systemd }) => {
      if (action === "install") {
        const expression = await expressionOf(every, cron);
        const schedule = await (await (await app()).cron()).install(expression, systemd);
        return { text: scheduleLines(action, schedule), json: schedule };
      }
      if (every !== undefined || cron !== undefined || systemd)
        throw new FleetError("usage", "--every, --cron and --systemd belong to cw cron install");
      const schedule = await (await (await app()).cron())[action]();
      return { text: scheduleLines(action, schedule), json: schedule };
    },
  });
export default command;

async function expressionOf(every: string | undefined, cron: string | undefined): Promise<string> {
  const { everyExpression, parseExpression } = await import("../../model/schedule.ts");
  if (cron === undefined) return everyExpression(parseDuration(every ?? "5m") ?? Number.NaN);
  if (every !== undefined) throw new FleetError("usage", "--every and --cron exclude each other");
  return parseExpression(cron);
}
