/** The prompt of a command line: its text, a file, or standard input. Read only so far as a prompt may reach. */
import { closeSync, openSync, readSync } from "node:fs";
import { FleetError } from "../model/errors.ts";
import { longestPrompt } from "../model/prompt.ts";

/** @param given text, `@FILE` or `-`. @throws FleetError `usage` */
export async function promptOf(given: string): Promise<string> {
  if (given !== "-" && !given.startsWith("@")) return given;
  let bytes: Uint8Array;
  try {
    bytes = given === "-" ? await standardInput(longestPrompt + 1) : beginningOf(given.slice(1), longestPrompt + 1);
  } catch (error) {
    throw new FleetError("usage", `the prompt file can't be read: ${error instanceof Error ? error.message : error}`, {
      hint: "-p @FILE reads a file, -p - standard input",
    });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FleetError("usage", "the prompt is not UTF-8 text");
  }
}

// One byte more than is allowed shows that there is more; a device or a pipe may never end.

async function standardInput(most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of Bun.stdin.stream()) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= most) break;
  }
  return Buffer.concat(chunks).subarray(0, most);
}

function beginningOf(path: string, most: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(most);
    let size = 0;
    while (size < most) {
      const count = readSync(file, bytes, size, most - size, null);
      if (count === 0) break;
      size += count;
    }
    return bytes.subarray(0, size);
  } finally {
    closeSync(file);
  }
}
