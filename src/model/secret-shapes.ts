/** Shapes of credentials that must not be published, wherever they would stand in a change. */
import { KnownScan, unescaped } from "./known-secrets.ts";

const shapes: readonly (readonly [name: string, shape: RegExp])[] = [
  ["a GitHub token", /\b(?:gh[pousr]_[A-Za-z0-9_]{36,}|github_pat_[A-Za-z0-9_]{22,})/],
  ["an Anthropic key", /\bsk-ant-[A-Za-z0-9_-]{20,}/],
  ["an AWS access key", /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ["a private key", /-----BEGIN (?:[A-Z]+ ){0,4}PRIVATE KEY-----/],
  ["a Slack token", /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/],
  ["a Google API key", /\bAIza[0-9A-Za-z_-]{35}\b/],
  ["an npm token", /\bnpm_[A-Za-z0-9]{36}\b/],
];

export interface FoundSecret {
  readonly what: string;
  readonly file: string;
  /** Line in the new version of the file; 0: the name of the file itself. */
  readonly line: number;
}

export interface AddedLine {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/**
 * The added lines of unified diffs, and the names of their files as line 0. Lines are told by the counts of their hunk: an
 * added line may look like a header.
 */
export function* addedLines(diff: string): Generator<AddedLine> {
  let file = "";
  let line = 0;
  let [before, after] = [0, 0];
  for (const row of rowsOf(diff)) {
    if (before > 0 || after > 0) {
      if (row.startsWith("+")) yield { file, line, text: row.slice(1) };
      if (!row.startsWith("-") && !row.startsWith("\\")) {
        after--;
        line++;
      }
      if (!row.startsWith("+") && !row.startsWith("\\")) before--;
      continue;
    }
    const counts = hunk.exec(row);
    if (counts) {
      [before, line, after] = [Number(counts[1] ?? 1), Number(counts[2]), Number(counts[3] ?? 1)];
    } else if (row.startsWith("+++ ")) {
      file = row.slice(4).replace(/^"?b\//, "");
    } else if (/^(?:diff --git|rename to|copy to) /.test(row)) {
      // Empty files have no other header.
      yield { file: row.slice(row.indexOf(" ") + 1), line: 0, text: row };
    }
  }
}

/** A diff of 64 MiB is not to be there twice. */
function* rowsOf(text: string): Generator<string> {
  for (let from = 0; from <= text.length; ) {
    const end = text.indexOf("\n", from);
    if (end === -1) return yield text.slice(from);
    yield text.slice(from, end);
    from = end + 1;
  }
}

/** @param known values that must not appear whatever their shape, in no form */
export function findSecrets(diff: string, known: readonly string[]): FoundSecret[] {
  const found: FoundSecret[] = [];
  const scan = new KnownScan(known);
  // Counts the lines of a file on its own: pieces in two files are no neighbours, two hunks are.
  let [file, offset, last] = ["", 0, 0];
  for (const added of addedLines(diff)) {
    if (added.file !== file || added.line < last) offset += last + 100;
    [file, last] = [added.file, added.line];
    const isKnown = scan.in(added.text, offset + added.line);
    const what = isKnown ? ofTheFleet : shapeIn(added.text);
    if (what !== null) found.push({ what, file: added.file, line: added.line });
  }
  return found;
}

/** What kind of secret a text contains; null for none. */
export function secretIn(text: string, known: readonly string[]): string | null {
  const scan = new KnownScan(known);
  let line = 0;
  for (const row of rowsOf(text)) if (scan.in(row, line++)) return ofTheFleet;
  return shapeIn(text);
}

const ofTheFleet = "a credential of this fleet";

function shapeIn(text: string): string | null {
  const plain = unescaped(text);
  return shapes.find(([, shape]) => shape.test(text) || (plain !== text && shape.test(plain)))?.[0] ?? null;
}
