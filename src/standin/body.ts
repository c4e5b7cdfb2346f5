/** What a client sends, as bytes and as JSON. */
import type { IncomingMessage } from "node:http";
import { Refusal } from "./http.ts";

/** GitHub's bodies are smaller; ours must not fill the memory. */
const longestBody = 10 * 1024 * 1024;

/** @throws Error where its client leaves before it has sent all of it */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestBody) throw new Error("the body is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

export function jsonBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "Problems parsing JSON");
  }
}
