/** `cw logs`: everything that an agent said. */
import { FleetError } from "../../model/errors.ts";
import { escapedJson, printable } from "../../model/text.ts";
import { type CommandFactory, defineCommand, type Out } from "../command.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "logs",
      description: "Prints what the agent of an attempt said, from the beginning.",
      example: "cw logs 01 -f",
    },
    args: {
      id: { type: "positional", description: "the worker" },
      attempt: { type: "string", valueHint: "N", description: "number of the attempt (default: the newest)" },
      follow: { type: "boolean", alias: "f", description: "go on until the attempt ends" },
      raw: { type: "boolean", description: "lines as the agent printed them (JSON)" },
      stderr: { type: "boolean", description: "what it wrote to standard error" },
    },
    run: async ({ id, attempt, follow, raw, stderr }) => {
      if (attempt !== undefined && !/^[1-9][0-9]*$/.test(attempt))
        throw new FleetError("usage", `--attempt: not a number: ${attempt}`);
      const n = attempt === undefined ? undefined : Number(attempt);
      const lines = (await app()).logs({ worker: id, n, follow, raw, stderr });
      const all: string[] = [];
      const together = linesTogether(out);
      for await (const line of lines) {
        if (out.json) all.push(raw ? line : printable(line));
        // Raw lines are for programs, which read an escape of JSON as the character.
        else await together.line(raw ? escapedJson(line) : printable(line));
      }
      await together.flush();
      return { text: "", json: all };
    },
  });
export default command;

/** Lines that come without a pause go out together: a write for each would take minutes for a large transcript. */
function linesTogether(out: Out): { line(text: string): Promise<void>; flush(): Promise<void> } {
  let pending = "";
  let written: Promise<void> = Promise.resolve();
  let timer: Timer | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const text = pending;
    pending = "";
    written = written.then(() => out.write(text));
    // Who writes or flushes next hears of a failure.
    written.catch(() => {});
    return written;
  };
  return {
    async line(text) {
      pending += `${text}\n`;
      if (pending.length >= 1 << 16) await flush();
      else timer ??= setTimeout(flush, 0);
    },
    flush,
  };
}
