import { expect, test } from "bun:test";
import { fillTemplate } from "../../src/model/template.ts";

test.each([
  ["a placeholder", "I am {{name}}.", { name: "W" }, "I am W."],
  ["several, and one twice", "{{a}}{{b}}{{a}}", { a: "1", b: "2" }, "121"],
  ["a value that looks like a placeholder stays", "{{a}} {{b}}", { a: "{{b}}", b: "{{a}}" }, "{{b}} {{a}}"],
  ["values of String.replace mean nothing", "<{{a}}>", { a: "$& $` $' $1 $$" }, "<$& $` $' $1 $$>"],
  ["line breaks and braces stay", "{{a}}", { a: "{\n}}" }, "{\n}}"],
  ["other braces are text", "{a} {{ a }} {{}} $(a) {{a-b}}", { a: "1" }, "{a} {{ a }} {{}} $(a) {{a-b}}"],
  ["an empty value", "[{{a}}]", { a: "" }, "[]"],
] as [string, string, Record<string, string>, string][])("%s", (_, text, values, filled) => {
  expect(fillTemplate(text, values)).toBe(filled);
});

test("a placeholder without a value is a mistake of ours", () => {
  expect(() => fillTemplate("{{worker}}", {})).toThrow("{{worker}}");
  expect(() => fillTemplate("{{toString}}", {})).toThrow("{{toString}}");
});
