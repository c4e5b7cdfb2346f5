/**
 * Finds values that are known to be secret in the forms in which they are carried out by accident or without much thought:
 * plain, in capitals or small letters, as UTF-16, base64, base32, hex, escaped, URL-encoded, reversed, and cut into pieces
 * over a few lines. An encoding of somebody's own choice can't be found. One pass, with memory that does not grow with the text.
 */

/** Credentials that were made while this process runs: no longer known beforehand, and as secret. */
export const minted = new Set<string>();

const shortest = 8;
/** Shorter values are found in one line alone: pieces of them would be found by chance. */
const shortestSplit = 24;
const mostLines = 8;
const gram = 4;

/** All forms of the values, longest first: one form may contain another. */
export function formsOf(values: readonly string[]): string[] {
  const forms = values.filter((value) => value.length >= shortest).flatMap(formsOfOne);
  return [...new Set(forms)].sort((one, other) => other.length - one.length);
}

function formsOfOne(value: string): string[] {
  const bytes = Buffer.from(value);
  const hex = bytes.toString("hex");
  const wide = Buffer.from(value, "utf16le");
  const percent = hex.replace(/../g, "%$&");
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    [...value].reverse().join(""),
    value.toLowerCase(),
    value.toUpperCase(),
    hex,
    hex.toUpperCase(),
    encodeURIComponent(value),
    percent,
    percent.toUpperCase(),
    ...[bytes, wide, Buffer.from(wide).swap16()].flatMap((text) =>
      [0, 1, 2].flatMap((before) => inBase64(text, before)),
    ),
    ...[0, 1, 2, 3, 4].flatMap((before) => inBase32(bytes, before)),
  ];
}

/** The same text without escapes of single characters, and without the half of UTF-16 that is nothing. */
export function unescaped(text: string): string {
  if (!/\0|\\[ux]|&#/.test(text)) return text;
  return text
    .replaceAll("\0", "")
    .replace(
      /\\{1,8}(?:u\{?([0-9a-f]{2,6})\}?|x([0-9a-f]{2}))|&#(?:x([0-9a-f]{1,6})|(\d{1,7}));?/gi,
      (whole, unicode?: string, byte?: string, hex?: string, decimal?: string) => {
        const digits = unicode ?? byte ?? hex;
        const point = digits === undefined ? Number(decimal) : Number.parseInt(digits, 16);
        return point > 0x10ffff ? whole : String.fromCodePoint(point);
      },
    );
}

/** As it stands in the base64 of a longer text, so many bytes (modulo 3) into it: without what its neighbours decide. */
function inBase64(bytes: Buffer, before: number): string[] {
  const text = Buffer.concat([Buffer.alloc(before), bytes])
    .toString("base64")
    .replace(/=+$/, "");
  const whole = Math.floor(((before + bytes.length) * 8) / 6);
  const middle = text.slice(Math.ceil((before * 8) / 6), whole);
  return [middle, middle.replaceAll("+", "-").replaceAll("/", "_")];
}

/** The same for base32, so many bytes (modulo 5) into it. */
function inBase32(bytes: Buffer, before: number): string[] {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const groups = bits.slice((5 - ((before * 8) % 5)) % 5).match(/.{5}/g) ?? [];
  const text = groups.map((group) => letters[Number.parseInt(group, 2)]).join("");
  return [text, text.toLowerCase()];
}

interface Seen {
  /** So much of the form. */
  readonly to: number;
  /** Where it was: no text counts twice, for a value that repeats itself. */
  readonly line: number;
  readonly end: number;
}

interface Form {
  readonly text: string;
  /** So much may be missing at either end: a piece that is too short to be told. */
  readonly slack: number;
  readonly lines: number;
  /** For each line on which it may have begun: how much of it was seen since. */
  readonly seen: Map<number, Seen>;
  /** The last match, to be told once: where in the line it lies against the form, and where it ends. */
  diagonal: number;
  end: number;
}

/** Feed it lines in order. */
export class KnownScan {
  private readonly written: Lines;
  /** Most texts have no escapes, and to make it takes a millisecond. */
  private meant: Lines | null = null;

  constructor(private readonly values: readonly string[]) {
    this.written = new Lines(values);
  }

  /** A text that stands for itself: what came before it is forgotten, and the scan has not to be made anew. */
  alone(text: string): boolean {
    this.written.forget();
    this.meant?.forget();
    return this.in(text, 0);
  }

  /** @param line its number: pieces have to lie close to each other. @returns whether a value is complete with it */
  in(text: string, line: number): boolean {
    const plain = unescaped(text);
    if (this.written.in(text, line)) return true;
    if (plain === text) return false;
    this.meant ??= new Lines(this.values);
    return this.meant.in(plain, line);
  }
}

class Lines {
  private readonly forms: Form[];
  private readonly starts = new Map<number, (readonly [form: Form, at: number])[]>();
  private readonly maybe = new Uint8Array(1 << 16);

  constructor(values: readonly string[]) {
    this.forms = formsOf(values).map((text) => {
      const long = text.length >= shortestSplit;
      const seen = new Map<number, Seen>();
      return { text, slack: long ? gram - 1 : 0, lines: long ? mostLines : 1, seen, diagonal: -1, end: -1 };
    });
    for (const form of this.forms) {
      for (let at = 0; at + gram <= form.text.length; at++) {
        const key = keyAt(form.text, at);
        this.starts.set(key, [...(this.starts.get(key) ?? []), [form, at]]);
        this.maybe[slotOf(key)] = 1;
      }
    }
  }

  forget(): void {
    for (const form of this.forms) form.seen.clear();
  }

  in(text: string, line: number): boolean {
    for (const form of this.forms) {
      form.end = -1;
      for (const begun of form.seen.keys()) if (line - begun >= form.lines || line < begun) form.seen.delete(begun);
    }
    for (let at = 0; at + gram <= text.length; at++) {
      const key = keyAt(text, at);
      if (this.maybe[slotOf(key)] === 0) continue;
      for (const [form, from] of this.starts.get(key) ?? []) if (this.piece(form, from, text, at, line)) return true;
    }
    return false;
  }

  private piece(form: Form, from: number, text: string, at: number, line: number): boolean {
    // The same match, one character further on.
    if (form.diagonal === at - from && at < form.end) return false;
    let length = 0;
    while (from + length < form.text.length && form.text[from + length] === text[at + length]) length++;
    // Four characters that differ may still have one key.
    if (length < gram) return false;
    form.diagonal = at - from;
    form.end = at + length;
    const to = from + length;
    if (from <= form.slack && !form.seen.has(line)) form.seen.set(line, { to: form.slack, line, end: 0 });
    for (const [begun, seen] of form.seen) {
      const tooEarly = seen.line === line && at + seen.to - from < seen.end;
      if (from > seen.to || to <= seen.to || tooEarly) continue;
      form.seen.set(begun, { to, line, end: form.end });
      if (to >= form.text.length - form.slack) return true;
    }
    return false;
  }
}

function keyAt(text: string, at: number): number {
  return (
    (text.charCodeAt(at) << 24) ^
    (text.charCodeAt(at + 1) << 16) ^
    (text.charCodeAt(at + 2) << 8) ^
    text.charCodeAt(at + 3)
  );
}

function slotOf(key: number): number {
  return (Math.imul(key, 0x9e3779b1) >>> 16) & 0xffff;
}
