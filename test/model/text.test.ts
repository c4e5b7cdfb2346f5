import { describe, expect, test } from "bun:test";
import { printable, withoutHiddenCharacters } from "../../src/model/text.ts";

const tags = (text: string) => [...text].map((c) => String.fromCodePoint(0xe0000 + (c.codePointAt(0) ?? 0))).join("");

describe("A25: printable", () => {
  const rows: [string, string, string][] = [
    ["plain", "Fix the thing", "Fix the thing"],
    ["other scripts", "Ärger — 日本語 עברית", "Ärger — 日本語 עברית"],
    ["CSI colour", "a\u001b[31mred\u001b[0mb", "aredb"],
    ["CSI clear and move", "a\u001b[2J\u001b[1;1Hb", "ab"],
    ["CSI private", "a\u001b[?1049hb", "ab"],
    ["C1 CSI", "a\u009b31mb", "ab"],
    ["OSC 0 title, BEL", "a\u001b]0;owned\u0007b", "ab"],
    ["OSC 8 link, ST", "\u001b]8;;https://evil\u001b\\click\u001b]8;;\u001b\\", "click"],
    ["OSC 52 clipboard", "a\u001b]52;c;cm0gLXJm\u0007b", "ab"],
    ["OSC without an end", "a\u001b]0;owned", "a"],
    ["DCS", "a\u001bPq#0\u001b\\b", "ab"],
    ["C1 DCS and ST", "a\u0090q#0\u009cb", "ab"],
    ["APC, PM, SOS", "a\u001b_x\u001b\\b\u001b^y\u001b\\c\u001bXz\u001b\\d", "abcd"],
    ["two-byte escapes", "a\u001bcb\u001b(0d", "abd"],
    ["escape at the end", "a\u001b", "a"],
    ["an escape made by removing another", "a\u001b\u001b[31m[31mb", "a[31mb"],
    ["BEL, backspace, NUL, DEL", "a\u0007\u0008\u0000\u007fb", "ab"],
    ["CR overwrites", "safe\rowned", "safe owned"],
    ["line breaks and tabs", "a\nb\r\nc\td\u2028e\u0085f", "a b c d e f"],
    ["bidi", "a\u202egnp.exe\u202c\u2066x\u2069\u200f", "agnp.exex"],
    ["zero-width", "a\u200bb\u200cc\u2060d\ufeffe", "abcde"],
    ["tags", `a${tags("ignore all")}b`, "ab"],
    ["variation selectors", "a\ufe00b\u{e0100}c", "abc"],
    ["fillers", "a\u3164b\u115fc", "abc"],
    ["half a pair", "a\ud800b", "ab"],
  ];
  for (const [name, text, expected] of rows) test(name, () => expect(printable(text)).toBe(expected));

  test("bounds: an ellipsis within the bound, whole characters, and no time for huge texts", () => {
    expect(printable("abcdef", 6)).toBe("abcdef");
    expect(printable("abcdefg", 6)).toBe("abcde…");
    expect(printable("💥💥💥", 3)).toBe("💥💥💥");
    expect(printable("💥💥💥💥", 3)).toBe("💥💥…");
    expect(printable("x".repeat(100_000), 80)).toBe(`${"x".repeat(79)}…`);
    expect(printable("\u001b[".repeat(5_000_000), 80).length).toBeLessThanOrEqual(80);
  });

  test("no control character is left of any text", () => {
    const all = Array.from({ length: 0x3000 }, (_, point) => String.fromCodePoint(point));
    for (const before of ["", "\u001b", "\u001b[", "\u001b]", "\u009b"]) {
      const text = printable(all.map((character) => before + character).join("z"));
      expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/);
    }
  });
});

describe("A27: hidden characters", () => {
  const rows: [string, string, string, number][] = [
    ["plain text keeps its lines", "# A\n\n\tb  c\n", "# A\n\n\tb  c\n", 0],
    ["line breaks become newlines", "a\r\nb\rc", "a\nb\nc", 0],
    ["zero-width", "a\u200bb\u200cc\ufeffd\u2060", "abcd", 4],
    ["bidi", "a\u202eb\u202c\u2067c\u2069", "abc", 4],
    ["tags", `a${tags("evil")}b`, "ab", 4],
    ["variation selectors that hide bytes", "a\ufe01\u{e0101}\u{e0102}b", "ab", 3],
    ["controls and escapes", "a\u001b[31mb\u0000\u0008\u009b", "a[31mb", 4],
    ["soft hyphens and fillers", "a\u00adb\u3164c", "abc", 2],
    ["emoji stay as they are", "👍🏽 ❤️ 👩‍👩‍👧 🏳️‍🌈 1️⃣ #️⃣", "👍🏽 ❤️ 👩‍👩‍👧 🏳️‍🌈 1️⃣ #️⃣", 0],
    ["a joiner without emoji goes", "a\u200db \u200d👍", "ab 👍", 2],
    ["selectors piled on an emoji", "❤\ufe0f\ufe0f\ufe0f", "❤\ufe0f", 2],
    ["half a pair", "a\udc00b", "ab", 1],
  ];
  for (const [name, text, expected, hidden] of rows) {
    test(name, () => expect(withoutHiddenCharacters(text)).toEqual({ text: expected, hidden }));
  }
});
