/** The message of a commit of an agent, as it is published in the worker's name. */
import { printable } from "../model/text.ts";
import { unlinked } from "./posted-text.ts";

const longestMessage = 20_000;
/** `Co-authored-by: ...` and the like: GitHub shows those people as authors, and tools count their word. */
const identity = /^\s*(?:[a-z][a-z-]*-by|on-behalf-of)\s*:/i;

/** Readers see the same words; nobody is named in them, called by them, and nothing is closed or left out. The same again. */
export function publishedMessage(message: string): string {
  const lines = message
    .split("\n")
    .map((line) =>
      line
        .split("\t")
        .map((part) => printable(part))
        .join("\t")
        .trimEnd(),
    )
    .filter((line) => !identity.test(line));
  const text = lines.join("\n").trim().slice(0, longestMessage).trimEnd();
  return `${unlinked(text) || "No message"}\n`;
}
