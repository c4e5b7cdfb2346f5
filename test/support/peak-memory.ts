/** The most memory that a process had. Not resourceUsage().maxRSS: on Linux that begins with what its parent had. */
import { readFileSync } from "node:fs";

const everyMs = 2;

/** Looks on until told to stop. @returns its end, which gives bytes */
export function watchPeak(pid: number): () => number {
  let peak = 0;
  const look = () => {
    try {
      const [, kilobytes = "0"] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      peak = Math.max(peak, Number(kilobytes) * 1024);
    } catch {
      // It is gone.
    }
  };
  const timer = setInterval(look, everyMs);
  look();
  return () => {
    clearInterval(timer);
    return peak;
  };
}
