/** Memory that belongs to files, not to processes: it stays when nobody maps it. Bounded: all of it is an agent's. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, statfsSync, statSync } from "node:fs";
import { couldNotLook, errorCode } from "./files.ts";

const tmpfs = 0x01021994;
const ramfs = 0x858458f6;
const mostDescriptors = 20_000;
const mostNamespaces = 64;
const mostMounts = 1 << 20;

/** Of all files in memory of this machine, with what of it may be on swap, and with those of `ramfs`, which has no size. Quick. */
export function sharedBytes(): number {
  const memory = readFileSync("/proc/meminfo", "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(memory)?.[1] ?? 0) * 1024;
  return of("Shmem") + of("SwapTotal") - of("SwapFree") + Math.max(0, of("Unevictable") - of("Mlocked"));
}

export interface FilesInMemory {
  readonly bytes: number;
  /** False when something of it hides: a file system without a size, or below another; a process that lets nobody look. */
  readonly certain: boolean;
}

/**
 * What these processes keep in file systems of their own, and in files without a name.
 * @throws Error when it could not be looked at
 */
export function filesInMemory(pids: readonly number[]): FilesInMemory {
  const looked = new Looked();
  for (const pid of pids) {
    looked.mounts(pid);
    looked.descriptors(pid);
  }
  return looked.found();
}

class Looked {
  /** By device; null: it is there, and its size can't be told. */
  private readonly systems = new Map<number, number | null>();
  private readonly files = new Map<string, number>();
  private readonly namespaces = new Set<string>();
  private readonly foreign = new Set<number>();
  private readonly ours = readlinkSync("/proc/self/ns/mnt");
  private certain = true;
  private count = 0;

  constructor() {
    // What of the machine is shown inside is not the agent's.
    for (const { device } of memoryFilesIn(readFileSync("/proc/self/mountinfo", "utf8"))) this.foreign.add(device);
  }

  mounts(pid: number): void {
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
      if (namespace === this.ours || this.namespaces.has(namespace)) return;
      const text = this.namespaces.add(namespace).size > mostNamespaces ? "" : readStart(`/proc/${pid}/mountinfo`);
      if (text === "" || text.length === mostMounts) this.certain = false;
      for (const { device, path } of memoryFilesIn(text)) this.system(device, `/proc/${pid}/root${path}`);
    } catch (error) {
      this.unseen(error);
    }
  }

  descriptors(pid: number): void {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (this.count++ > mostDescriptors) {
          this.certain = false;
          return;
        }
        this.descriptor(`/proc/${pid}/fd/${fd}`);
      }
    } catch (error) {
      this.unseen(error);
    }
  }

  private descriptor(path: string): void {
    try {
      const { dev, ino, blocks } = statSync(path);
      if (readlinkSync(path).startsWith("/memfd:")) this.files.set(`${dev}:${ino}`, blocks * 512);
      else if (!this.systems.get(dev) && !this.foreign.has(dev)) this.system(dev, path);
    } catch {
      // Closed in between.
    }
  }

  private system(device: number, path: string): void {
    if (this.foreign.has(device) || typeof this.systems.get(device) === "number") return;
    try {
      // Another may be mounted over it: then it is not what is seen at its place.
      const { type, blocks, bfree, bsize } = statfsSync(path);
      const seen = statSync(path).dev === device;
      if (seen && type !== tmpfs && type !== ramfs) return;
      this.systems.set(device, seen && blocks > 0 ? (blocks - bfree) * bsize : null);
    } catch {
      this.systems.set(device, null);
    }
  }

  private unseen(error: unknown): void {
    if (couldNotLook(error)) throw error;
    if (errorCode(error) === "EACCES") this.certain = false;
  }

  found(): FilesInMemory {
    const sizes = [...this.systems.values(), ...this.files.values()];
    return {
      bytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
      certain: this.certain && !sizes.includes(null),
    };
  }
}

function memoryFilesIn(mountinfo: string): { device: number; path: string }[] {
  return [...mountinfo.matchAll(/^\d+ \d+ (\d+):(\d+) \S+ (\S+) .* - (?:tmpfs|ramfs) /gm)].map(
    ([, major, minor, path = ""]) => ({
      device: (Number(major) << 8) | (Number(minor) & 0xff) | ((Number(minor) & ~0xff) << 12),
      path: path.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    }),
  );
}

function readStart(file: string): string {
  const open = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(mostMounts);
    let length = 0;
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = readSync(open, bytes, length, bytes.length - length, null);
    return bytes.toString("latin1", 0, length);
  } finally {
    closeSync(open);
  }
}
