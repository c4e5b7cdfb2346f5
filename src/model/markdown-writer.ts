/** Writes the visible part of a page down as Markdown: told of elements and texts in their order, it knows no source. */
import type { FootNotes, Noted } from "./foot-notes.ts";
import { cutTable, withoutHiddenMath } from "./page-omissions.ts";

interface Container {
  readonly first: string;
  readonly rest: string;
  used: boolean;
}
interface Piece extends Noted {
  readonly first: string;
  readonly rest: string;
  /** The line before it. */
  readonly blank: string;
  /** Follows without a blank line. */
  readonly joins: boolean;
}
/** A link, a piece of code, a cell: from there on in what is being gathered. */
interface Span {
  readonly name: string;
  readonly href: string | null;
  at: number;
}

/** Deeper ones are written as if they were so deep: a line of a thousand quotations would be a thousand times as long. */
const deepest = 16;
const marks: Readonly<Record<string, string>> = { strong: "**", b: "**", em: "*", i: "*", del: "~~", s: "~~" };
/** All others stand in a line. */
const block =
  /^(?:p|div|h[1-8]|hr|pre|blockquote|[ou]l|li|d[ltd]|table|thead|tbody|tfoot|caption|tr|t[dh]|details|summary|section|article|header|footer|main|nav|aside|figure|figcaption|address|center|picture|form|fieldset|legend)$/;
/** Drawn as maps and bodies: their text is nowhere. */
const drawn = new Set(["geojson", "topojson", "stl"]);
/** In code, so that it is not taken for math. */
const backslash = "\ufdd4";

export class MarkdownWriter {
  private readonly pieces: Piece[] = [];
  private readonly containers: Container[] = [];
  private readonly lists: { next: number | null; inItem: boolean }[] = [];
  private readonly spans: Span[] = [];
  private gathered = "";
  private row: string[] = [];
  private rows = 0;
  private paragraphs = 0;
  private language: string | null = null;
  /** Of the footnote that the last paragraph belongs to: code after it may belong to it as well. */
  private note: string | null = null;
  /** The last paragraph is a whole item of a list without blank lines. */
  private tight = false;

  constructor(private readonly notes: FootNotes) {}

  open(name: string, attribute: (name: string) => string | null): void {
    if (this.language !== null) {
      if (name === "code") this.language ||= languageIn(attribute("class"));
      if (name === "br") this.gathered += "\n";
      return;
    }
    if (marks[name] !== undefined) this.gathered += marks[name];
    else if (name === "br") this.gathered += "\n";
    else if (name === "img") this.gathered += "[image]";
    else if (name === "input") this.gathered += attribute("type") === "checkbox" ? box(attribute("checked")) : "";
    else if (name === "a" || name === "code" || name === "tt")
      this.spans.push({ name, href: attribute("href"), at: this.gathered.length });
    else if (block.test(name)) this.openBlock(name, attribute);
  }

  private openBlock(name: string, attribute: (name: string) => string | null): void {
    // The box of a task stands before its paragraph.
    if (name !== "p" || !/^\s*\[[ x]\]\s*$/.test(this.gathered)) this.flush();
    if (name === "p") this.paragraphs++;
    if (name === "hr") this.write("---");
    if (name === "table") this.rows = 0;
    if (name === "td" || name === "th") this.spans.push({ name, href: null, at: 0 });
    if (name === "ul") this.lists.push({ next: null, inItem: false });
    if (name === "ol") this.lists.push({ next: Number(attribute("start") ?? 1) || 0, inItem: false });
    if (name === "pre") this.language = languageIn(`language-${attribute("lang") ?? ""}`);
    if (name === "blockquote") this.contain("> ", "> ");
    if (name === "li") {
      const list = this.lists.at(-1);
      if (list?.inItem) this.containers.pop();
      if (list) list.inItem = true;
      const bullet = typeof list?.next === "number" ? `${list.next++}. ` : "- ";
      this.contain(bullet, " ".repeat(bullet.length));
    }
  }

  close(name: string): void {
    if (name === "pre") this.closeCode();
    else if (this.language === null) this.closeOther(name);
  }

  private closeOther(name: string): void {
    const span = this.spans.findLastIndex((one) => one.name === name);
    if (span >= 0) this.closeSpan(span);
    else if (marks[name] !== undefined) this.gathered += marks[name];
    else if (block.test(name)) {
      this.flush(/^h\d$/.test(name) ? `${"#".repeat(Math.min(6, Number(name[1])))} ` : "");
      if (name === "tr") this.writeRow();
      if (name === "p") this.paragraphs--;
      if (name === "ul" || name === "ol") this.lists.pop();
      if (name === "blockquote" || (name === "li" && this.lists.at(-1)?.inItem !== false)) this.containers.pop();
      const list = this.lists.at(-1);
      if (name === "li" && list) list.inItem = false;
    }
  }

  text(text: string): void {
    const code = this.language !== null || this.spans.some(({ name }) => name === "code" || name === "tt");
    this.gathered += code ? this.notes.literal(text).replaceAll("\\", this.isMath() ? "\\" : backslash) : text;
  }

  /** @returns everything */
  end(): string {
    if (this.language !== null) this.closeCode();
    while (this.spans.length > 0) this.closeSpan(this.spans.length - 1);
    this.flush();
    this.writeRow();
    const lines: string[] = [];
    for (const piece of this.notes.shown(this.pieces)) {
      if (lines.length > 0 && !piece.joins) lines.push(piece.blank);
      for (const [at, line] of piece.text.split("\n").entries())
        lines.push(`${at === 0 ? piece.first : piece.rest}${line}`.trimEnd());
    }
    return lines.join("\n").replaceAll(backslash, "\\");
  }

  /** `$` before a piece of code makes math of it. */
  private isMath(): boolean {
    if (this.language !== null) return this.language.toLowerCase() === "math";
    return this.gathered[(this.spans.at(-1)?.at ?? 0) - 1] === "$";
  }

  private closeSpan(index: number): void {
    for (const { name, href, at } of this.spans.splice(index).reverse()) {
      const content = this.gathered.slice(at);
      if (name === "td" || name === "th") {
        this.gathered = this.gathered.slice(0, at);
        this.row.push(content.replace(/\s+/g, " ").replaceAll("|", "\\|").trim());
      } else {
        this.gathered = this.gathered.slice(0, at) + (name === "a" ? link(content, href) : inTicks(content));
      }
    }
  }

  private closeCode(): void {
    const [code, language] = [this.gathered.replace(/\n$/, ""), this.language ?? ""];
    this.gathered = "";
    this.language = null;
    if (drawn.has(language.toLowerCase())) return;
    this.writeRow();
    const fence = "`".repeat(Math.max(3, longestRun(code) + 1));
    // Indented code after a footnote is a part of it on GitHub.
    this.write(
      `${fence}${language}\n${withoutHiddenMath(code, language)}\n${fence}`,
      false,
      language ? null : this.note,
    );
  }

  /** What was gathered is a paragraph, or a heading. */
  private flush(before = ""): void {
    const lines = this.gathered.split("\n").map((line) => line.trim());
    this.gathered = "";
    for (const span of this.spans) span.at = 0;
    if (lines.every((line) => line === "")) return;
    this.writeRow();
    const shown = cutTable(lines.filter((line) => line !== ""));
    const tight = this.containers.length > 0 && this.paragraphs === 0 && before === "";
    this.note = null;
    let from = 0;
    for (let at = 1; at <= shown.length; at++) {
      const begun = shown[at] === undefined ? null : this.notes.begunBy(shown[at] ?? "");
      if (begun === null && at < shown.length) continue;
      this.note = this.notes.begunBy(shown[from] ?? "") ?? this.note;
      this.write(before + withoutHiddenMath(shown.slice(from, at).join("\n"), null), tight && this.tight, this.note);
      from = at;
    }
    this.tight = tight;
  }

  private writeRow(): void {
    if (this.row.length === 0) return;
    const rule = this.rows++ === 0 ? `\n|${"---|".repeat(this.row.length)}` : "";
    const text = `| ${this.row.join(" | ")} |${rule}`;
    this.row = [];
    this.write(withoutHiddenMath(text, null), this.rows > 1);
  }

  private write(text: string, joins = false, note: string | null = null): void {
    this.tight = false;
    const prefix = (one: Container) => (one.used ? one.rest : one.first);
    const first = this.containers.map(prefix).join("");
    const blank = this.containers.map(({ used, rest }) => (used ? rest : "")).join("");
    for (const one of this.containers) one.used = true;
    const rest = this.containers.map(prefix).join("");
    this.pieces.push({ text, first, rest, blank: blank.trimEnd(), joins, note });
  }

  private contain(first: string, rest: string): void {
    const flat = this.containers.length >= deepest;
    this.containers.push({ first: flat ? "" : first, rest: flat ? "" : rest, used: false });
  }
}

const box = (checked: string | null) => (checked === null ? "[ ] " : "[x] ");

/** Nobody sees this word: it may be the name of a language, and no more. */
function languageIn(classes: string | null): string {
  return /^language-([\w+#.-]{1,20})$/.exec(classes ?? "")?.[1] ?? "";
}

/** A link that can't be seen is none; an address that can be followed is worth knowing. */
function link(content: string, href: string | null): string {
  const address = decoded(href ?? "");
  const followed = /^(?:https?:|mailto:|[^:\s]*(?:[/?#]|$))/i.test(address) && /^[^\s<>]{1,1000}$/.test(address);
  const text = content.trim();
  if (text === "" || text === "[image]" || !followed) return content;
  return [address, address.replace(/^(?:mailto:|http:\/\/)/, "")].includes(text) ? text : `[${content}](${address})`;
}

function inTicks(content: string): string {
  if (content.trim() === "") return content;
  const ticks = "`".repeat(longestRun(content) + 1);
  return ticks.length > 1 ? `${ticks} ${content} ${ticks}` : `\`${content}\``;
}

function longestRun(text: string): number {
  let longest = 0;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  return longest;
}

const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", nbsp: "\u00a0" };
const unseen =
  /^(?:ZeroWidthSpace|NoBreak|NegativeThinSpace|zwn?j|lrm|rlm|shy|InvisibleTimes|InvisibleComma|ApplyFunction|it|ic|af)$/;

/** Of references, those that matter: what is left of others is seen as it was written. */
export function decoded(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{1,31}));/gi,
    (whole, hex?: string, decimal?: string, name = "") => {
      if (unseen.test(name)) return "\u200b";
      if (name !== "") return named[name] ?? whole;
      const point = hex ? Number.parseInt(hex, 16) : Number(decimal);
      return point > 0x10ffff || (point >= 0xfdd0 && point <= 0xfdef) ? "" : String.fromCodePoint(point);
    },
  );
}
