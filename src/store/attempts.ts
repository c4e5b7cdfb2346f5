/** The attempt folders: turning points that are created once. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Base, type Birth, type End, nextAttempt, type Stop } from "../model/attempt.ts";
import { forwardsOf } from "../model/egress.ts";
import type { Snapshot } from "../model/issue.ts";
import type { ProcessIdentity } from "../model/process.ts";
import { attemptId, type Task } from "../model/task.ts";
import { failPoint } from "../system/fail-point.ts";
import {
  appendLine,
  createFolderOnce,
  createOnce,
  discard,
  makeFolder,
  removeFile,
  replaceFile,
  sweep,
} from "../system/files.ts";
import { AttemptRecords } from "./attempt-records.ts";
import { toText } from "./records.ts";

export class Attempts extends AttemptRecords {
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

  saveBase(worker: string, n: number, base: Base): void {
    createOnce(this.at(worker, n).base, toText({ version: 1, ...base }));
    failPoint("base noted");
  }

  /** On disk before the process may do anything. */
  recordStarted(worker: string, n: number, started: { monitor: ProcessIdentity; first: ProcessIdentity | null }): void {
    failPoint("process started");
    appendLine(this.at(worker, n).processes, JSON.stringify(started), { sync: true });
    failPoint("process noted");
  }
}
