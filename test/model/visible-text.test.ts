/** What an agent gets of a stranger's Markdown: what GitHub shows of it, and nothing else. */
import { describe, expect, test } from "bun:test";
import { visibleText } from "../../src/model/visible-text.ts";
import { unseen } from "./unseen.ts";

const shown = (source: string) => visibleText(source).text;
const fence = "```";

/** Seen by readers: it must reach the agent. */
const seen: readonly (readonly [what: string, source: string, text: string])[] = [
  ["paragraphs and their lines", "One\r\ntwo\n\nthree\n", "One\ntwo\n\nthree"],
  ["headings", "# A\n\nB\n---\n", "# A\n\n## B"],
  ["comments in code", "`<!--` and `-->`\n\n    <!-- x -->", `\`<!--\` and \`-->\`\n\n${fence}\n<!-- x -->\n${fence}`],
  ["code as it stands", '```html\n<b class="x"> & [^a] \\d {% %}\n```', '```html\n<b class="x"> & [^a] \\d {% %}\n```'],
  [
    "a tag in code",
    `${fence}\n<source src=a>\n${fence}\n\n\`<source>\``,
    `${fence}\n<source src=a>\n${fence}\n\n\`<source>\``,
  ],
  ["ticks in code", "`` a`b `` and `\\phantom{x} $`", "`` a`b `` and `\\phantom{x} $`"],
  ["lists", "- a\n- b\n  1. c\n  2. d\n- [x] e", "- a\n- b\n  1. c\n  2. d\n- [x] e"],
  ["items with paragraphs", "1. a\n\n   b\n2. c", "1. a\n\n   b\n\n2. c"],
  ["quotations", "> a\n> > b\n\nc", "> a\n>\n> > b\n\nc"],
  [
    "emphasis, links, addresses",
    "**a** *b* ~~c~~ [d](https://x.y/z) <https://e.f> g@h.i",
    "**a** *b* ~~c~~ [d](https://x.y/z) https://e.f g@h.i",
  ],
  ["tables", "| a | b |\n|:-:|---|\n| `1` |", "| a | b |\n|---|---|\n| `1` |  |"],
  [
    "footnotes",
    "a[^x] b[^Y]\n\n[^y]: two\n[^x]: one\n\n    more",
    `a[^1] b[^2]\n\n[^2]: two\n\n[^1]: one\n\n${fence}\nmore\n${fence}`,
  ],
  ["HTML that GitHub shows", "<details><summary>S</summary>\n\nb<br>c\n</details>\n<kbd>d</kbd>", "S\n\nb\nc\n\nd"],
  ["HTML as text", "a < b, c <- d, &lt;b&gt; &amp;lt;", "a < b, c <- d, <b> &lt;"],
  ["a title without an end", "set the <title> of the page\n\nb", "set the <title> of the page\n\nb"],
  ["prices", "$5 and 10% of $7", "$5 and 10% of $7"],
  ["what looks like a footnote", "a[^x] [^y](https://x.y/z)", "a[^x] [^y](https://x.y/z)"],
  ["other scripts, emoji", "Ärger — 日本語 👩‍👩‍👧 ❤️", "Ärger — 日本語 👩‍👩‍👧 ❤️"],
];

describe("A26, A28, S33: what GitHub does not show", () => {
  test.each(unseen)("%s", (_, source, left) => {
    const { text, hidden } = visibleText(source);
    expect(text).toBe(left);
    expect(text).not.toContain("HID");
    if (source.includes("HID")) expect(hidden).toBeGreaterThan(0);
  });
});

describe("what GitHub shows", () => {
  test.each(seen)("%s", (_, source, text) => expect(shown(source)).toBe(text));
  test("no word of it is told as hidden", () => {
    // Labels of footnotes are words that nobody sees.
    const all = seen.filter(([, source]) => !/\[\^\w\]:/.test(source));
    expect(all.filter(([, source]) => visibleText(source).hidden > 0)).toEqual([]);
  });
});

describe("S33: 64 KiB that are made to be slow", () => {
  const pieces =
    "\n, ,\t,*\n,> ,>,- a\n  ,[,[a](,*a ,*a_ ,<,<b ,<b>,<blockquote>x,<code>,<td>,a <!--,a <?,],*],[^a],[^a]: b\n,&#1;,$\\phantom{,`,|a|b|\n|-|-|\n,<title>,<template>,\u200b,👩\u200d,<a></b>,<ul><li>a,para\n|a|b|\n|-|-|\n|c|d|e|\n";
  test.each(pieces.split(",").map((piece) => [piece]))("%j", (piece) => {
    const started = performance.now();
    try {
      expect(shown(piece.repeat(Math.ceil(65_536 / piece.length))).length).toBeLessThan(300_000);
    } catch (error) {
      // Nothing of it reaches an agent.
      expect(String(error)).toContain("elements within each other");
    }
    expect(performance.now() - started).toBeLessThan(3_000);
  });
  test("elements within elements: readable ones are read, others refused", () => {
    expect(shown(`${"> ".repeat(150)}a`)).toMatch(/^(?:> ){16}a$/);
    for (const open of ["<b>", "<a></b>", "> ", "<ul><li>"])
      expect(() => visibleText(`${open.repeat(300)}a`)).toThrow("elements within each other");
  });
});
