/** The contract of an isolation: what an agent may touch. It wraps a command value; it starts nothing. */
import type { Command } from "../model/command.ts";

/** What is visible and writable. Absolute paths, the same inside and outside. */
export interface Space {
  /** HOME of the worker: writable, but for `protect`. */
  readonly home: string;
  /** Root of the fleet and home of the operator: invisible, but for `home` and `readOnly`. */
  readonly hidden: readonly string[];
  /** Files and folders to show read-only (the agent's program, Bun, this package, the policy of this attempt). */
  readonly readOnly: readonly string[];
  /** Paths below `home` that the agent may read and not change; those that do not exist become empty and unchangeable. */
  readonly protect: readonly string[];
  /** The only connections out of it. Default: none at all, not even to this machine. */
  readonly forwards?: readonly Forward[];
  /** It is started on a terminal of its own, which it may control. Default: none, since an agent could type into ours. */
  readonly terminal?: boolean;
}

/** A port of the loopback inside, and the Unix socket of ours that it leads to. */
export interface Forward {
  readonly port: number;
  /** Absolute path outside. */
  readonly socket: string;
}

export interface Isolation {
  readonly name: "bubblewrap" | "settings" | "none";
  /** Every process inside dies with the first process of its own pid namespace. */
  readonly pidNamespace: boolean;
  /** It has a network of its own, and {@link Space.forwards} are the only way out. */
  readonly ownNetwork: boolean;
  /** Pure. */
  wrap(command: Command, space: Space): Command;
}
