/** The attempt folders: turning points that are created once, and what is known of the newest attempt of a worker. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  type AttemptFacts,
  type Base,
  type Birth,
  baseSchema,
  birthSchema,
  type End,
  endSchema,
  nextAttempt,
  type Read,
  type Started,
  type Stop,
  startedSchema,
  stopSchema,
} from "../model/attempt.ts";
import { forwardsOf } from "../model/egress.ts";
import { type Snapshot, snapshotSchema } from "../model/issue.ts";
import { type AttemptPaths, attemptFolder, type FleetPaths } from "../model/paths.ts";
import type { Liveness, ProcessIdentity } from "../model/process.ts";
import { attemptId, parseAttemptId, type Task, taskSchema } from "../model/task.ts";
import { failPoint } from "../system/fail-point.ts";
import {
  appendLine,
  createFolderOnce,
  createOnce,
  discard,
  errorCode,
  isThere,
  makeFolder,
  readOwn,
  removeFile,
  replaceFile,
  sweep,
} from "../system/files.ts";
import { liveness, livingCookies } from "../system/process.ts";
import { own, readRecord, toText } from "./records.ts";
import { readIdentity } from "./workers.ts";

export class Attempts {
  constructor(private readonly paths: FleetPaths) {}

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
    return {
      n,
      task: read,
      birth,
      stop: readRecord(at.stop, stopSchema),
      end,
      reserver: birth === null && read.ok ? liveness(read.value.reservedBy) : "dead",
      supervisor,
      processes:
        supervisor === "alive" ? "dead" : read.ok ? this.processesOf(worker, n, read.value.cookie, living) : "unknown",
    };
  }

  /** Whether anything that the attempt started still lives. */
  processesOf(worker: string, n: number, cookie: string, living = livingCookies): Liveness {
    const known = this.started(worker, n).flatMap(({ monitor, first }) => (first ? [monitor, first] : [monitor]));
    const states = known.map(liveness);
    if (readOwn(this.at(worker, n).processes)?.ok === false) states.push("unknown");
    if (states.includes("alive") || living().has(cookie)) return "alive";
    return states.includes("unknown") ? "unknown" : "dead";
  }

  /**
   * Takes the worker for a new attempt.
   * @param make the task for the number that is free. @param facts of the newest attempt
   * @returns null when another process was faster, or the newest attempt has no end
   */
  reserve(
    worker: string,
    make: (n: number) => Task,
    snapshot: Snapshot,
    request: string | null,
    facts = this.facts(worker),
  ): Task | null {
    const n = nextAttempt(facts);
    if (n === null) return null;
    makeFolder(this.paths.attempts(worker));
    const task = make(n);
    const files: Record<string, string> = { "task.json": toText(task), "snapshot.json": toText(snapshot) };
    if (request !== null) files["request.md"] = request;
    if (!createFolderOnce(this.at(worker, n).folder, files)) return null;
    failPoint("task reserved");
    replaceFile(this.paths.latest(worker), String(n));
    return task;
  }

  /** Notes, before the claim is made, that this attempt has something to settle: on GitHub, and in the history. */
  unsettle(worker: string, n: number): void {
    makeFolder(this.paths.unsettled);
    createOnce(join(this.paths.unsettled, attemptId(worker, n)), "");
    failPoint("claim announced");
  }

  /** Claim and label are as the outcome wants them, the end is on disk and in the history. */
  settle(worker: string, n: number): void {
    // A writer killed right after its end has left that one's first name. Nobody comes back to this folder.
    sweep(this.at(worker, n).folder, 0);
    failPoint("claim settled");
    removeFile(join(this.paths.unsettled, attemptId(worker, n)));
  }

  unsettled(): { worker: string; n: number }[] {
    try {
      return readdirSync(this.paths.unsettled).flatMap((name) => parseAttemptId(name) ?? []);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  /** @returns whether this birth was the first: a supervisor that loses exits at once, without an agent */
  bear(worker: string, n: number, birth: Birth): boolean {
    const first = createOnce(this.at(worker, n).birth, toText({ ...birth, attempt: attemptId(worker, n) }));
    failPoint("birth taken");
    return first;
  }

  wishStop(worker: string, n: number, stop: Stop): boolean {
    const first = createOnce(this.at(worker, n).stop, toText(stop));
    failPoint("stop wished");
    return first;
  }

  /** The terminal record. Only after every process of the attempt is proved dead. @returns whether this end was the first */
  end(worker: string, n: number, end: End): boolean {
    const first = createOnce(this.at(worker, n).end, toText(end));
    failPoint("end taken");
    if (first) appendLine(this.paths.history, JSON.stringify(end));
    return first;
  }

  /** Removes what the killed processes of an attempt had not finished. Before its end: nobody comes back to it after that. */
  tidy(worker: string, n: number): void {
    const { folder, bundle, canary, trial } = this.at(worker, n);
    sweep(folder, 0);
    const sockets = forwardsOf(folder, true).map(({ socket }) => socket);
    for (const left of [bundle, `${bundle}.git`, canary, ...sockets]) rmSync(left, { recursive: true, force: true });
    // What a gate made of it, nobody may be able to remove: it stays then, and the end comes all the same.
    discard(trial);
  }

  task(worker: string, n: number): Task | null {
    const read = this.readTask(worker, n);
    return read?.ok ? read.value : null;
  }

  private readTask(worker: string, n: number): Read<Task> | null {
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

  saveBase(worker: string, n: number, base: Base): void {
    createOnce(this.at(worker, n).base, toText({ version: 1, ...base }));
    failPoint("base noted");
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
    const read = readRecord(this.at(worker, n).snapshot, snapshotSchema, 16 << 20);
    return read?.ok ? read.value : null;
  }

  /** On disk before the process may do anything. */
  recordStarted(worker: string, n: number, started: { monitor: ProcessIdentity; first: ProcessIdentity | null }): void {
    failPoint("process started");
    appendLine(this.at(worker, n).processes, JSON.stringify(started), { sync: true });
    failPoint("process noted");
  }

  started(worker: string, n: number): Started[] {
    const read = readOwn(this.at(worker, n).processes);
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
}

const noMore = { birth: null, stop: null, reserver: "dead", supervisor: "dead", processes: "dead" } as const;

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
