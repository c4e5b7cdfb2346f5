/** A process that can be told from every other one, also after a reboot or when its number is used again. */
import * as z from "zod/mini";

export const processSchema = z.looseObject({
  /** Of the boot: /proc/sys/kernel/random/boot_id. */
  bootId: z.string(),
  machineId: z.string(),
  /** Inode of /proc/PID/ns/pid: process numbers mean something only inside it. */
  pidNamespace: z.string(),
  pid: z.number().check(z.int(), z.gt(1)),
  /** Field 22 of /proc/PID/stat, in clock ticks since boot. */
  startTime: z.string(),
});
export type ProcessIdentity = z.infer<typeof processSchema>;

/** A moment: for people in UTC, for deadlines on the clock of one boot, which counts suspend and never jumps. */
export const instantSchema = z.looseObject({ at: z.string(), bootId: z.string(), uptimeMs: z.number() });
export type Instant = z.infer<typeof instantSchema>;

/** `unknown`: it can't be decided from here (another machine or pid namespace). */
export type Liveness = "alive" | "dead" | "unknown";

/** What /proc says of a process number: its start time and state letter; null when there is none. */
export interface Seen {
  readonly startTime: string;
  readonly state: string;
}

/** Where the question is asked. */
export interface Here {
  readonly bootId: string;
  readonly machineId: string;
  readonly pidNamespace: string;
}

/** A zombie is dead; another start time is a stranger; another boot of this machine has ended everything. */
export function livenessOf(one: ProcessIdentity, here: Here, seen: (pid: number) => Seen | null): Liveness {
  if (one.machineId !== here.machineId) return "unknown";
  if (one.bootId !== here.bootId) return "dead";
  if (one.pidNamespace !== here.pidNamespace) return "unknown";
  const now = seen(one.pid);
  if (now === null || now.startTime !== one.startTime) return "dead";
  return now.state === "Z" || now.state === "X" ? "dead" : "alive";
}

/** Ms since then; null when it was in another boot. */
export function elapsedSince(then: Instant, now: Instant): number | null {
  return then.bootId === now.bootId ? now.uptimeMs - then.uptimeMs : null;
}

/** Of `/proc/PID/stat`, from the state on: the name in parentheses may hold anything, so count from the last one. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Whether a process whose environment reads as empty has none: in the middle of an exec it only has none yet. */
export function hasNoEnvironment(stat: string): boolean {
  const fields = fieldsOf(stat);
  const [memory, code, start, end] = [fields[20], fields[23], fields[47], fields[48]];
  // A zombie or a thread of the kernel; or all is in place: an exec sets both ends to one value first, where its code is last.
  return memory === "0" || (code !== "0" && end !== "0" && start === end);
}

/** `/proc/PID/stat` */
export function parseStat(stat: string): (Seen & { readonly parent: number }) | null {
  const fields = fieldsOf(stat);
  const [state, parent] = fields;
  const startTime = fields[19];
  if (state === undefined || parent === undefined || startTime === undefined) return null;
  return { state, startTime, parent: Number(parent) };
}
