/** Shapes of credentials that must not be published. */

const shapes: readonly (readonly [name: string, shape: RegExp])[] = [
  ["a GitHub token", /\b(?:gh[pousr]_[A-Za-z0-9_]{36,}|github_pat_[A-Za-z0-9_]{22,})/],
  ["an Anthropic key", /\bsk-ant-[A-Za-z0-9_-]{20,}/],
  ["an AWS access key", /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ["a private key", /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ["a Slack token", /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/],
  ["a Google API key", /\bAIza[0-9A-Za-z_-]{35}\b/],
  ["an npm token", /\bnpm_[A-Za-z0-9]{36}\b/],
];

export interface FoundSecret {
  readonly what: string;
  readonly file: string;
  /** Line in the new version of the file. */
  readonly line: number;
}

const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/**
 * Looks through the added lines of unified diffs. Lines are told by the counts of their hunk: an added line may look like
 * a header.
 * @param known values that must not appear whatever their shape
 */
export function findSecrets(diff: string, known: readonly string[]): FoundSecret[] {
  const found: FoundSecret[] = [];
  let file = "";
  let line = 0;
  let [before, after] = [0, 0];
  for (const row of diff.split("\n")) {
    if (before > 0 || after > 0) {
      if (row.startsWith("+")) {
        const what = secretIn(row, known);
        if (what !== null) found.push({ what, file, line });
      }
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
    }
  }
  return found;
}

/** What kind of secret a text contains; null for none. */
export function secretIn(text: string, known: readonly string[]): string | null {
  if (known.some((value) => value.length >= 8 && text.includes(value))) return "a credential of this fleet";
  return shapes.find(([, shape]) => shape.test(text))?.[0] ?? null;
}
