import { expect, test } from "bun:test";
import { eachLine } from "../../src/system/lines.ts";

const longest = 8 << 20;

async function cutUp(chunks: Iterable<string | Uint8Array>, signal = new AbortController().signal) {
  const lines: [text: string, cut: boolean][] = [];
  const stream = new ReadableStream<Uint8Array>({
    start(to) {
      for (const chunk of chunks) to.enqueue(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
      to.close();
    },
  });
  await eachLine(stream, (text, cut) => lines.push([text, cut]), signal);
  return lines;
}
const texts = async (...chunks: (string | Uint8Array)[]) => (await cutUp(chunks)).map(([text]) => text);

test("lines, wherever the chunks end", async () => {
  expect(await texts("a\nb\nc\n")).toEqual(["a", "b", "c"]);
  expect(await texts("a", "\n", "b\n", "c")).toEqual(["a", "b", "c"]);
  expect(await texts("\n\n", "a\n")).toEqual(["", "", "a"]);
  expect(await texts("a\r\nb")).toEqual(["a\r", "b"]);
  expect(await texts("")).toEqual([]);
});

test("a character whose bytes come apart", async () => {
  const bytes = new TextEncoder().encode("ä💥\n日\n");
  for (let at = 0; at <= bytes.length; at++)
    expect(await texts(bytes.subarray(0, at), bytes.subarray(at))).toEqual(["ä💥", "日"]);
  expect(await texts(...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(["ä💥", "日"]);
});

test("bytes that are no text", async () => {
  expect(await texts(Uint8Array.of(0xff, 0xfe, 10, 0x80, 10))).toEqual(["\ufffd\ufffd", "\ufffd"]);
});

test("of a line of 20 MB the beginning is kept, and the next line is whole", async () => {
  const piece = "x".repeat(1 << 20);
  const lines = await cutUp([...Array.from({ length: 20 }, () => piece), "y\nshort\n"]);
  expect(lines.map(([text, cut]) => [text.length, cut])).toEqual([
    [longest, true],
    [5, false],
  ]);
});

test("an abort ends it, though the stream goes on", async () => {
  const aborting = new AbortController();
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (to) => void to.enqueue(new TextEncoder().encode("line\n")),
    cancel: () => {
      cancelled = true;
    },
  });
  let lines = 0;
  await eachLine(endless, () => ++lines === 10 && aborting.abort(), aborting.signal);
  expect(lines).toBeGreaterThanOrEqual(10);
  expect(cancelled).toBe(true);
});

test("what came before the pipe broke counts", async () => {
  const broken = new ReadableStream<Uint8Array>({
    start: (to) => to.enqueue(new TextEncoder().encode("a\nb")),
    pull: (to) => to.error(new Error("EIO")),
  });
  const lines: string[] = [];
  await eachLine(broken, (line) => lines.push(line), new AbortController().signal);
  expect(lines).toEqual(["a", "b"]);
});

test("who can't take a line says so once, and gets no other", async () => {
  for (const text of ["a\nb\nc", "a\nb"]) {
    const taken: string[] = [];
    const stream = new Response(text).body as ReadableStream<Uint8Array>;
    const take = (line: string) => {
      taken.push(line);
      if (line === "b") throw new Error("not that one");
    };
    const told = await eachLine(stream, take, new AbortController().signal).catch((error: unknown) => String(error));
    expect([told, taken]).toEqual(["Error: not that one", ["a", "b"]]);
  }
});

test("timers come to their turn, however fast somebody prints", async () => {
  const chunk = new TextEncoder().encode("y\n".repeat(1000));
  let chunks = 0;
  let fired = 0;
  const timer = setInterval(() => fired++, 5);
  const endless = new ReadableStream<Uint8Array>({
    pull(to) {
      if (++chunks > 2000) to.close();
      else to.enqueue(chunk);
    },
  });
  let lines = 0;
  await eachLine(endless, () => void lines++, new AbortController().signal);
  clearInterval(timer);
  expect(lines).toBe(2_000_000);
  expect(fired).toBeGreaterThan(3);
});
