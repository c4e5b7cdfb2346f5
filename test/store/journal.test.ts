/** Events and ends on disk: only what is asked for is read, and a line that is still being written is waited for. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { fleetPaths } from "../../src/model/paths.ts";
import { History } from "../../src/store/history.ts";
import { followLines, Journal } from "../../src/store/journal.ts";
import { anEnd } from "../model/records.ts";
import { newFolder } from "../system/folder.ts";

const folder = newFolder(true);
afterAll(() => folder.remove());
let paths: ReturnType<typeof fleetPaths>;
let journal: Journal;
let events: string;
beforeEach(() => {
  paths = fleetPaths(folder.in(crypto.randomUUID()));
  journal = new Journal(paths);
  fs.mkdirSync(paths.attempt("01", 1).folder, { recursive: true });
  events = paths.attempt("01", 1).events;
});

describe("recent", () => {
  test("nothing yet, and what is no event", () => {
    expect(journal.recent("01", 1)).toEqual([]);
    fs.writeFileSync(events, 'null\n7\n[]\n{}\n{"type":"x"}\nnot json\n\n');
    expect(journal.recent("01", 1)).toEqual([]);
    journal.append("01", 1, { type: "warning", message: "a" });
    expect(journal.recent("01", 1)).toMatchObject([{ type: "warning", message: "a", worker: "01", attempt: "01-1" }]);
  });
  test("what a newer version says, and what lacks a field, is no event: nobody who shows events has to expect it", () => {
    const from = { at: "t", worker: "01", attempt: "01-1" };
    const usage = { ...from, type: "agent:usage", turns: 1, costUsd: null, tokens: anEnd.tokens };
    const broken = [
      { ...from, type: "agent:pondered", about: "x" },
      { ...usage, tokens: undefined },
      { ...usage, tokens: { input: 1 } },
      { ...usage, costUsd: "0.1" },
      { ...usage, at: 7 },
      { ...from, type: "toString" },
    ];
    fs.writeFileSync(events, [...broken, usage].map((one) => `${JSON.stringify(one)}\n`).join(""));
    expect(journal.recent("01", 1)).toEqual([usage as never]);
  });
  test("of a huge file only the tail is read, in the middle of a character or not", () => {
    const line = `${JSON.stringify({ at: "t", worker: "01", attempt: "01-1", type: "warning", message: "ä日💥".repeat(20) })}\n`;
    const filler = fs.openSync(events, "w");
    fs.writeSync(filler, line.repeat(1000));
    fs.ftruncateSync(filler, 2 ** 36); // Sparse: reading it whole would take minutes.
    fs.closeSync(filler);
    for (let shift = 0; shift < 5; shift++) {
      fs.appendFileSync(events, `\n${"x".repeat(shift)}\n${line.repeat(400)}`);
      const started = performance.now();
      const found = journal.recent("01", 1);
      expect(performance.now() - started).toBeLessThan(1000);
      expect(found.length).toBeGreaterThan(200);
      expect(found.length * line.length).toBeLessThan(64 << 10);
      for (const event of found) expect(event).toEqual(JSON.parse(line));
    }
  });
  test("a folder in its place is no events", () => {
    fs.mkdirSync(events);
    expect(journal.recent("01", 1)).toEqual([]);
  });
});

test("a chatty agent does not fill the disk, what matters is still noted", () => {
  fs.writeFileSync(events, "");
  fs.truncateSync(events, 17 << 20);
  const before = fs.statSync(events).size;
  journal.append("01", 1, { type: "agent:activity", kind: "text", text: "x" });
  expect(fs.statSync(events).size).toBe(before);
  journal.append("01", 1, { type: "attempt:ended", outcome: "delivered", reason: "x" });
  expect(journal.recent("01", 1)).toMatchObject([{ type: "attempt:ended" }]);
});

describe("follow", () => {
  test("a line that is written in pieces, through the middle of a character", async () => {
    const bytes = Buffer.from('{"at":"t","worker":"01","attempt":null,"type":"warning","message":"ä💥"}\n');
    let done = false;
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const event of journal.follow("01", 1, () => done)) seen.push(event);
    })();
    for (const byte of bytes) {
      fs.appendFileSync(events, Uint8Array.of(byte));
      if (byte > 127) await Bun.sleep(60); // So that some poll of it falls between the bytes.
    }
    while (seen.length === 0) await Bun.sleep(5);
    expect(seen).toEqual([{ at: "t", worker: "01", attempt: null, type: "warning", message: "ä💥" }]);
    fs.appendFileSync(events, '{"at":"t","worker":"01","attempt":null,"type":"warning","message":"no newline yet"}');
    done = true;
    await reading;
    expect(seen).toHaveLength(2);
  });
  test("ends with the attempt, whoever asks for more", async () => {
    journal.append("01", 1, { type: "warning", message: "a" });
    journal.append("01", 1, { type: "attempt:ended", outcome: "stopped", reason: "" });
    journal.append("01", 1, { type: "warning", message: "b" });
    const seen = [];
    for await (const event of journal.follow("01", 1, () => false)) seen.push(event.type);
    expect(seen).toEqual(["warning", "attempt:ended"]);
  });
  test("waits for a file that is not there yet; reads 50 MB without holding it", async () => {
    const file = folder.in("lines");
    let done = false;
    const count = (async () => {
      let lines = 0;
      for await (const line of followLines(file, () => done)) lines += line.length === 999 ? 1 : 0;
      return lines;
    })();
    const block = `${"x".repeat(999)}\n`.repeat(1000);
    for (let part = 0; part < 50; part++) fs.appendFileSync(file, block);
    done = true;
    expect(await count).toBe(50_000);
  });
  test("from an offset", async () => {
    fs.writeFileSync(folder.in("some"), "one\ntwo\nthree\n");
    const lines = [];
    for await (const line of followLines(folder.in("some"), () => true, 4)) lines.push(line);
    expect(lines).toEqual(["two", "three"]);
  });
});

describe("history", () => {
  const history = () => new History(paths);
  const write = (lines: number, extra = "") => {
    fs.mkdirSync(paths.control, { recursive: true });
    const parts: string[] = [];
    for (let n = 1; n <= lines; n++)
      parts.push(JSON.stringify({ ...anEnd, attempt: `01-${n}`, reason: `ä💥${extra}` }));
    fs.writeFileSync(paths.history, `${parts.join("\n")}\n`);
  };
  test("nothing yet", () => expect([...history().newestFirst()]).toEqual([]));
  test("100,000 ends, newest first, none lost at the edges of blocks", () => {
    write(100_000);
    let expected = 100_000;
    for (const end of history().newestFirst()) {
      if (end.attempt !== `01-${expected}` || end.reason !== "ä💥")
        throw new Error(`${end.attempt} instead of 01-${expected}`);
      expected--;
    }
    expect(expected).toBe(0);
  });
  test("reads only what is taken", () => {
    write(10);
    const size = 2 ** 36;
    const tail = fs.readFileSync(paths.history);
    fs.truncateSync(paths.history, size); // Sparse, in front of the ten.
    fs.appendFileSync(paths.history, Buffer.concat([Buffer.from("\n"), tail]));
    const before = readBytes();
    const ends = [];
    for (const end of history().newestFirst()) {
      ends.push(end.attempt);
      if (ends.length === 10) break;
    }
    expect(ends[0]).toBe("01-10");
    expect(readBytes() - before).toBeLessThan(2 << 20);
  });
  test("since a time: one that ended while the clock was wrong hides no others; after a thousand old ones nobody looks on", () => {
    const endedAt = "2020-01-01T00:00:00.000Z";
    const since = "2026-01-01T00:00:00.000Z";
    const lines = (old: number) => {
      const olds = Array.from({ length: old }, (_, n) => ({ ...anEnd, attempt: `03-${n}`, endedAt }));
      return [anEnd, ...olds, { ...anEnd, attempt: "02-1" }].map((end) => `${JSON.stringify(end)}\n`).join("");
    };
    const found = () => Array.from(history().endedSince(since), ({ attempt }) => attempt);
    fs.mkdirSync(paths.control, { recursive: true });
    for (const old of [1, 999]) {
      fs.writeFileSync(paths.history, lines(old));
      expect(found()).toEqual(["02-1", "01-1"]);
    }
    fs.writeFileSync(paths.history, lines(1000));
    expect(found()).toEqual(["02-1"]);
  });
  test("a number that came again, after the records were moved away, is another attempt; each is told once", () => {
    const again = { ...anEnd, startedAt: "2026-11-21T10:00:00.000Z", endedAt: "2026-11-21T10:01:00.000Z" };
    fs.mkdirSync(paths.control, { recursive: true });
    for (const end of [anEnd, again, again, anEnd]) history().complete(end);
    fs.appendFileSync(paths.history, `${JSON.stringify(again)}\n`);
    expect(Array.from(history().newestFirst(), ({ startedAt }) => startedAt)).toEqual([
      again.startedAt,
      anEnd.startedAt,
    ]);
  });
  test("lines longer than a block, broken lines, no newline at the end", () => {
    write(3, "x".repeat(600_000));
    fs.appendFileSync(paths.history, `{"version":1,"half\n\n[]\n${JSON.stringify({ ...anEnd, attempt: "01-4" })}`);
    expect([...history().newestFirst()].map(({ attempt }) => attempt)).toEqual(["01-4", "01-3", "01-2", "01-1"]);
  });
});

/** Bytes that this process has read so far, by the kernel's count. */
function readBytes(): number {
  return Number(/^rchar: (\d+)/m.exec(fs.readFileSync("/proc/self/io", "utf8"))?.[1]);
}
