import { describe, expect, test } from "bun:test";
import { formsOf, KnownScan } from "../../src/model/known-secrets.ts";
import { isPlaceholder } from "../../src/model/secret-places.ts";
import { findSecrets, secretIn } from "../../src/model/secret-shapes.ts";

const value = 'canary+9f/2"Zq7-Ks_Lw4RtY8uMx3Vb6Nd1';
const pieces = (count: number) => {
  const size = Math.ceil(value.length / count);
  return Array.from({ length: count }, (_, at) => value.slice(at * size, (at + 1) * size));
};
const base64 = (before: string) => Buffer.from(`${before}${value} and more`).toString("base64");
const hex = Buffer.from(value).toString("hex");

/** By the program that people have, since ours is not to be checked by itself. */
const base32 = (before: string) => {
  const ran = Bun.spawnSync(["base32", "-w0"], { stdin: Buffer.from(`${before}${value} and more`) });
  return ran.stdout.toString();
};

const carried: [form: string, text: string][] = [
  ["plain", `key=${value};`],
  ["as JSON", JSON.stringify({ value })],
  ["base64", Buffer.from(value).toString("base64")],
  ...["", "x", "xy", "xyz"].map((before): [string, string] => [`base64 after ${before.length}`, base64(before)]),
  ["base64url", Buffer.from(`x${value}`).toString("base64url")],
  ["hex", hex],
  ["hex in capitals", hex.toUpperCase()],
  ["URL-encoded", `https://example.com/?q=${encodeURIComponent(value)}`],
  ["URL-encoded throughout", hex.replace(/../g, "%$&")],
  ["in capitals", value.toUpperCase()],
  ["in small letters", value.toLowerCase()],
  ["UTF-16", Buffer.from(`x${value}`, "utf16le").toString()],
  ["UTF-16, the other way round", Buffer.from(`x${value}`, "utf16le").swap16().toString()],
  ["UTF-16 on lines", Buffer.from(pieces(3).join("\n"), "utf16le").toString()],
  ...["", "x", "xy"].flatMap((before): [string, string][] => {
    const wide = Buffer.from(`${before}${value}`, "utf16le");
    return [
      [`base64 of UTF-16 after ${before.length}`, wide.toString("base64")],
      [`base64 of the other UTF-16 after ${before.length}`, Buffer.from(wide).swap16().toString("base64")],
    ];
  }),
  ...["", "x", "xy", "xyz", "wxyz"].map((before): [string, string] => [
    `base32 after ${before.length}`,
    base32(before),
  ]),
  ["base32 in small letters", base32("").toLowerCase()],
  ["escaped by \\u", [...value].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")],
  ["escaped by \\u in JSON", [...value].map((c) => `\\\\u{${c.charCodeAt(0).toString(16).toUpperCase()}}`).join("")],
  ["escaped by \\x", hex.replace(/../g, "\\x$&")],
  ["as references", [...value].map((c) => `&#${c.charCodeAt(0)};`).join("")],
  [
    "as references in hex, some of them",
    [...value].map((c, at) => (at % 3 ? c : `&#X${c.charCodeAt(0).toString(16)};`)).join(""),
  ],
  ["reversed", [...value].reverse().join("")],
  ["in pieces on one line", pieces(4).join('" + "')],
  ...[2, 3, 4, 8].map((count): [string, string] => [
    `on ${count} lines`,
    pieces(count)
      .map((piece) => `  "${piece}" +`)
      .join("\n"),
  ]),
  ["base64 on lines", (base64("").match(/.{1,16}/g) ?? []).slice(0, 8).join("\n")],
];
const harmless: [why: string, text: string][] = [
  ["a part of it", value.slice(0, 20)],
  ["its pieces in another order", pieces(4).reverse().join("\n")],
  ["its pieces far from each other", pieces(4).join("\n".repeat(10))],
  [
    "its characters as references, in another order",
    [...value]
      .reverse()
      .map((c) => `&#${c.charCodeAt(0)};x`)
      .join(""),
  ],
  ["nothing of it", "export const canary = readFileSync(file);\n".repeat(50)],
];

describe("A47: a known value", () => {
  test.each(carried)("%s", (_, text) => expect(secretIn(text, [value])).toBe("a credential of this fleet"));
  test.each(harmless)("not: %s", (_, text) => expect(secretIn(text, [value])).toBeNull());
  test("what has the shape of one, escaped", () => {
    const key = ["AKIA", "ABCDEFGH23456789"].join("");
    expect(secretIn([...key].join("\0"), [])).toBe("an AWS access key");
    expect(secretIn([...key].map((c) => `&#${c.charCodeAt(0)};`).join(""), [])).toBe("an AWS access key");
  });
  test("short ones in one line alone, those that are too short never", () => {
    expect(secretIn("hunter2hunter2", ["hunter2hunter2"])).toBe("a credential of this fleet");
    expect(secretIn("hunter2\nhunter2", ["hunter2hunter2"])).toBeNull();
    expect(formsOf(["short", ""])).toEqual([]);
  });
  test("over lines of a change, told by its last one; in the name of a file, as line 0", () => {
    const added = pieces(3).map((piece) => `+x = "${piece}"`);
    const diff = [
      "diff --git a/a b/a",
      "--- a/a",
      "+++ b/a",
      "@@ -1,2 +1,5 @@",
      " one",
      ...added,
      " two",
      `diff --git a/${hex} b/${hex}`,
      "new file mode 100644",
    ];
    expect(findSecrets(diff.join("\n"), [value]).map(({ line }) => line)).toEqual([4, 0]);
    const files = added.map((row, at) => `diff --git a/${at} b/${at}\n--- a/${at}\n+++ b/${at}\n@@ -0,0 +1 @@\n${row}`);
    expect(findSecrets(files.join("\n"), [value])).toEqual([]);
  });
  test("ten megabytes that are made to be slow", () => {
    for (const row of [
      value.slice(0, 4),
      value.slice(4, 30),
      value.slice(0, 33),
      "x",
      "\\u0063",
      "\\",
      "&#99;",
      "&#",
    ]) {
      const scan = new KnownScan([value]);
      const started = performance.now();
      // Nothing but its pieces, on one line.
      scan.in(row.repeat(Math.ceil(10e6 / row.length)), 1);
      expect(performance.now() - started).toBeLessThan(5000);
    }
  }, 60_000);
});

describe("a URL with a password", () => {
  test.each([
    ["postgres://postgres:postgres@localhost:5432/test", true],
    ["https://user:password@example.com/", true],
    ["mysql://root:root@db/app", true],
    ["https://user:password@api.acme.io/", false],
    ["https://user:password@example.com.acme.io/", false],
    ["no URL at all", false],
  ])("%s", (url, placeholder) => expect(isPlaceholder(url)).toBe(placeholder));
});
