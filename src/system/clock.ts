/**
 * The only clock. Wall time is for people. Two others never jump: that of the boot goes on while the machine sleeps, for what
 * the world outside counts, and what one process writes and another reads; that of this process stands still then, as its
 * timers do, for how long one of ours may take: nobody has worked in that time.
 */
import { readFileSync } from "node:fs";
import type { Instant } from "../model/process.ts";

/** Ms since boot, suspend included (Linux: /proc/uptime, 10 ms resolution). */
export function uptimeMs(): number {
  return Math.round(Number.parseFloat(readFileSync("/proc/uptime", "utf8")) * 1000);
}

/** Ms since some moment of this process, suspend not included: cheap enough to ask for each line of an agent's output. */
export function tickerMs(): number {
  return performance.now();
}

let boot: string | undefined;
export function bootId(): string {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return boot;
}

/** ISO 8601, UTC. */
export function isoNow(): string {
  return new Date().toISOString();
}

export function now(): Instant {
  return { at: isoNow(), bootId: bootId(), uptimeMs: uptimeMs() };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** What the work comes to, or null after so long. Leaves no timer behind: one that pends keeps a whole process alive. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | null> {
  let timer: Timer | undefined;
  const late = new Promise<null>((done) => {
    timer = setTimeout(() => done(null), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
