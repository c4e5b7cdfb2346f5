/** Services of this machine that are reached by a path: no network namespace covers them, and no read-only mount refuses them. */
import { lstatSync, readFileSync, realpathSync } from "node:fs";

/** A line of the kernel's list with an absolute path; names that begin with @ belong to a network namespace. */
const bound = /^[0-9a-f]+:(?: [0-9A-F]+){5} +\d+ (\/.*)$/gm;

/**
 * Where somebody has a socket now, without links. What the kernel does not tell: sockets of other network namespaces, and those
 * whose owner named them from where it stood.
 */
export function boundSockets(): string[] {
  const named = [...readFileSync("/proc/net/unix", "utf8").matchAll(bound)].map(([, path = ""]) => path);
  return [...new Set([...new Set(named)].flatMap(place))].sort();
}

function place(path: string): string[] {
  try {
    return lstatSync(path).isSocket() ? [realpathSync(path)] : [];
  } catch {
    // Gone, or in a folder that is not ours to enter.
    return [];
  }
}
