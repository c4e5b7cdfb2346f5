/** One command line, from its words to its exit code. */
import type { App } from "../app.ts";
import type { Loaded, LoadOptions } from "../config/load.ts";
import { exitCodes, FleetError } from "../model/errors.ts";
import { canonical, flag, globalArgs, type Parsed, parseArgs, splitCommand } from "./args.ts";
import type { Command, LazyApp, Report } from "./command.ts";
import { commands, type Table } from "./commands/table.ts";
import { reportFailure } from "./failure.ts";
import { createOut, OutputClosed, printReport, toStdout } from "./output.ts";
import { resolveCommand } from "./resolve.ts";

/** What a test may replace. */
export interface Deps {
  readonly commands?: Table;
  readonly openApp?: (loaded: Loaded) => Promise<App>;
}

/** Never throws. @returns the exit code */
export async function run(argv: readonly string[], version: string, deps: Deps = {}): Promise<number> {
  // Looked for before anything can fail, so that a mistake in the command line is reported as JSON, too.
  const before = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const asked = (...spellings: string[]) => before.some((word) => spellings.includes(word));
  const json = asked("--json");
  try {
    const table = deps.commands ?? commands;
    if (before.some((word) => word === "--host" || word.startsWith("--host="))) {
      const { runElsewhere } = await import("./elsewhere.ts");
      return await runElsewhere(
        argv,
        lazyApp(() => ({}), deps),
        table,
      );
    }
    const { name, rest } = splitCommand(argv);
    if (name === undefined) return await runAlone(rest, table, version);
    const entry = await resolveCommand(table, name);
    const out = createOut({ json, color: !asked("--no-color") });
    let parsed: Parsed | undefined;
    const app = lazyApp(
      () => ({ root: parsed && flag(parsed, "root"), config: parsed && flag(parsed, "config") }),
      deps,
    );
    const command = (await entry.load()).default(app, out);
    if (asked("--help", "-h")) return await print((await import("./help.ts")).commandHelp(command));
    parsed = await parseArgs(rest, { ...globalArgs, ...command.args }, `cw ${name} --help`);
    if (flag(parsed, "version")) return await print(version);
    const report = await runLeaf(command, canonical(parsed, command.args));
    if (report) await printReport(report, json);
    const exit = report?.exit ?? "ok";
    return typeof exit === "number" ? exit : exitCodes[exit];
  } catch (error) {
    if (error instanceof OutputClosed) return exitCodes.ok;
    return await reportFailure(error, json);
  }
}

/** No command: its version or its help. */
async function runAlone(words: readonly string[], table: Table, version: string): Promise<number> {
  const parsed = await parseArgs(words, globalArgs, "cw --help");
  if (flag(parsed, "version")) return print(version);
  if (words.length === 0 || flag(parsed, "help")) return print((await import("./help.ts")).programHelp(table));
  throw new FleetError("usage", "no command given");
}

async function print(text: string): Promise<number> {
  await toStdout(`${text}\n`);
  return exitCodes.ok;
}

async function runLeaf(command: Command, rawArgs: string[]): Promise<Report | undefined> {
  const { runCommand } = await import("citty");
  const { result } = await runCommand({ ...command, args: command.args as never }, { rawArgs });
  return result as Report | undefined;
}

function lazyApp(flags: () => NonNullable<LoadOptions["flags"]>, deps: Deps): LazyApp {
  let opened: Promise<App> | undefined;
  const open = async () => {
    const { loadConfig } = await import("../config/load.ts");
    const loaded = await loadConfig({ flags: flags() });
    const openApp = deps.openApp ?? (await import("../app.ts")).openApp;
    return openApp(loaded);
  };
  return () => (opened ??= open());
}
