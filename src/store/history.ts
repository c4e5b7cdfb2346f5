/** Ends of attempts, newest first: read from the end of an index that can be rebuilt from the attempt folders. */
import { type End, endSchema } from "../model/attempt.ts";
import type { FleetPaths } from "../model/paths.ts";
import { appendLine, readFrom, sizeOf } from "../system/files.ts";
import { parseRecord } from "./records.ts";

const blockBytes = 256 << 10;

export class History {
  constructor(private readonly paths: FleetPaths) {}

  /** Each attempt once. Reads only as much of the index as the caller takes. */
  *newestFirst(): Generator<End> {
    const seen = new Set<string>();
    for (const end of this.lines()) {
      if (!seen.has(end.attempt)) yield end;
      seen.add(end.attempt);
    }
  }

  /** Adds an end that its writer did not live to add. Twice, if that writer was only slow: readers take one. */
  complete(end: End): void {
    for (const one of this.lines()) {
      if (one.attempt === end.attempt) return;
      if (one.endedAt < end.startedAt) break;
    }
    appendLine(this.paths.history, JSON.stringify(end));
  }

  private *lines(): Generator<End> {
    let end = sizeOf(this.paths.history);
    let rest = new Uint8Array(0);
    while (end > 0) {
      const start = Math.max(0, end - blockBytes);
      const block = Buffer.concat([readFrom(this.paths.history, start, end - start), rest]);
      const cut = start === 0 ? 0 : block.indexOf(10) + 1;
      if (cut === 0 && start > 0) {
        rest = block;
        end = start;
        continue;
      }
      yield* parseNewestFirst(block.subarray(cut).toString("utf8"), this.paths.history);
      rest = block.subarray(0, cut);
      end = start;
    }
  }
}

function* parseNewestFirst(text: string, path: string): Generator<End> {
  const lines = text.split("\n");
  for (let at = lines.length - 1; at >= 0; at--) {
    const line = lines[at];
    if (!line) continue;
    const end = parseRecord(line, endSchema, path);
    if (end.ok) yield end.value;
  }
}
