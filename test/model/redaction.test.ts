import { describe, expect, test } from "bun:test";
import { minted } from "../../src/model/known-secrets.ts";
import { Redactor, withoutShapes } from "../../src/model/redaction.ts";

const s = (...parts: string[]) => parts.join("");
const letters = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hJ3lM6";
const key = s("-----BEGIN ", "RSA PRIVATE KEY-----\n", letters, "\n", letters, "\n-----END RSA ", "PRIVATE KEY-----");
const value = 'canary+9f/2"Zq7-Ks_Lw4RtY8uMx3Vb6Nd1';

describe("what has the shape of a credential", () => {
  test.each([
    [s("gh", "p_", letters)],
    [s("github", "_pat_", letters)],
    [s("sk-", "ant-", "oat01-", letters)],
    [s("AK", "IA", "ABCDEFGHIJKLMNOP")],
    [key],
  ])("%#", (secret) => {
    expect(withoutShapes(`a ${secret}`)).toBe("a ***");
    // After an escaped newline there is no word boundary; the line stays JSON.
    const line = JSON.stringify({ text: `one\n${secret}`, more: "two" });
    expect(JSON.parse(withoutShapes(line))).toEqual({ text: "one\n***", more: "two" });
  });
  test("the rest stays", () => {
    const text = "const a = 'sk-ant-'; // ghp_short -----BEGIN CERTIFICATE-----";
    expect(withoutShapes(text)).toBe(text);
  });
});

describe("a stream", () => {
  const kept = (redactor: Redactor, line: string) => redactor.kept(redactor.replaced(line), line);
  test("a private key over lines, then the lines after it", () => {
    const redactor = new Redactor([]);
    const lines = [...key.split("\n"), "after"].map((line) => kept(redactor, line));
    expect(lines).toEqual(["***", "***", "***", "***", "after"]);
  });
  test("one that never ends does not hide everything", () => {
    const redactor = new Redactor([]);
    const lines = [key.split("\n")[0] ?? "", ...Array<string>(300).fill("words")].map((line) => kept(redactor, line));
    expect(lines.at(-1)).toBe("words");
  });
  test("a line that has a value in pieces is not kept, as JSON", () => {
    const wrapped = (
      Buffer.from(value)
        .toString("base64")
        .match(/.{1,12}/g) ?? []
    ).join("\n");
    const line = JSON.stringify({ text: wrapped });
    expect(JSON.parse(kept(new Redactor([value]), line)).type).toBe("redacted");
    expect(new Redactor([value]).text(wrapped)).not.toContain(wrapped.slice(0, 12));
  });
  test("texts that stand for themselves are no neighbours, and each is looked at anew", () => {
    const redactor = new Redactor([value]);
    const wrapped = Buffer.from(value).toString("hex");
    const halves = [wrapped.slice(0, 30), wrapped.slice(30)];
    for (const text of [...halves, ...halves]) expect(redactor.text(text)).toBe(text);
    for (let time = 0; time < 3; time++) expect(redactor.text(halves.join("\n"))).toContain("in pieces");
    for (const text of halves) expect(redactor.text(text)).toBe(text);
  });
  test("what is made after it began", () => {
    const redactor = new Redactor([]);
    const made = s("ghs", "_77_eyJhbGciOi.", letters);
    expect(redactor.text(`a ${value}`)).toContain(value);
    minted.add(made);
    try {
      const base64 = Buffer.from(made).toString("base64");
      expect(redactor.text(`a ${made} ${base64}`)).toBe("a *** ***");
      expect(redactor.replaced(made)).toBe("***");
    } finally {
      minted.delete(made);
    }
  });
  test("texts anywhere in a value", () => {
    const event = { type: "x", n: 1, list: [value, null], inner: { text: `a ${value}` } };
    expect(new Redactor([value]).value(event)).toEqual({
      type: "x",
      n: 1,
      list: ["***", null],
      inner: { text: "a ***" },
    });
  });
  test("eight megabytes on one line", () => {
    for (const part of [
      "x",
      value.slice(0, 5),
      s("-----BEGIN ", "PRIVATE KEY-----"),
      "-----BEGIN A ",
      "sk-ant-",
      "gh",
    ]) {
      const started = performance.now();
      kept(new Redactor([value]), part.repeat(8e6 / part.length));
      expect(performance.now() - started).toBeLessThan(5000);
    }
  });
});
