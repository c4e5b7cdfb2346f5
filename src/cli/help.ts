/** Help as plain text in 80 columns, made from the table and the definition of the arguments alone. */
import { globalArgs, spelling } from "./args.ts";
import type { ArgDef, ArgsDef, Command } from "./command.ts";
import { groups, type Table } from "./commands/table.ts";
import { shownNames } from "./resolve.ts";

const columns = 80;

export function programHelp(table: Table): string {
  const width = Math.max(...shownNames(table).map((name) => name.length), 0);
  const sections = groups.flatMap((group) => {
    const names = shownNames(table).filter((name) => table[name]?.group === group);
    return names.length === 0 ? [] : ["", `${group}:`, ...names.flatMap((n) => row(n, table[n]?.summary ?? "", width))];
  });
  return [
    "Usage: cw COMMAND [FLAGS]",
    "",
    ...wrap(
      "Runs a fleet of autonomous coding agents: each takes a GitHub issue and ends with a pull request.",
      columns,
    ),
    ...sections,
    "",
    "Flags of every command:",
    ...flagRows(globalArgs),
    "",
    "cw COMMAND --help says more about a command.",
  ].join("\n");
}

export function commandHelp(command: Command): string {
  const places = Object.entries(command.args).filter(([, arg]) => arg.type === "positional");
  const flags = Object.entries(command.args).filter(([, arg]) => arg.type !== "positional");
  const usage = [`cw ${command.meta.name}`, ...places.map(placeholder), ...(flags.length > 0 ? ["[FLAGS]"] : [])];
  const width = Math.max(...places.map((place) => placeholder(place).length), 0);
  return [
    `Usage: ${usage.join(" ")}`,
    "",
    ...wrap(command.meta.description, columns),
    ...(places.length > 0 ? ["", "Arguments:"] : []),
    ...places.flatMap((place) => row(placeholder(place), describe(place[1]), width)),
    ...(flags.length > 0 ? ["", "Flags:", ...flagRows(Object.fromEntries(flags))] : []),
    "",
    "Flags of every command:",
    ...flagRows(globalArgs),
    "",
    `Example: ${command.meta.example}`,
  ].join("\n");
}

/** `<id>`, `[id...]` */
export function placeholder([name, arg]: [string, ArgDef]): string {
  const word = `${name}${arg.type === "positional" && arg.multiple ? "..." : ""}`;
  return arg.type === "positional" && arg.required === false ? `[${word}]` : `<${word}>`;
}

function flagRows(args: ArgsDef): string[] {
  const rows = Object.entries(args).map(([name, arg]) => [label(name, arg), describe(arg)] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.flatMap(([left, right]) => row(left, right, width));
}

function label(name: string, arg: ArgDef): string {
  if (arg.type === "positional") return name;
  const value = arg.type === "boolean" ? "" : ` ${arg.type === "enum" ? "NAME" : arg.valueHint}`;
  return `${arg.alias ? `-${arg.alias}, ` : "    "}${spelling(name, arg)}${value}`;
}

function describe(arg: ArgDef): string {
  if (arg.type === "boolean") return arg.description;
  const options = arg.type !== "string" && arg.options ? `: ${arg.options.join(", ")}` : "";
  if (arg.type === "positional") return `${arg.description}${options}`;
  const notes = [
    arg.required ? "required" : undefined,
    arg.type === "string" && arg.multiple ? "may be repeated" : undefined,
    arg.default === undefined ? undefined : `default: ${arg.default}`,
  ].filter((note) => note !== undefined);
  return `${arg.description}${options}${notes.length > 0 ? ` (${notes.join(", ")})` : ""}`;
}

/** Two columns; the second wraps within itself. */
function row(left: string, right: string, width: number): string[] {
  const indent = " ".repeat(width + 4);
  return wrap(right, columns - indent.length).map((line, index) =>
    index === 0 ? `  ${left.padEnd(width)}  ${line}` : `${indent}${line}`,
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}
