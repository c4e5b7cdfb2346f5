/** `cw --host NAME ...`: the same words on another machine. Nothing of them is looked at here, so versions may differ. */
import { FleetError } from "../model/errors.ts";
import { parseHostName } from "../model/host.ts";
import { splitCommand } from "./args.ts";
import type { LazyApp } from "./command.ts";
import type { Table } from "./commands/table.ts";

/** @param words with `--host` among them. @returns the exit code there. @throws FleetError `usage`, `notFound`, `environment` */
export async function runElsewhere(words: readonly string[], app: LazyApp, table: Table): Promise<number> {
  const { host, argv } = takeHost(words);
  const { name } = splitCommand(argv);
  const interactive = name !== undefined && Object.hasOwn(table, name) ? table[name]?.interactive : undefined;
  const plain = interactive === undefined || argv.includes("--json");
  const terminal = !plain && process.stdin.isTTY === true && process.stdout.isTTY === true;
  // Only who reads it: ssh would take all of standard input, which may be the rest of a script.
  const input = interactive === "shell" || argv.some((word) => word === "-" || word.endsWith("=-"));
  return await (await (await app()).hosts()).run(host, argv, { terminal, input });
}

/** All other words stay as they were. */
function takeHost(words: readonly string[]): { host: string; argv: string[] } {
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  const given = (word: string, at: number) => at < end && (word === "--host" || word.startsWith("--host="));
  const at = words.findIndex(given);
  const [, inline] = words[at]?.split(/=(.*)/s) ?? [];
  const host = inline ?? (at + 1 < end ? words[at + 1] : undefined);
  if (!host) throw new FleetError("usage", "--host needs a value", { hint: "cw hosts list" });
  const argv = words.toSpliced(at, inline === undefined ? 2 : 1);
  if (words.findLastIndex(given) !== at) throw new FleetError("usage", "--host was given twice");
  return { host: parseHostName(host), argv };
}
