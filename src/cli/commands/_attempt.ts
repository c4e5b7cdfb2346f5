/** Runs one attempt in this process: what dispatch starts detached. Not for people. */
import { FleetError } from "../../model/errors.ts";
import { parseWorkerId } from "../../model/worker.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const lingerMs = 3000;

const command: CommandFactory = (app) =>
  defineCommand({
    meta: { name: "_attempt", description: "Supervises one attempt, start to end.", example: "cw _attempt 01 7" },
    args: {
      worker: { type: "positional", description: "the worker" },
      n: { type: "positional", description: "the number of the attempt" },
    },
    run: async ({ worker, n }) => {
      if (!/^[1-9][0-9]*$/.test(n)) throw new FleetError("usage", `not the number of an attempt: ${n}`);
      const shutdown = new AbortController();
      process.on("SIGTERM", () => shutdown.abort());
      // Terminals and ssh sessions close; the attempt goes on.
      process.on("SIGHUP", () => {});
      process.on("SIGINT", () => {});
      try {
        const ran = await (await app()).supervise(parseWorkerId(worker), Number(n), shutdown.signal);
        return { text: ran ? "" : "another process has this attempt", json: { ran } };
      } finally {
        // While it lives its worker looks busy: something that was left open must not keep it for ever.
        setTimeout(() => process.exit(), lingerMs).unref();
      }
    },
  });
export default command;
