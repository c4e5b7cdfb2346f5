/** `cw watch`: follows workers to the end of what they do. */
import { FleetError } from "../../model/errors.ts";
import { meaningOf } from "../../model/outcome.ts";
import { eventLine } from "../../reports/event-line.ts";
import { historyLines } from "../../reports/history.ts";
import { type CommandFactory, defineCommand } from "../command.ts";
import { liveView } from "../live.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "watch",
      description:
        "Follows workers until what they do has ended: a live table on a terminal, a line for each event elsewhere. Of an idle worker: its last attempt. Ends with 0 only if every outcome is a good one.",
      example: "cw watch 01",
    },
    args: {
      id: {
        type: "positional",
        multiple: true,
        required: false,
        description: "the workers (default: all that are not idle)",
      },
      all: { type: "boolean", description: "all workers that are not idle" },
    },
    run: async ({ id, all }) => {
      if (all && id.length > 0) throw new FleetError("usage", "name the workers, or say --all");
      const opened = await app();
      const busy = async () =>
        (await opened.status()).filter((worker) => worker.state !== "idle").map((worker) => worker.id);
      const ids = all || id.length === 0 ? await busy() : id;
      if (ids.length === 0) return { text: "every worker is idle", json: [] };
      const view = out.live ? liveView(out, () => opened.status(ids)) : null;
      const events = opened.watch(ids);
      let next: Awaited<ReturnType<typeof events.next>>;
      try {
        for (next = await events.next(); !next.done; next = await events.next()) {
          const line = view ? null : eventLine(next.value);
          if (line !== null) await out.line(line);
        }
      } finally {
        await view?.end();
      }
      const ends = next.value;
      const good = ends.length === ids.length && ends.every((end) => meaningOf(end.outcome).good);
      return {
        text: historyLines(ends),
        json: ends.map(({ version: _, ...end }) => end),
        exit: good ? "ok" : "outcome",
      };
    },
  });
export default command;
