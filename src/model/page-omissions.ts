/** What a page leaves out of its own text: cells that a table has no column for, comments and phantoms of pictures. */

const rule = /^\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?$/;
const cell = /\\.|\|/g;

/** GitHub makes a table of the last lines of a paragraph, too: cells beyond its head are not shown. */
export function cutTable(lines: readonly string[]): string[] {
  const at = lines.findIndex((line, index) => {
    const head = lines[index - 1];
    return head !== undefined && line.includes("-") && rule.test(line) && pipes(line).length === pipes(head).length;
  });
  if (at < 0 || !(lines[at] ?? "").includes("|")) return [...lines];
  const columns = pipes(lines[at] ?? "").length - 1;
  return lines.map((line, index) => {
    const bounds = pipes(line);
    return index <= at || bounds.length - 1 <= columns ? line : line.slice(0, bounds[columns]);
  });
}

/** Where cells begin and end. */
function pipes(line: string): number[] {
  const inside = [...line.matchAll(cell)].filter(([found]) => found === "|").map(({ index }) => index);
  if (!line.startsWith("|")) inside.unshift(-1);
  if (!line.endsWith("|")) inside.push(line.length);
  return inside;
}

/** @param language of a fence; null: text, which has math between dollars */
export function withoutHiddenMath(text: string, language: string | null): string {
  const kind = language?.toLowerCase();
  if (kind === "mermaid") return text.replace(/^[ \t]*%%.*$/gm, "");
  if (kind === "math") return withoutPhantoms(text.replace(/(?<!\\)%.*$/gm, ""));
  return language === null && text.includes("$") ? withoutPhantoms(text) : text;
}

/** `\phantom{...}` takes the room of a text that it does not show. */
function withoutPhantoms(text: string): string {
  const phantom = /\\[hv]?phantom\s{0,9}\{/g;
  const ends = text.includes("phantom") ? matching(text) : new Map<number, number>();
  let shown = "";
  let from = 0;
  for (let found = phantom.exec(text); found; found = phantom.exec(text)) {
    const end = ends.get(phantom.lastIndex - 1);
    if (end === undefined) continue;
    shown += text.slice(from, found.index);
    from = end + 1;
    phantom.lastIndex = from;
  }
  return shown + text.slice(from);
}

/** For each brace that opens, the one that closes it. */
function matching(text: string): Map<number, number> {
  const open: number[] = [];
  const ends = new Map<number, number>();
  for (const { 0: found, index } of text.matchAll(/\\.|[{}]/gs)) {
    if (found === "{") open.push(index);
    const begin = found === "}" ? open.pop() : undefined;
    if (begin !== undefined) ends.set(begin, index);
  }
  return ends;
}
