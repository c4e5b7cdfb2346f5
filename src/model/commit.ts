/** A commit as git keeps it: header lines, an empty line, the message. */

export interface CommitText {
  readonly tree: string;
  readonly parents: readonly string[];
  /** `1763700000 +0100`: when, as git writes it. */
  readonly authored: string;
  readonly committed: string;
  readonly message: string;
}

/** @returns null for what is no commit that git would make */
export function parseCommit(text: string): CommitText | null {
  const end = text.indexOf("\n\n");
  const head = end < 0 ? text : text.slice(0, end);
  const all = (name: string) =>
    head.split("\n").flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []));
  const when = (name: string) => /> (\d{1,12} [+-]\d{4})$/.exec(all(name)[0] ?? "")?.[1];
  const [tree, authored, committed] = [all("tree")[0], when("author"), when("committer")];
  if (tree === undefined || authored === undefined || committed === undefined) return null;
  return { tree, parents: all("parent"), authored, committed, message: end < 0 ? "" : text.slice(end + 2) };
}

/** The same content by somebody: only what is named here, no signature, encoding or other header. */
export function commitBy(who: { readonly name: string; readonly email: string }, commit: CommitText): string {
  const person = `${who.name} <${who.email}>`;
  return [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${person} ${commit.authored}`,
    `committer ${person} ${commit.committed}`,
    "",
    commit.message,
  ].join("\n");
}
