/** A supervisor that leaves something open behind it: done with its work, or with an error. */
import { main } from "../../src/cli/main.ts";
import { FleetError } from "../../src/model/errors.ts";

const supervise = async (_: string, n: number) => {
  setInterval(() => {}, 1000);
  if (n === 2) throw new FleetError("environment", "the disk is full");
  return true;
};

process.exitCode = await main(process.argv.slice(2), { openApp: async () => ({ supervise }) as never });
