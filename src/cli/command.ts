/** The shape of a command module: `export default (app: LazyApp, out: Out) => defineCommand({ ... })`. */
import type { CommandContext } from "citty";
import type { App } from "../app.ts";
import type { exitCodes } from "../model/errors.ts";

/** What a command found out. It prints nothing itself. */
export interface Report {
  /** For people: a text or its lines; "" prints nothing. */
  readonly text: string | Iterable<string>;
  /** For programs: with --json the only thing on standard output. */
  readonly json: unknown;
  /** Default: ok. A number is the exit code of a program that was run for the user. */
  readonly exit?: keyof typeof exitCodes | number;
}

/** Loads configuration and everything else on first use, so that --help works with a broken configuration. */
export type LazyApp = () => Promise<App>;

/** For commands that say something before they end. */
export interface Out {
  /** Only one JSON document is wanted, at the end. */
  readonly json: boolean;
  /** Standard output is a terminal and JSON is not wanted: a view may redraw itself. Costs some ms: ask when needed. */
  readonly live: boolean;
  /** Colours are wanted (NO_COLOR, --no-color, not a terminal: no). */
  readonly color: boolean;
  /** Width of the terminal; 80 where there is none. */
  readonly columns: number;
  /** Part of the result, at once, as it is: to standard output. With --json: nothing. */
  write(text: string): Promise<void>;
  /** {@link write} with a newline. */
  line(text: string): Promise<void>;
  /** Progress, to standard error. */
  note(text: string): Promise<void>;
  /** A warning, to standard error. */
  warn(text: string): Promise<void>;
}

interface FlagBase {
  readonly description: string;
  /** One letter. */
  readonly alias?: string;
}
interface BooleanFlag extends FlagBase {
  readonly type: "boolean";
  /** With true, --no-NAME turns it off. Default: false. */
  readonly default?: boolean;
}
interface StringFlag extends FlagBase {
  readonly type: "string";
  readonly valueHint: string;
  readonly default?: string;
  readonly required?: boolean;
  /** May be given more than once: the value is a list. */
  readonly multiple?: boolean;
}
interface EnumFlag extends FlagBase {
  readonly type: "enum";
  readonly options: readonly string[];
  readonly default?: string;
  readonly required?: boolean;
}
interface Positional {
  readonly type: "positional";
  readonly description: string;
  /** Default: true. */
  readonly required?: boolean;
  /** Takes all that are left (the last one only): the value is a list. */
  readonly multiple?: boolean;
  /** The words that it may be. */
  readonly options?: readonly string[];
}
export type ArgDef = BooleanFlag | StringFlag | EnumFlag | Positional;
export type ArgsDef = Readonly<Record<string, ArgDef>>;

type Text<D> = D extends { options: readonly (infer O)[] } ? O : string;
type Present<D> = D extends { required: true } | { default: string }
  ? true
  : D extends { type: "positional" }
    ? D extends { required: false }
      ? false
      : true
    : false;
type Value<D> = D extends { multiple: true }
  ? readonly string[]
  : D extends { type: "boolean" }
    ? boolean
    : Present<D> extends true
      ? Text<D>
      : Text<D> | undefined;
type Values<T extends ArgsDef> = { readonly [K in keyof T]: Value<T[K]> };

interface Meta {
  readonly name: string;
  /** One or more sentences; the table has the one-line summary. */
  readonly description: string;
  /** A whole command line that begins with `cw`. */
  readonly example: string;
}

export interface Command {
  readonly meta: Meta;
  readonly args: ArgsDef;
  readonly run: (context: CommandContext) => Promise<Report | undefined>;
}

export type CommandFactory = (app: LazyApp, out: Out) => Command;

interface Definition<T extends ArgsDef> {
  readonly meta: Meta;
  readonly args: T;
  readonly run: (args: Values<T>) => Promise<Report | undefined>;
}

/** A citty command whose arguments are typed without gaps: lists are lists, absent booleans are false. */
export function defineCommand<const T extends ArgsDef>({ meta, args, run }: Definition<T>): Command {
  return {
    meta,
    args,
    run: (context) => {
      const values = Object.entries(args).map(([name, arg]) => [name, typedValue(name, arg, args, context)]);
      return run(Object.fromEntries(values) as Values<T>);
    },
  };
}

/** citty keeps one value of a repeated flag; all are in the raw arguments, which args.ts has brought to one form. */
function typedValue(name: string, arg: ArgDef, args: ArgsDef, context: CommandContext): unknown {
  if (arg.type === "boolean") return context.args[name] ?? false;
  if (arg.type === "enum" || !arg.multiple) return context.args[name];
  if (arg.type === "positional") return context.args._.slice(positionals(args).indexOf(name));
  const prefix = `--${name}=`;
  const flags = context.rawArgs.slice(0, context.rawArgs.indexOf("--"));
  return flags.filter((raw) => raw.startsWith(prefix)).map((raw) => raw.slice(prefix.length));
}

/** Names of the positional arguments, in their order. */
export function positionals(args: ArgsDef): string[] {
  return Object.keys(args).filter((name) => args[name]?.type === "positional");
}
