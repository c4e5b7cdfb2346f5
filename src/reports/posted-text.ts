/**
 * Words of an agent, as they are posted in the fleet's name: read they are the same, but nothing looks at them and acts.
 * An invisible character stands where GitHub, its runners or other programs would see something begin.
 */
import { printable } from "../model/text.ts";

const joiner = "\u2060";
const longestProse = 20_000;

const mention = /@(?=[A-Za-z0-9])/g;
/** With what GitHub takes for an issue after it, also as a link, as an address, without a space. */
const closing =
  /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|duplicate\s+of)(?=[\s:]*[*_~`"'[(<\\]*(?:#|GH-\d|https?:\/\/|\[)|[\s:]+[*_~`"'[(<]*[\w.-]{1,100}\/[\w.-]{1,100}\\?#)/gi;
/** What it closes may stand at the beginning of the next line. */
const closingAtEnd = /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|duplicate(?:\s+of)?)\s*:?$/i;
/** No checks are run for a push whose newest message says one of these. A squashed pull request's message is its text. */
const unchecked =
  /\[(?=(?:[\w-]{1,30}[ -])?skip(?:[ -][\w-]{1,30})?\]|no[ -]ci\])|\bskip-checks(?=\s*:)|\*{3}(?=NO_CI\*)/gi;
/** `/approve`, `/close`: programs that read comments and messages obey these. */
const command = /^([ \t]*)(?=\/[A-Za-z])/gm;
/** Each makes an entry in the history of another issue, in whatever repository. */
const reference = /#(?=\d)|\bGH-(?=\d)|\/(?:issues|pulls?|discussions|commits?)\\?\/(?=\d|[0-9a-f]{7})/gi;
/** A tag, a destination, a definition, an image, a footnote, a box that is no quotation. */
const markup = /<(?=[A-Za-z/!?])|\](?=[(:])|!(?=\[)|\[(?=[\^!])/g;
/** References become characters before GitHub looks for names and numbers. */
const entity = /&(?=#|[A-Za-z][A-Za-z0-9]*;)/g;
/** GitHub draws these, with what they load; or lets a click write them into a file. */
const drawn = /^([\s>*+\-\d.)]*(?:`{3,}|~{3,})\s*)(?=mermaid|math|geojson|topojson|stl|suggestion)/i;
const fence = /^[\s>*+\-\d.)]*(?:`{3,}|~{3,})/;

/** Where nothing is rendered: nobody is called, nothing closed, referred to, commanded, or kept from being checked. */
export function unlinked(text: string): string {
  return inCode(text).replace(reference, `$&${joiner}`);
}

/** Some programs read code like text. */
function inCode(text: string): string {
  return text
    .replace(mention, `$&${joiner}`)
    .replace(closing, `$&${joiner}`)
    .replace(unchecked, `$&${joiner}`)
    .replace(command, `$1${joiner}`)
    .replace(/<(?=!--)/g, `$&${joiner}`);
}

/** A line where Markdown is rendered. */
export function harmless(line: string): string {
  return unlinked(line.replace(entity, `$&${joiner}`))
    .replace(markup, `$&${joiner}`)
    .replace(drawn, `$1${joiner}`);
}

/** Prose of an agent as a quotation, with nothing in it that leaves it, loads something or does something. */
export function quote(prose: string): string {
  const cut = prose.length > longestProse ? `${prose.slice(0, longestProse)}\n[...]` : prose;
  const isCode = codeLines();
  return cut
    .trim()
    .split("\n")
    .map((line) => printable(line).trimEnd())
    .map((line) => (isCode(line) ? inCode(line) : harmless(line)))
    .map((line) => `> ${line}`.trimEnd().replace(closingAtEnd, `$&${joiner}`))
    .join("\n");
}

/**
 * Tells of each line whether every reader of Markdown takes it for code: a fence at the very left, whatever stands before
 * it, up to its end. After one that stands elsewhere nothing is certain.
 */
function codeLines(): (line: string) => boolean {
  let open: string | null = null;
  let certain = true;
  return (line) => {
    if (open !== null) {
      const ends = new RegExp(`^ {0,3}${open[0]}{${open.length},}$`).test(line);
      if (ends) open = null;
      return !ends;
    }
    const begun = /^(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(line);
    if (begun && certain) open = begun[1] ?? begun[2] ?? null;
    else if (fence.test(line)) certain = false;
    return false;
  };
}
