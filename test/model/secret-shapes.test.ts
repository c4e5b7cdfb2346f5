import { describe, expect, test } from "bun:test";
import { findSecrets, secretIn } from "../../src/model/secret-shapes.ts";

/** Put together here, so that no scanner of this repository takes them for real. */
const s = (...parts: string[]) => parts.join("");
const letters = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8";
const shapes: [what: string, secret: string][] = [
  ...["ghp", "gho", "ghu", "ghs", "ghr"].map((kind): [string, string] => ["a GitHub token", s(kind, "_", letters)]),
  ["a GitHub token", s("github", "_pat_", letters)],
  ["an Anthropic key", s("sk-", "ant-", "api03-", letters)],
  ["an Anthropic key", s("sk-", "ant-", "oat01-", letters)],
  ["an AWS access key", s("AK", "IA", "ABCDEFGHIJKLMNOP")],
  ["an AWS access key", s("AS", "IA", "ABCDEFGH12345678")],
  ["a private key", s("-----BEGIN ", "PRIVATE KEY-----")],
  ["a private key", s("-----BEGIN OPENSSH ", "PRIVATE KEY-----")],
  ["a private key", s("-----BEGIN RSA ", "PRIVATE KEY-----")],
  ["a Slack token", s("xo", "xb-", "123456789012-abc")],
  ["a Google API key", s("AI", "za", letters.slice(0, 35))],
  ["an npm token", s("npm", "_", letters)],
];
const harmless = [
  "ghp_short",
  s("xghp", "_", letters).replace("xghp_", "xghp-"),
  "github_pat_",
  "sk-ant-",
  "sk-ant-api03",
  s("AK", "IA", "ABCDEFGHIJKLMNO"),
  s("AK", "IA", "ABCDEFGHIJKLMNOPQRS"),
  s("ak", "ia", "abcdefghijklmnop"),
  s("-----BEGIN ", "PUBLIC KEY-----"),
  s("-----BEGIN ", "CERTIFICATE-----"),
  "xoxb-",
  "AIzaShort",
  "npm_config_registry",
  "6f1f4f64-91a1-4b55-a4b5-0b7d1f0f9a10",
  "da39a3ee5e6b4b0d3255bfef95601890afd80709",
];

describe("secretIn", () => {
  test.each(shapes)("%s: %s", (what, secret) => {
    for (const text of [secret, `key = "${secret}"`, `x\t${secret};`, `https://x:${secret}@github.com`, `+${secret}`])
      expect(secretIn(text, [])).toBe(what);
  });
  test.each(harmless)("nothing: %s", (text) => expect(secretIn(text, [])).toBeNull());
  test("values that are known, whatever their shape", () => {
    expect(secretIn("a hunter2hunter2 b", ["hunter2hunter2"])).toBe("a credential of this fleet");
    expect(secretIn("a short b", ["short", ""])).toBeNull();
  });
});

describe("findSecrets", () => {
  const token = shapes[0]?.[1] ?? "";
  const file = (name: string, ...hunks: string[]) =>
    [`diff --git a/${name} b/${name}`, "index 1..2 100644", `--- a/${name}`, `+++ b/${name}`, ...hunks].join("\n");

  test("file and line in the new version", () => {
    const diff = [
      file("src/a.ts", "@@ -1,3 +1,4 @@ function x() {", " one", `+two ${token}`, " three", "-four", "+five"),
      file("b", "@@ -10,0 +20,2 @@", "+ok", `+${token}`, "@@ -30 +41 @@", "-x", `+${token}`),
    ].join("\n");
    expect(findSecrets(diff, [])).toEqual([
      { what: "a GitHub token", file: "src/a.ts", line: 2 },
      { what: "a GitHub token", file: "b", line: 21 },
      { what: "a GitHub token", file: "b", line: 41 },
    ]);
  });
  test("what is taken away or was there before is no news", () => {
    expect(findSecrets(file("a", "@@ -1,2 +1,1 @@", `-${token}`, ` ${token}`), [])).toEqual([]);
  });
  test("an added line that looks like a header is an added line", () => {
    const lines = [`+++ ${token}`, `+++ b/${token}`, "+@@ -1,9 +1,9 @@", `+${token}`];
    const found = findSecrets(file("a", "@@ -0,0 +1,4 @@", ...lines), []);
    expect(found.map(({ file, line }) => [file, line])).toEqual([
      ["a", 1],
      ["a", 2],
      ["a", 4],
    ]);
  });
  test("a taken line that looks like a header does not change the file", () => {
    const diff = file("a", "@@ -1,2 +1,1 @@", "--- b/x", "-y", `+${token}`);
    expect(findSecrets(diff, [])).toEqual([{ what: "a GitHub token", file: "a", line: 1 }]);
  });
  test("no newline at the end, carriage returns, names in quotes", () => {
    const diff = [
      "diff --git a/x b/x",
      '+++ "b/o\\303\\244 x"',
      "@@ -1 +1,2 @@",
      "-a",
      "\\ No newline at end of file",
      "+a\r",
      `+${token}\r`,
      "\\ No newline at end of file",
      file("c", "@@ -0,0 +1 @@", `+${token}`),
    ].join("\n");
    expect(findSecrets(diff, []).map(({ line }) => line)).toEqual([2, 1]);
  });
  test("an ordinary change", () => expect(findSecrets(file("a", "@@ -1 +1 @@", "-x", "+y"), [])).toEqual([]));
  test("a megabyte in no time", () => {
    const diff = file("a", "@@ -0,0 +1,20000 @@", ...Array.from({ length: 20_000 }, () => `+${"gh".repeat(30)}`));
    const started = performance.now();
    expect(findSecrets(diff, ["hunter2hunter2"])).toEqual([]);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
