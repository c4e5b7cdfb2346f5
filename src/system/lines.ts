/** Cuts a stream into lines of bounded length. */

/** Longest line that is kept whole; of a longer one the beginning is. */
const longestLine = 8 << 20;
/** Longest time in which nothing else happens: one who never stops printing must not keep deadlines and orders waiting. */
const sliceMs = 20;

/** Calls `line` for each line, without its newline. Ends with the stream, or when `signal` is aborted: then at once. */
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
    line(parts.join(""), length > longestLine);
    parts = [];
    length = 0;
  };
  const keep = (text: string) => {
    if (length < longestLine) parts.push(text.slice(0, longestLine - length));
    length += text.length;
  };
  let since = performance.now();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const pieces = decoder.decode(value, { stream: true }).split("\n");
      for (let at = 0; at < pieces.length; at++) {
        if (at > 0) flush();
        keep(pieces[at] ?? "");
        if (performance.now() - since < sliceMs) continue;
        await othersTurn();
        since = performance.now();
        if (signal.aborted) return;
      }
      // Somebody who prints faster than we read would keep every timer waiting, and with them each limit and each stop.
      await new Promise((done) => setImmediate(done));
    }
  } catch {
    // The pipe broke: what came until then counts.
  } finally {
    signal.removeEventListener("abort", stop);
  }
  if (length > 0) flush();
}

/** Timers, too: a stream that always has more is read from one microtask to the next, and those come first. */
const othersTurn = () => new Promise<void>((go) => setTimeout(go, 0));
