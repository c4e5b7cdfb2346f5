/** Events of an attempt as JSON lines: appended by dispatch and supervisor, read by everything that shows something. */
import { type FleetEvent, isEvent, type Said } from "../model/events.ts";
import type { FleetPaths } from "../model/paths.ts";
import { attemptId } from "../model/task.ts";
import { isoNow, sleep } from "../system/clock.ts";
import { failPoint } from "../system/fail-point.ts";
import { appendLine, readFrom, sizeOf } from "../system/files.ts";
import { isOfTheMachine } from "../system/machine-trouble.ts";
import { newestLines } from "./newest-lines.ts";

/** A chatty agent must not fill the disk: past this, its activity is no longer noted. */
const activityLimit = 16 << 20;
const tailBytes = 64 << 10;
/** How far back {@link Journal.last} looks: past all that may be noted of an agent's activity. */
const mostBytes = 32 << 20;

/** The end of a journal. */
export interface Tail {
  /** Oldest first. */
  readonly events: readonly FleetEvent[];
  /** There is more before what was looked at. */
  readonly cut: boolean;
  /** Offset from which the next events come. */
  readonly end: number;
}

export class Journal {
  constructor(private readonly paths: FleetPaths) {}

  append(worker: string, n: number, said: Said): FleetEvent {
    const event: FleetEvent = { at: isoNow(), worker, attempt: attemptId(worker, n), ...said };
    const file = this.paths.attempt(worker, n).events;
    const step = "step" in said ? `${said.type} ${said.step}` : said.type;
    failPoint(`before ${step}`);
    if (said.type !== "agent:activity" || sizeOf(file) < activityLimit) note(file, event);
    failPoint(`after ${step}`);
    return event;
  }

  /** The last events, oldest first: as many as fit in the last 64 KiB. */
  recent(worker: string, n: number): FleetEvent[] {
    const file = this.paths.attempt(worker, n).events;
    const size = sizeOf(file);
    const start = Math.max(0, size - tailBytes);
    const text = new TextDecoder().decode(readFrom(file, start, tailBytes));
    const lines = text.split("\n");
    if (start > 0) lines.shift();
    return lines.flatMap(parse);
  }

  /** The last events that count. Reads only as much as these need. */
  last(worker: string, n: number, most: number, counts: (event: FleetEvent) => boolean): Tail {
    const file = this.paths.attempt(worker, n).events;
    const size = sizeOf(file);
    const near = Math.max(0, size - tailBytes);
    // What follows the last newline is still being written: it is told with what comes.
    const end = near + readFrom(file, near, size - near).lastIndexOf(10) + 1;
    const start = Math.max(0, end - mostBytes);
    const events: FleetEvent[] = [];
    for (const line of newestLines(file, end, start)) {
      events.push(...parse(line).filter(counts));
      if (events.length >= most) break;
    }
    return { events: events.reverse(), cut: start > 0 && events.length < most, end };
  }

  /** Events as they come, from the first or an offset on; ends after `attempt:ended`, or when `finished` says so. */
  async *follow(worker: string, n: number, finished: () => boolean, from = 0): AsyncGenerator<FleetEvent> {
    const file = this.paths.attempt(worker, n).events;
    for await (const line of followLines(file, finished, from)) {
      for (const event of parse(line)) {
        yield event;
        if (event.type === "attempt:ended") return;
      }
    }
  }
}

/** Lines of a growing file, from its start or an offset. Polls: a stat five times a second costs nothing measurable. */
export async function* followLines(file: string, finished: () => boolean, from = 0): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let offset = from;
  let rest = "";
  for (;;) {
    // Asked before reading: what was written until then is still read.
    const last = finished();
    for (;;) {
      const bytes = readFrom(file, offset, 1 << 18);
      if (bytes.length === 0) break;
      offset += bytes.length;
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    if (last) break;
    await sleep(200);
  }
  if (rest !== "") yield rest;
}

/** Nothing rests on it but what people see: a full disk must not end a healthy agent. */
function note(file: string, event: FleetEvent): void {
  try {
    appendLine(file, JSON.stringify(event));
  } catch (error) {
    if (!isOfTheMachine(error)) throw error;
  }
}

function parse(line: string): FleetEvent[] {
  try {
    const value: unknown = JSON.parse(line);
    return isEvent(value) ? [value] : [];
  } catch {
    return [];
  }
}
