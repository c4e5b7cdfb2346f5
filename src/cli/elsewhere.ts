/** `cw --host NAME ...`: the same words on another machine. Nothing of them is looked at here, so versions may differ. */
import type { App } from "../app.ts";
import { FleetError } from "../model/errors.ts";
import { parseHostName } from "../model/host.ts";
import { splitCommand } from "./args.ts";
import type { Table } from "./commands/table.ts";

export interface Elsewhere {
  readonly host: string;
  /** All other words, as they were. */
  readonly argv: readonly string[];
}

/** @returns undefined when no host is named. @throws FleetError `usage` */
export function elsewhere(argv: readonly string[]): Elsewhere | undefined {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  const at = argv.findIndex((word, index) => index < end && (word === "--host" || word.startsWith("--host=")));
  if (at < 0) return undefined;
  const inline = argv[at]?.startsWith("--host=") ? argv[at].slice("--host=".length) : undefined;
  const host = inline ?? argv[at + 1];
  if (!host || (inline === undefined && at + 1 >= end))
    throw new FleetError("usage", "--host needs a value", { hint: "cw hosts list" });
  const rest = argv.toSpliced(at, inline === undefined ? 2 : 1);
  if (elsewhere(rest)) throw new FleetError("usage", "--host was given twice");
  return { host: parseHostName(host), argv: rest };
}

/** @returns the exit code there */
export async function runElsewhere(app: App, { host, argv }: Elsewhere, table: Table): Promise<number> {
  const { name } = splitCommand(argv);
  const interactive = name !== undefined && Object.hasOwn(table, name) ? table[name]?.interactive : undefined;
  const plain = interactive === undefined || argv.includes("--json");
  const terminal = !plain && process.stdin.isTTY === true && process.stdout.isTTY === true;
  // Only who reads it: ssh would take all of standard input, which may be the rest of a script.
  const input = interactive === "shell" || argv.some((word) => word === "-" || word.endsWith("=-"));
  return await (await app.hosts()).run(host, argv, { terminal, input });
}
