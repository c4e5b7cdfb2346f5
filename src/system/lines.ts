/** Cuts a stream into lines of bounded length. */
import { sleep, tickerMs } from "./clock.ts";

/** Longest line that is kept whole; of a longer one the beginning is. */
const longestLine = 8 << 20;
/** Longest time in which nothing else happens: one who never stops printing must not keep deadlines and orders waiting. */
const sliceMs = 20;

/**
 * Calls `line` for each line, without its newline. Ends with the stream, or when `signal` is aborted: then at once.
 * @throws what `line` throws: nothing more is read then
 */
export async function eachLine(
  stream: ReadableStream<Uint8Array>,
  line: (text: string, cut: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const reader = stream.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let length = 0;
  const flush = () => {
    const text = parts.join("");
    const cut = length > longestLine;
    // Before it is handed over: once, whatever comes of it.
    parts = [];
    length = 0;
    line(text, cut);
  };
  const keep = (text: string) => {
    if (length < longestLine) parts.push(text.slice(0, longestLine - length));
    length += text.length;
  };
  let since = tickerMs();
  try {
    for (;;) {
      // The pipe broke: what came until then counts.
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done) break;
      const pieces = decoder.decode(value, { stream: true }).split("\n");
      for (let at = 0; at < pieces.length; at++) {
        if (at > 0) flush();
        keep(pieces[at] ?? "");
        if (tickerMs() - since < sliceMs) continue;
        // A stream that always has more is read from one microtask to the next, and those come before any timer.
        await sleep(0);
        since = tickerMs();
        if (signal.aborted) return;
      }
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
  if (length > 0) flush();
}
