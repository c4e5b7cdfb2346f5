/** What the folders of attempts say: nothing here writes. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  type AttemptFacts,
  type Base,
  type Birth,
  baseSchema,
  birthSchema,
  type End,
  endSchema,
  type Read,
  type Started,
  startedSchema,
  stopSchema,
} from "../model/attempt.ts";
import { type Snapshot, snapshotSchema } from "../model/issue.ts";
import { type AttemptPaths, attemptFolder, type FleetPaths } from "../model/paths.ts";
import type { Liveness } from "../model/process.ts";
import { attemptId, parseAttemptId, type Task, taskSchema } from "../model/task.ts";
import { errorCode, isThere, readOwn } from "../system/files.ts";
import { liveness, livingCookies } from "../system/process.ts";
import { own, readRecord } from "./records.ts";
import { readIdentity } from "./workers.ts";

export class AttemptRecords {
  constructor(protected readonly paths: FleetPaths) {}

  at(worker: string, n: number): AttemptPaths {
    return this.paths.attempt(worker, n);
  }

  /** Number of the newest attempt; 0 when there is none. The hint saves the listing; it may lag, never lead. */
  newest(worker: string): number {
    const folder = this.paths.attempts(worker);
    const hint = readOwn(this.paths.latest(worker), 64);
    let n = hint?.ok ? Number.parseInt(hint.value, 10) || 0 : 0;
    if (n === 0 || !existsSync(join(folder, attemptFolder(n)))) n = listed(folder);
    while (existsSync(join(folder, attemptFolder(n + 1)))) n++;
    return n;
  }

  /**
   * Facts about one attempt; by default the newest. Null when the worker has none. A worker that would be idle, but whose
   * identity can't be read, is not: it could not be given anything.
   * @param living one look at all processes, for who asks about many workers
   */
  facts(worker: string, n?: number, living = livingCookies): AttemptFacts | null {
    let asked: number;
    try {
      asked = n ?? this.newest(worker);
    } catch (error) {
      return unreadable(0, `${this.paths.attempts(worker)} can't be read (${errorCode(error)})`);
    }
    const facts = asked === 0 ? null : this.factsOf(worker, asked, living);
    if (n !== undefined || (facts !== null && !facts.end?.ok)) return facts;
    const identity = readIdentity(this.paths, worker);
    return identity.ok ? facts : unreadable(asked, identity.reason);
  }

  private factsOf(worker: string, n: number, living: typeof livingCookies): AttemptFacts {
    const at = this.at(worker, n);
    let known: Read<Task> | undefined;
    // Read once: a disk may fail at the second time, when whoever asks has seen that the first went well.
    const task = () => (known ??= this.readTask(worker, n) ?? { ok: false, reason: `${at.task} is missing` });
    const end = this.readEnd(worker, n);
    if (end?.ok) {
      // An ended attempt is decided; a fleet of a thousand idle workers is read without their other records.
      return {
        n,
        get task() {
          return task();
        },
        ...noMore,
        end,
      };
    }
    const birth = this.readBirth(worker, n);
    const supervisor = birth?.ok && birth.value.by === "supervisor" ? liveness(birth.value.process) : "dead";
    const read = task();
    // Asked of who is not alive only.
    const others = supervisor === "alive" || !read.ok ? null : this.lookAt(worker, n, read.value.cookie, living);
    return {
      n,
      task: read,
      birth,
      stop: readRecord(at.stop, stopSchema),
      end,
      reserver: birth === null && read.ok ? liveness(read.value.reservedBy) : "dead",
      supervisor,
      processes: others?.state ?? (supervisor === "alive" ? "dead" : "unknown"),
      unread: others?.unread ?? null,
    };
  }

  /** Whether anything that the attempt started still lives. */
  processesOf(worker: string, n: number, cookie: string): Liveness {
    return this.lookAt(worker, n, cookie, livingCookies).state;
  }

  private lookAt(worker: string, n: number, cookie: string, living: typeof livingCookies) {
    // Read once: a disk that fails at the first time only would leave nobody to look at.
    const read = readOwn(this.at(worker, n).processes);
    const unread = read?.ok === false ? read.reason : null;
    const known = startedIn(read).flatMap(({ monitor, first }) => (first ? [monitor, first] : [monitor]));
    const states = known.map(liveness);
    if (unread !== null) states.push("unknown");
    const alive = states.includes("alive") || living().has(cookie);
    const state: Liveness = alive ? "alive" : states.includes("unknown") ? "unknown" : "dead";
    return { state, unread };
  }

  unsettled(): { worker: string; n: number }[] {
    try {
      return readdirSync(this.paths.unsettled).flatMap((name) => parseAttemptId(name) ?? []);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  task(worker: string, n: number): Task | null {
    const read = this.readTask(worker, n);
    return read?.ok ? read.value : null;
  }

  readTask(worker: string, n: number): Read<Task> | null {
    const path = this.at(worker, n).task;
    const read = readRecord(path, taskSchema);
    return own(read, path, attemptId(worker, n), (task) => attemptId(task.worker, task.n));
  }

  private readBirth(worker: string, n: number): Read<Birth> | null {
    const path = this.at(worker, n).birth;
    const name = attemptId(worker, n);
    return own(readRecord(path, birthSchema), path, name, ({ attempt }) => attempt ?? name);
  }

  private readEnd(worker: string, n: number): Read<End> | null {
    const path = this.at(worker, n).end;
    return own(readRecord(path, endSchema), path, attemptId(worker, n), ({ attempt }) => attempt);
  }

  birth(worker: string, n: number): Birth | null {
    const read = this.readBirth(worker, n);
    return read?.ok ? read.value : null;
  }

  /** An unreadable stop is still a wish. */
  stopWished(worker: string, n: number): boolean {
    return isThere(this.at(worker, n).stop);
  }

  ended(worker: string, n: number): End | null {
    const read = this.readEnd(worker, n);
    return read?.ok ? read.value : null;
  }

  request(worker: string, n: number): string | null {
    const read = readOwn(this.at(worker, n).request, 16 << 20);
    return read?.ok ? read.value : null;
  }

  /** Whether the attempt got as far as fetching: what is in the clone is its own. */
  hasBase(worker: string, n: number): boolean {
    return isThere(this.at(worker, n).base);
  }

  /** Null also when it can't be read. */
  base(worker: string, n: number): Base | null {
    const read = readRecord(this.at(worker, n).base, baseSchema);
    return read?.ok ? { branch: read.value.branch, sha: read.value.sha } : null;
  }

  snapshot(worker: string, n: number): Snapshot | null {
    const read = this.readSnapshot(worker, n);
    return read?.ok ? read.value : null;
  }

  readSnapshot(worker: string, n: number): Read<Snapshot> | null {
    return readRecord(this.at(worker, n).snapshot, snapshotSchema, 16 << 20);
  }

  started(worker: string, n: number): Started[] {
    return startedIn(readOwn(this.at(worker, n).processes));
  }
}

function startedIn(read: Read<string> | null): Started[] {
  if (!read?.ok) return [];
  return read.value.split("\n").flatMap((line) => {
    try {
      const parsed = startedSchema.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return []; // The last line of a writer that was killed.
    }
  });
}

const nobody = { reserver: "dead", supervisor: "dead", processes: "dead", unread: null } as const;
const noMore = { birth: null, stop: null, ...nobody } as const;

function unreadable(n: number, reason: string): AttemptFacts {
  return { n, task: { ok: false, reason }, ...noMore, end: null };
}

function listed(folder: string): number {
  try {
    return Math.max(
      0,
      ...readdirSync(folder)
        .filter((name) => /^[0-9]{4,}$/.test(name))
        .map(Number),
    );
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}
