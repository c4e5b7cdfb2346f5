/** What an attempt may use up of the machine, and when that is too much. Pure. */
import { Verdict } from "./verdict.ts";

export interface Room {
  readonly memoryBytes: number;
  /** Threads count, as they do for the kernel. */
  readonly processes: number;
  /** By how much HOME may grow. */
  readonly diskBytes: number;
  /** Below that the disk is full for everybody. */
  readonly leastFreeBytes: number;
}

export interface Used {
  readonly memoryBytes: number;
  readonly processes: number;
  readonly diskBytes: number;
  readonly freeBytes: number;
}

const units: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `512M`, `8G`, or `75%` of a whole; undefined for anything else. */
export function sizeOf(text: string, whole: number): number | undefined {
  const [, number, unit = ""] = /^(\d{1,6}(?:\.\d+)?)([%KMGT])$/.exec(text) ?? [];
  const value = Number(number);
  if (number === undefined || value <= 0 || (unit === "%" && value > 100)) return undefined;
  return Math.round(unit === "%" ? (whole * value) / 100 : value * (units[unit] ?? 1));
}

export function exceeded(used: Used, room: Room): Verdict | null {
  const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  const over = (what: string, most: string) =>
    new Verdict("over-budget", `the agent and its programs ${what}; at most ${most} are allowed`);
  if (used.processes > room.processes)
    return over(`are more than ${room.processes} processes and threads`, `${room.processes}`);
  if (used.memoryBytes > room.memoryBytes)
    return over(`take ${mebibytes(used.memoryBytes)} of memory`, mebibytes(room.memoryBytes));
  if (used.diskBytes > room.diskBytes)
    return over(`took ${mebibytes(used.diskBytes)} of the disk`, mebibytes(room.diskBytes));
  if (used.freeBytes < room.leastFreeBytes && used.diskBytes > room.leastFreeBytes)
    return over(`took ${mebibytes(used.diskBytes)}, and the disk is full`, "what leaves room");
  return null;
}
