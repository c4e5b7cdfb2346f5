/** From the word that somebody typed to the command. */
import { FleetError } from "../model/errors.ts";
import { nearest } from "../model/nearest.ts";
import type { Entry, Table } from "./commands/table.ts";

/** @throws FleetError `usage` with the nearest name. Own properties only: `toString` is no command. */
export async function resolveCommand(table: Table, name: string): Promise<Entry> {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry) return entry;
  const near = await nearest(name, shownNames(table));
  throw new FleetError("usage", `unknown command ${name}`, near ? { hint: `did you mean cw ${near}?` } : {});
}

/** Names for people. */
export function shownNames(table: Table): string[] {
  return Object.keys(table).filter((name) => !name.startsWith("_"));
}
