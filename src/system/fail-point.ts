/** Kills this very process at a named step, where a test has asked for it: as a crash would, with nothing after it. */
import { writeSync } from "node:fs";
import { type Effect, listing } from "../model/fail-points.ts";

let armed: { readonly name: string; left: number } | null = null;

export function armFailPoint(name: string, nth: number): void {
  armed = { name, left: nth };
}

/** Costs one comparison. */
export function failPoint(name: Effect | `before ${string}` | `after ${string}`): void {
  if (armed === null) return;
  if (armed.name === listing) writeSync(2, `step: ${name}\n`);
  if (armed.name === name && --armed.left === 0) process.kill(process.pid, "SIGKILL");
}
