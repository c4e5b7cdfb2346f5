/** Words for a POSIX shell: whatever they hold, they arrive as they are. */

// Not with `=` first: zsh would look for a command of that name.
const plain = /^[A-Za-z0-9_@+:,./-][A-Za-z0-9_@+=:,./-]*$/;

/** One word. What needs no quotes gets none, so that lines stay readable. @throws RangeError on NUL, which no argument can hold */
export function shellWord(word: string): string {
  if (word.includes("\0")) throw new RangeError("an argument can't hold a NUL");
  return plain.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command line that hands over exactly these words. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => shellWord(word)).join(" ");
}
