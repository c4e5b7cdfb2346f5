/** `cw inspect`: what a worker did last. */
import { FleetError } from "../../model/errors.ts";
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
      const opened = await app();
      const recent = await opened.recent(id);
      const shown = recent.filter((event) => eventLine(event) !== null).slice(-Number(lines ?? 30));
      if (!follow) return { text: shown.map((event) => eventLine(event) ?? ""), json: shown };
      const seen = new Set(recent.map((event) => JSON.stringify(event)));
      for (const event of shown) await out.line(eventLine(event) ?? "");
      for await (const event of opened.watch([id])) {
        const line = seen.has(JSON.stringify(event)) ? null : eventLine(event);
        if (line !== null) await out.line(line);
        if (out.json) shown.push(event);
      }
      return { text: "", json: shown };
    },
  });
export default command;
