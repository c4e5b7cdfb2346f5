/** `cw inspect`: what a worker did last. */
import { FleetError } from "../../model/errors.ts";
import type { FleetEvent } from "../../model/events.ts";
import { eventLine } from "../../reports/event-line.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "inspect",
      description: "Shows what a worker did last: texts, tool calls, results, steps.",
      example: "cw inspect 01 50",
    },
    args: {
      id: { type: "positional", description: "the worker" },
      lines: { type: "positional", required: false, description: "how many lines (default: 30)" },
      follow: { type: "boolean", alias: "f", description: "go on until the attempt ends" },
    },
    run: async ({ id, lines, follow }) => {
      if (lines !== undefined && !/^[1-9][0-9]{0,5}$/.test(lines))
        throw new FleetError("usage", `not a number of lines: ${lines}`);
      const counts = (event: FleetEvent) => eventLine(event) !== null;
      const { events, cut, rest } = await (await app()).inspect({ worker: id, last: Number(lines ?? 30), counts });
      if (cut) await out.note(`only ${events.length} lines: what is further back is in cw logs ${id}`);
      if (!follow) return { text: events.map((event) => eventLine(event) ?? ""), json: events };
      for (const event of events) await out.line(eventLine(event) ?? "");
      const shown = [...events];
      for await (const event of rest()) {
        await out.line(eventLine(event) ?? "");
        if (out.json) shown.push(event);
      }
      return { text: "", json: shown };
    },
  });
export default command;
