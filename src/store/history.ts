/** Ends of attempts, newest first: read from the end of an index that can be rebuilt from the attempt folders. */
import { type End, endSchema } from "../model/attempt.ts";
import type { FleetPaths } from "../model/paths.ts";
import { appendLine } from "../system/files.ts";
import { newestLines } from "./newest-lines.ts";
import { parseRecord } from "./records.ts";

/** So many ends in a row from before a time, and those before them are from before it, too. */
const mostOld = 1000;

export class History {
  constructor(private readonly paths: FleetPaths) {}

  /** Each attempt once. Reads only as much of the index as the caller takes. */
  *newestFirst(): Generator<End> {
    const seen = new Set<string>();
    for (const end of this.lines()) {
      const name = `${end.attempt} ${end.startedAt}`;
      if (!seen.has(name)) yield end;
      seen.add(name);
    }
  }

  /** {@link newestFirst} of a time; one that ended while the clock was wrong hides no others. @param since ISO 8601 */
  *endedSince(since: string): Generator<End> {
    let old = 0;
    for (const end of this.newestFirst()) {
      old = end.endedAt < since ? old + 1 : 0;
      if (old === 0) yield end;
      if (old >= mostOld) return;
    }
  }

  /** Adds an end that its writer did not live to add. Twice, if that writer was only slow: readers take one. */
  complete(end: End): void {
    for (const one of this.lines()) {
      if (sameAttempt(one, end)) return;
      if (one.endedAt < end.startedAt) break;
    }
    appendLine(this.paths.history, JSON.stringify(end));
  }

  private *lines(): Generator<End> {
    for (const line of newestLines(this.paths.history)) {
      const end = parseRecord(line, endSchema, this.paths.history);
      if (end.ok) yield end.value;
    }
  }
}

/** Where somebody moved the records of a worker away, its numbers come again. */
function sameAttempt(one: End, other: End): boolean {
  return one.attempt === other.attempt && one.startedAt === other.startedAt;
}
