/** The manual page, in the macros of man(7). */
import { exitCodes } from "../model/errors.ts";
import type { CommandShape, FlagShape, ProgramShape } from "./command-line.ts";

export function manual(program: ProgramShape, version: string): string {
  return [
    `.TH CW 1 "" ${quoted(`claude-workers ${version}`)}`,
    ".nh",
    ".SH NAME",
    text("cw, claude-workers - runs a fleet of autonomous coding agents"),
    ".SH SYNOPSIS",
    ".B cw",
    ".I COMMAND",
    text("[FLAGS]"),
    ".SH DESCRIPTION",
    text("Each agent takes a GitHub issue and ends with a pull request."),
    ".SH COMMANDS",
    ...program.commands.flatMap(commandPart),
    ".SH FLAGS OF EVERY COMMAND",
    ...program.flags.flatMap(flagPart),
    ".SH EXIT STATUS",
    ...Object.entries(exitCodes).flatMap(([name, code]) => [".TP", `.B ${code}`, text(name)]),
    ".SH FILES",
    ".TP",
    `.I ${text("~/.config/claude-workers/config.json")}`,
    text("The configuration; README.md has its keys."),
    ".TP",
    `.I ${text("~/workers")}`,
    text("The workers, and in .fleet everything about them."),
    "",
  ].join("\n");
}

function commandPart({ name, description, example, places, flags }: CommandShape): string[] {
  const usage = [`cw ${name}`, ...places.map(({ written }) => written), ...(flags.length > 0 ? ["[FLAGS]"] : [])];
  return [
    `.SS ${quoted(usage.join(" "))}`,
    text(description),
    ...places.flatMap((place) => [".TP", `.I ${text(place.written)}`, text(place.description)]),
    ...flags.flatMap(flagPart),
    ".PP",
    "Example:",
    ".PP",
    ".in +4n",
    `.B ${quoted(example)}`,
    ".in",
  ];
}

function flagPart({ long, short, description, value }: FlagShape): string[] {
  const spelled = `${short === null ? "" : `-${short}, `}${long}${value === null ? "" : ` ${value.hint}`}`;
  const options = value === null || value.options.length === 0 ? "" : `: ${value.options.join(", ")}`;
  return [".TP", `.B ${quoted(spelled)}`, text(`${description}${options}`)];
}

/** Minus signs stay minus signs, so that what is copied from the page works. */
function text(plain: string): string {
  const escaped = plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("~", "\\(ti");
  return escaped.startsWith(".") ? `\\&${escaped}` : escaped;
}

function quoted(plain: string): string {
  return `"${text(plain).replaceAll('"', "\\(dq")}"`;
}
