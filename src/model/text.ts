/** Text by strangers: made safe to show on a terminal, or to hand to an agent without what its readers can't see. */

/** ESC or C1 sequences: CSI, the strings OSC DCS SOS PM APC up to their terminator (or the end), and two-byte ones. */
const escapeSequence =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?/g;
const lineBreak = /\r\n?|[\n\t\v\f\x85\u2028\u2029]/g;
/** Controls, bidi, zero-width and tag characters, fillers, variation selectors, halves of surrogate pairs. */
const invisible = /[\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]/gu;

/**
 * One line that a terminal shows as it is: no escape sequence, control, bidi or zero-width character is left; line
 * breaks and tabs are spaces.
 * @param max most characters (code points), the ellipsis of a longer text included. Default: no bound
 */
export function printable(text: string, max = Number.POSITIVE_INFINITY): string {
  // A code point is at most two units and escapes are dropped first, so a bounded look at a huge text is enough.
  const looked = Number.isFinite(max) ? text.slice(0, max * 64 + 4096) : text;
  const clean = looked.replace(escapeSequence, "").replace(lineBreak, " ").replace(invisible, "");
  if (clean.length <= max && looked.length === text.length) return clean;
  const points = Array.from(clean);
  return points.length <= max && looked.length === text.length ? clean : `${points.slice(0, max - 1).join("")}…`;
}

const obeyed =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]/gu;

/** The same JSON document, or what ought to be one, without what a terminal obeys or hides. */
export function escapedJson(json: string): string {
  const unit = (text: string, at: number) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return json.replace(obeyed, (found) => Array.from({ length: found.length }, (_, at) => unit(found, at)).join(""));
}

/** Emoji joined by zero-width joiners or shown in colour by U+FE0F: the only use of those that a reader sees. */
const emoji =
  /(?:\p{Extended_Pictographic}|[0-9#*](?=\ufe0f\u20e3))\ufe0f?\p{Emoji_Modifier}?(?:\u200d\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}?)*/u;
const hiddenCharacter = /[\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]/u;
/** Emoji (kept), else one hidden character. Newline and tab are text. */
const emojiOrHidden = new RegExp(`(${emoji.source})|(?![\\n\\t])${hiddenCharacter.source}`, "gu");

/** Takes out characters that no font shows: zero-width, bidi, tag, control, variation selectors outside of emoji. */
export function withoutHiddenCharacters(text: string): { text: string; hidden: number } {
  let hidden = 0;
  const visible = text.replace(/\r\n?/g, "\n").replace(emojiOrHidden, (_, kept?: string) => {
    if (kept === undefined) hidden++;
    return kept ?? "";
  });
  return { text: visible, hidden };
}
