/** Looks for secrets in everything that is about to be published. */
import { isPlaceholder } from "../model/secret-places.ts";
import { type AddedLine, addedLines, type FoundSecret, findSecrets, secretIn } from "../model/secret-shapes.ts";
import { matchRules } from "../system/secret-rules.ts";

/** A rule sees so much at a time, so that time and memory stay bounded whatever the change is. */
const chunkChars = 1 << 20;
/** Lines that are seen twice: a key may begin in one chunk and end in the next. */
const overlap = 64;

/** @param known values that must not appear in any form. @returns the first one, without its text */
export async function secretInChange(diff: string, known: readonly string[]): Promise<FoundSecret | null> {
  const [first] = findSecrets(diff, known);
  if (first) return first;
  let lines: AddedLine[] = [];
  let chars = 0;
  for (const line of addedLines(diff)) {
    lines.push(line);
    chars += line.text.length + 1;
    if (chars < chunkChars) continue;
    const found = await byRules(lines);
    if (found) return found;
    lines = lines.slice(-overlap).filter(({ text }) => text.length < 1000);
    chars = 0;
  }
  return await byRules(lines);
}

/** What kind of secret a text contains; null for none. */
export async function secretInText(text: string, known: readonly string[]): Promise<string | null> {
  const what = secretIn(text, known);
  if (what !== null) return what;
  const found = await byRules(text.split("\n").map((text, at) => ({ file: "", line: at, text })));
  return found?.what ?? null;
}

async function byRules(lines: readonly AddedLine[]): Promise<FoundSecret | null> {
  const matches = await matchRules(lines.map(({ text }) => text).join("\n"), "change.txt");
  const match = matches.find(({ text }) => !isPlaceholder(text));
  if (!match) return null;
  let end = 0;
  for (const { file, line, text } of lines) {
    end += text.length + 1;
    if (match.at < end) return { what: `a secret (${match.rule})`, file, line };
  }
  return null;
}
