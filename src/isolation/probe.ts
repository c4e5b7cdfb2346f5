/** What this machine can isolate with, found by doing it. */
import type { SystemFolders } from "./system-folders.ts";

export interface Probe {
  readonly works: boolean;
  /** Why not, in the words of the tool; null when it works. */
  readonly reason: string | null;
}

export interface IsolationFacts {
  readonly root: boolean;
  /** Null where bubblewrap is not installed. */
  readonly system: SystemFolders | null;
  readonly bubblewrap: Probe;
  /** Bubblewrap in bubblewrap with socat and ripgrep: what Claude's own sandbox needs inside ours. */
  readonly nested: Probe;
  /** What Claude's own sandbox needs without ours around it. */
  readonly settings: Probe;
}

/** @param options.path where tools are looked for, colon-separated absolute folders. */
export async function probeIsolation(options: { readonly path: string }): Promise<IsolationFacts> {
  throw new Error(`not written yet: ${options.path}`);
}
