/**
 * Keeps an agent, and what its gates run, within what `limits` gives them of the machine. Where a systemd scope or the
 * kernel's own limits hold too, those are quicker; this holds everywhere, and says why an attempt ended.
 */
import { release, totalmem } from "node:os";
import type { Config } from "../config/schema.ts";
import type { Isolation, Space } from "../isolation/isolation.ts";
import type { Command } from "../model/command.ts";
import { exceeded, type Room, sizeOf } from "../model/resources.ts";
import { Verdict } from "../model/verdict.ts";
import { gated } from "../system/child.ts";
import { sharedBytes } from "../system/shared-memory.ts";
import type { Tree } from "../system/tree.ts";
import {
  folderBytes,
  freeBytes,
  makeExpendable,
  memoryBytes as memoryBytesOf,
  unnamedBytes,
  usageOfTree,
} from "../system/usage.ts";
import type { Fleet } from "./fleet.ts";

const everyMs = 1000;
/** Each so many looks. */
const closeLook = 10;
const leastFree = 2 ** 30;
/** Looks in a row that failed. */
const mostUnseen = 5;

export class ResourceWatch {
  /** Aborted, with the verdict, when something is exceeded. */
  readonly over = new AbortController();
  private readonly disk: string;
  private readonly room: Room;
  private readonly freeAtStart: number;
  private readonly timer: Timer;
  private walking = false;
  private leastShared = sharedBytes();
  private looks = 0;
  private unseen = 0;

  constructor(
    fleet: Pick<Fleet, "config" | "store">,
    /** The folder that it fills. */
    private readonly home: string,
    private readonly tree: Pick<Tree, "monitor" | "first">,
  ) {
    const { limits } = fleet.config;
    // Where HOME is, but nothing that an agent could remove.
    this.disk = fleet.store.paths.control;
    const { free, all } = freeBytes(this.disk);
    this.freeAtStart = free;
    this.room = {
      memoryBytes: sizeOf(limits.memory, totalmem()) ?? Number.POSITIVE_INFINITY,
      processes: limits.processes,
      diskBytes: sizeOf(limits.disk, free) ?? Number.POSITIVE_INFINITY,
      leastFreeBytes: Math.min(leastFree, all / 20),
    };
    const seen = () => {
      this.unseen = 0;
    };
    this.timer = setInterval(() => void this.look().then(seen, (error: unknown) => this.blind(error)), everyMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (this.over.signal.aborted) return;
    const { monitor, first } = this.tree;
    const { processes, pids, residentBytes } = usageOfTree(monitor.pid, this.room.processes);
    makeExpendable(pids);
    const shared = sharedBytes();
    this.leastShared = Math.min(this.leastShared, shared);
    // By whomever; what hides of it counts as the agent's, where it has a file system of its own to hide it in.
    const grown = shared - this.leastShared;
    // What others gave back meanwhile hides as much that it took: now and then all there is is suspected of being its own.
    const suspected = ++this.looks % closeLook === 0 ? shared : grown;
    const much = residentBytes + suspected > this.room.memoryBytes;
    const memoryBytes = much ? memoryBytesOf(pids, first === null ? 0 : grown) : 0;
    const { free } = freeBytes(this.disk);
    const gone = this.freeAtStart - free;
    this.judge(exceeded({ processes, memoryBytes, diskBytes: 0, freeBytes: free }, this.room));
    const { diskBytes, leastFreeBytes } = this.room;
    // A walk costs: only when that much has gone, by whomever.
    if (this.walking || (gone <= diskBytes && free >= leastFreeBytes)) return;
    this.walking = true;
    const named = free < leastFreeBytes ? null : await folderBytes(this.home).catch(() => null);
    this.walking = false;
    // What can't be measured counts as all that has gone.
    const taken = named === null ? gone : Math.min(gone, named + unnamedBytes(pids));
    this.judge(exceeded({ processes: 0, memoryBytes: 0, diskBytes: taken, freeBytes: free }, this.room));
  }

  /** Who can't be watched is not within limits: it may be the reason why nothing can be opened any more. */
  private blind(error: unknown): void {
    if (++this.unseen < mostUnseen) return;
    const words = error instanceof Error ? error.message : error;
    const what = `what the agent and its programs take could not be looked at ${this.unseen} times in a row`;
    this.judge(new Verdict("over-budget", `${what}: ${words}`));
  }

  private judge(verdict: Verdict | null): void {
    if (verdict === null || this.over.signal.aborted) return;
    this.stop();
    this.over.abort(verdict);
  }
}

/** A command behind its gate, inside, with the limits that the kernel keeps. */
export function walled(fleet: Pick<Fleet, "config">, isolation: Isolation, command: Command, space: Space): Command {
  return isolation.wrap(gated(command, processLimit(fleet.config.limits, isolation.pidNamespace)), space);
}

/**
 * For the kernel, as far as it counts apart: per user namespace since 5.14, which is bubblewrap's for an ordinary user. It
 * exempts root, and elsewhere would count everything else of the user. Null: not to be set.
 */
function processLimit(limits: Config["limits"], pidNamespace: boolean): number | null {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  const apart = major > 5 || (major === 5 && minor >= 14);
  return pidNamespace && apart && process.getuid?.() !== 0 ? limits.processes : null;
}
