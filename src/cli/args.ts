/** Holds a command line strictly against the definition of its arguments; citty by itself lets unknown flags pass. */
import { FleetError } from "../model/errors.ts";
import { nearest } from "../model/nearest.ts";
import { type ArgDef, type ArgsDef, positionals } from "./command.ts";

/** Flags that every command takes, before or after its name. */
export const globalArgs = {
  json: { type: "boolean", description: "print one JSON document and nothing else" },
  color: { type: "boolean", default: true, description: "plain text without colours" },
  root: { type: "string", valueHint: "FOLDER", description: "where the workers live" },
  config: { type: "string", valueHint: "FILE", description: "the configuration file" },
  host: { type: "string", valueHint: "NAME", description: "on that machine, over ssh (cw hosts)" },
  help: { type: "boolean", alias: "h", description: "say what a command does" },
  version: { type: "boolean", alias: "v", description: "print the version" },
} as const satisfies ArgsDef;

export interface Parsed {
  /** By name: the text of each time that it was given; booleans as "true" and "false". */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

/** The last value of a flag. */
export function flag(parsed: Parsed, name: string): string | undefined {
  return parsed.flags.get(name)?.at(-1);
}

/**
 * The words up to the name of the command, and the rest. Words before it can only be global flags.
 * @returns name undefined when there is none
 */
export function splitCommand(argv: readonly string[]): { name: string | undefined; rest: string[] } {
  let at = 0;
  while (at < argv.length && argv[at]?.startsWith("-") && argv[at] !== "--") {
    at += argv[at] === "--root" || argv[at] === "--config" ? 2 : 1;
  }
  if (argv[at] === undefined || argv[at] === "--") return { name: undefined, rest: [...argv] };
  return { name: argv[at], rest: [...argv.slice(0, at), ...argv.slice(at + 1)] };
}

/**
 * @param usage where a hint sends people: `cw dispatch --help`
 * @throws FleetError `usage`: unknown, repeated or valueless flags, too many or too few positionals, other options
 */
export async function parseArgs(words: readonly string[], args: ArgsDef, usage: string): Promise<Parsed> {
  const wrong = (message: string, hint = usage) => new FleetError("usage", message, { hint });
  const flags = new Map<string, string[]>();
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") {
      rest.push(...words.slice(at + 1));
      break;
    }
    // A single dash is a value: standard input.
    if (!word.startsWith("-") || word === "-") {
      rest.push(word);
      continue;
    }
    const [spelled = "", inline] = splitOnce(word);
    const found = findFlag(spelled, args);
    if (!found) {
      const near = await nearest(spelled, spellings(args));
      throw wrong(`unknown flag ${spelled}`, near ? `did you mean ${near}?` : usage);
    }
    const { name, arg } = found;
    if (arg.type === "boolean") {
      if (inline !== undefined) throw wrong(`${spelled} takes no value`);
      flags.set(name, [String(!found.negated)]);
      continue;
    }
    const next = words[at + 1];
    const value = inline ?? (next === "-" || !next?.startsWith("-") ? next : undefined);
    if (inline === undefined) at++;
    if (!value) throw wrong(`${spelled} needs a value${next?.startsWith("-") ? `: --${name}=VALUE` : ""}`);
    if (arg.type === "enum" && !arg.options.includes(value)) {
      const near = await nearest(value, arg.options);
      const message = `${spelled} is one of ${arg.options.join(", ")}, not ${value}`;
      throw wrong(message, near ? `did you mean ${near}?` : usage);
    }
    const before = flags.get(name);
    if (before && !(arg.type === "string" && arg.multiple)) throw wrong(`${spelled} was given twice`);
    flags.set(name, [...(before ?? []), value]);
  }
  const problem = countProblem(args, flags, rest);
  if (problem) throw wrong(problem);
  for (const [index, name] of positionals(args).entries()) {
    const arg = args[name];
    const word = rest[index];
    if (word === undefined || arg?.type !== "positional" || !arg.options || arg.options.includes(word)) continue;
    const near = await nearest(word, arg.options);
    throw wrong(`<${name}> is one of ${arg.options.join(", ")}, not ${word}`, near ? `did you mean ${near}?` : usage);
  }
  return { flags, positionals: rest };
}

/** The one form that the command gets: `--flag=value`, `--flag`, `--no-flag`, then `--` and the positionals. */
export function canonical(parsed: Parsed, args: ArgsDef): string[] {
  const flags = [...parsed.flags]
    .filter(([name]) => Object.hasOwn(args, name))
    .flatMap(([name, values]) =>
      args[name]?.type === "boolean"
        ? [values.at(-1) === "true" ? `--${name}` : `--no-${name}`]
        : values.map((value) => `--${name}=${value}`),
    );
  return [...flags, "--", ...parsed.positionals];
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

type Flag = Exclude<ArgDef, { type: "positional" }>;

function flagsOf(args: ArgsDef): [string, Flag][] {
  return Object.entries(args).filter((entry): entry is [string, Flag] => entry[1].type !== "positional");
}

function findFlag(spelled: string, args: ArgsDef): { name: string; arg: Flag; negated: boolean } | undefined {
  for (const [name, arg] of flagsOf(args)) {
    if (spelled === `--${name}` || (arg.alias !== undefined && spelled === `-${arg.alias}`)) {
      return { name, arg, negated: false };
    }
    if (arg.type === "boolean" && arg.default === true && spelled === `--no-${name}`) {
      return { name, arg, negated: true };
    }
  }
  return undefined;
}

/** How a flag is written: the long form; the negative one where only that says anything. */
export function spelling(name: string, arg: Flag): string {
  return arg.type === "boolean" && arg.default === true ? `--no-${name}` : `--${name}`;
}

function spellings(args: ArgsDef): string[] {
  return flagsOf(args).map(([name, arg]) => spelling(name, arg));
}

function countProblem(
  args: ArgsDef,
  flags: ReadonlyMap<string, readonly string[]>,
  rest: readonly string[],
): string | undefined {
  for (const [name, arg] of flagsOf(args)) {
    if (arg.type !== "boolean" && arg.required && !flags.has(name)) {
      return `${arg.alias ? `-${arg.alias}, ` : ""}--${name} is missing`;
    }
  }
  const places = positionals(args);
  for (const [index, name] of places.entries()) {
    const arg = args[name];
    if (arg?.type !== "positional") continue;
    if (arg.required !== false && rest[index] === undefined) return `<${name}> is missing`;
    if (arg.multiple) return undefined;
  }
  return rest.length > places.length ? `unexpected argument: ${rest[places.length]}` : undefined;
}
