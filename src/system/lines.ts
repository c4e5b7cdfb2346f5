/** Cuts a stream into lines of bounded length. */

/** Longest line that is kept whole; of a longer one the beginning is. */
const longestLine = 8 << 20;

/** Calls `line` for each line, without its newline. Ends with the stream, or when `signal` is aborted. */
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
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const pieces = decoder.decode(value, { stream: true }).split("\n");
      for (let at = 0; at < pieces.length; at++) {
        if (at > 0) flush();
        keep(pieces[at] ?? "");
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
