/** man.ts: prints the manual page, made from the table of commands. scripts/build.ts writes it to dist/cw.1. */
import { version } from "../package.json";
import type { LazyApp, Out } from "../src/cli/command.ts";
import { commands } from "../src/cli/commands/table.ts";
import { programShape } from "../src/cli/shape.ts";
import { manual } from "../src/reports/manual.ts";

const app: LazyApp = () => Promise.reject(new Error("commands are only described here"));

export async function manualPage(): Promise<string> {
  // No date: the same sources make the same page.
  return manual(await programShape(commands, app, {} as Out), version);
}

if (import.meta.main) process.stdout.write(await manualPage());
