/**
 * What a reader of a rendered issue sees, as plain Markdown again: all the rest of a stranger's text is left behind.
 * Nothing is searched for that might hide words. The text becomes HTML, as on GitHub, and only what the page would
 * show is written down: no comment, attribute, title, unused definition or cell beyond the table can be in it.
 */
import { FleetError } from "./errors.ts";
import { FootNotes } from "./foot-notes.ts";
import { decoded, MarkdownWriter } from "./markdown-writer.ts";
import { withoutHiddenCharacters } from "./text.ts";

/** Their content is in the page, but nobody sees it. */
const unseen = new Set(
  "script style template title noembed noframes iframe textarea xmp plaintext noscript object applet video audio canvas svg math select datalist rp".split(
    " ",
  ),
);
/** An end tag of something around them does not end these. */
const shut = new Set(["template", "object", "applet", "select"]);
/** Everything after one of these is text, up to its end. Without an end GitHub shows them as words. */
const raw = ["script", "style", "title", "noembed", "noframes", "iframe", "textarea", "xmp", "plaintext", "noscript"];

/** For GitHub's Markdown a block of HTML begins with this, finished or not; for Bun's, which is newer, with its like. */
const sourceTag = /^([ \t>*+\-\d.)]*)<source(?=[\s/>]|$)/gim;
const section = "<section \ufdd5";

const deepest = 200;

/**
 * @returns the text, and how many pieces are not in it: each hidden character, and each word that the page does not show
 * @throws FleetError `github`: nested so deeply that nobody could read it, and reading it would take minutes
 */
export function visibleText(source: string): { text: string; hidden: number } {
  const notes = new FootNotes();
  const plain = notes.marked(source.replace(/\r\n?/g, "\n").replace(/^\ufeff/, ""));
  const html = Bun.markdown.html(plain.replace(sourceTag, `$1${section}`), {
    tables: true,
    strikethrough: true,
    tasklists: true,
  });
  if (depthOf(html) > deepest) {
    throw new FleetError("github", `a text of the issue has more than ${deepest} elements within each other`, {
      hint: "nobody can read that: have it edited",
    });
  }
  const writer = new MarkdownWriter(notes);
  let hiding = 0;
  new HTMLRewriter()
    .on("*", {
      element(element) {
        const name = element.tagName;
        const hides = unseen.has(name);
        if (hides) hiding++;
        else if (hiding === 0) writer.open(name, (attribute) => element.getAttribute(attribute));
        const shown = hiding === 0;
        if (!element.canHaveContent) return;
        element.onEndTag((end) => {
          if (hides && (!shut.has(name) || end.name === name)) hiding--;
          else if (shown) writer.close(name);
        });
      },
    })
    .onDocument({
      text: ({ text }) => void (hiding === 0 && writer.text(decoded(text).replaceAll(section, "<source"))),
    })
    .transform(readable(html));
  const { text, hidden } = withoutHiddenCharacters(writer.end());
  return { text, hidden: hidden + wordsMissing(source, text) };
}

/** At most so many elements are open at the same time. */
function depthOf(html: string): number {
  const open = new Map<string, number>();
  let [depth, most] = [0, 0];
  for (const [, end, name = ""] of html.matchAll(/<(\/?)([a-z][^\s/>]{0,30})/gi)) {
    const key = name.toLowerCase();
    const count = open.get(key) ?? 0;
    if (/^(?:br|hr|img|input|wbr)$/.test(key) || (end && count === 0)) continue;
    open.set(key, count + (end ? -1 : 1));
    depth += end ? -1 : 1;
    most = Math.max(most, depth);
  }
  return most;
}

/** The same for a parser of HTML that goes by the standard, where GitHub's may not. */
function readable(html: string): string {
  // Some parsers take `--!>` for the end of a comment, others read on.
  let text = html.replaceAll("--!>", "--! >");
  const low = text.toLowerCase();
  for (const name of raw) {
    const last = name === "plaintext" ? -1 : low.lastIndexOf(`</${name}`);
    text = text.replace(new RegExp(`<(?=${name}[\\s/>])`, "gi"), (open, at: number) => (at > last ? "&lt;" : open));
  }
  return text;
}

/** Words of the source that are not in the result, as often as they are missing. */
function wordsMissing(source: string, shown: string): number {
  const plain = source.replace(/&#?\w{1,31};|<\/?[a-z][a-z0-9]{0,9} {0,9}\/?>/gi, " ");
  const left = new Map<string, number>();
  for (const [word] of shown.matchAll(/\p{L}+/gu)) left.set(word, (left.get(word) ?? 0) + 1);
  let missing = 0;
  for (const [word] of plain.matchAll(/\p{L}+/gu)) {
    const count = left.get(word) ?? 0;
    if (count === 0) missing++;
    else left.set(word, count - 1);
  }
  return missing;
}
