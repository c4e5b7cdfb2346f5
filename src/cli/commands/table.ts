/** Every command: what it is for in one line, where help lists it, and how to load it. */
import type { CommandFactory } from "../command.ts";

/** Headings of the help, in their order. */
export const groups = ["Workers", "Work", "Look", "Try"] as const;

export interface Entry {
  /** One line of at most 60 characters. */
  readonly summary: string;
  readonly group: (typeof groups)[number];
  readonly load: () => Promise<{ readonly default: CommandFactory }>;
}

/** By name. A name that begins with `_` is for the program itself: not listed, not suggested. */
export type Table = Readonly<Record<string, Entry>>;

export const commands: Table = {};
