/** Lines of a file of ours from its end on, newest first. */
import { readFrom, sizeOf } from "../system/files.ts";

const blockBytes = 256 << 10;

/**
 * Reads only as much as the caller takes.
 * @param to the end of the last line, or of the file. @param from nothing before it is read, and no line that began there
 */
export function* newestLines(file: string, to = sizeOf(file), from = 0): Generator<string> {
  let end = to;
  let rest: Uint8Array = new Uint8Array(0);
  while (end > from) {
    const start = Math.max(from, end - blockBytes);
    const block = Buffer.concat([readFrom(file, start, end - start), rest]);
    const cut = start === 0 ? 0 : block.indexOf(10) + 1;
    end = start;
    rest = block;
    if (cut === 0 && start > 0) continue;
    const lines = block.subarray(cut).toString("utf8").split("\n");
    for (let at = lines.length - 1; at >= 0; at--) if (lines[at]) yield lines[at] as string;
    rest = block.subarray(0, cut);
  }
}
