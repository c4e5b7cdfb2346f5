/** The whole command line as data, from the table and the definitions of the commands. */
import type { CommandShape, FlagShape, ProgramShape } from "../reports/command-line.ts";
import { globalArgs, spelling } from "./args.ts";
import type { ArgDef, ArgsDef, LazyApp, Out } from "./command.ts";
import type { Entry, Table } from "./commands/table.ts";
import { placeholder } from "./help.ts";
import { shownNames } from "./resolve.ts";

/** Loads every command that is shown. They are defined, and nothing of them is run. */
export async function programShape(table: Table, app: LazyApp, out: Out): Promise<ProgramShape> {
  const entries = shownNames(table).flatMap((name) => (table[name] ? [table[name]] : []));
  return {
    commands: await Promise.all(entries.map((entry) => commandShape(entry, app, out))),
    flags: flagShapes(globalArgs),
  };
}

async function commandShape(entry: Entry, app: LazyApp, out: Out): Promise<CommandShape> {
  const { meta, args } = (await entry.load()).default(app, out);
  const places = Object.entries(args).filter(([, arg]) => arg.type === "positional");
  const first = places[0]?.[1];
  return {
    ...meta,
    summary: entry.summary,
    places: places.map((place) => ({ written: placeholder(place), description: place[1].description })),
    words: first?.type === "positional" ? (first.options ?? []) : [],
    flags: flagShapes(args),
  };
}

function flagShapes(args: ArgsDef): FlagShape[] {
  return Object.entries(args).flatMap(([name, arg]) => (arg.type === "positional" ? [] : [flagShape(name, arg)]));
}

function flagShape(name: string, arg: Exclude<ArgDef, { type: "positional" }>): FlagShape {
  const hint = arg.type === "string" ? arg.valueHint : "NAME";
  const options = arg.type === "enum" ? arg.options : [];
  return {
    long: spelling(name, arg),
    short: arg.alias ?? null,
    description: arg.description,
    value: arg.type === "boolean" ? null : { hint, options, isPath: /^(?:FILE|FOLDER|PATH)$/.test(hint) },
  };
}
