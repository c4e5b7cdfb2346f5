/** The checker itself: it lets a true exchange pass and finds each kind of untruth. */
import { expect, test } from "bun:test";
import type { JournalEntry } from "../../src/standin/journal.ts";
import { checkJournal } from "./contract.ts";

const label = {
  id: 1,
  node_id: "x",
  url: "http://127.0.0.1/repos/acme/site/labels/bug",
  name: "bug",
  description: null,
  color: "ededed",
  default: false,
};

const exchange: JournalEntry = {
  kind: "rest",
  method: "POST",
  path: "/repos/acme/site/labels",
  query: {},
  body: { name: "bug", color: "ededed" },
  status: 201,
  login: "acme",
  headers: {},
  responseHeaders: {},
  response: label,
  phase: undefined,
  faulty: false,
};

const patched = {
  ...exchange,
  method: "PATCH",
  path: "/repos/acme/site/issues/1",
  status: 404,
  response: { message: "" },
};
const listed = {
  ...exchange,
  method: "GET",
  path: "/repos/acme/site/issues",
  body: undefined,
  status: 200,
  response: [],
};

function wheres(change: Partial<JournalEntry>, of: JournalEntry = exchange): string[] {
  return checkJournal([{ ...of, ...change }]).map((violation) => `${violation.where}: ${violation.problem}`);
}

test("a true exchange has no violation", () => {
  expect(wheres({})).toEqual([]);
  expect(wheres({ query: { state: "all", per_page: "100" } }, listed)).toEqual([]);
  expect(wheres({ body: { state: "closed" } }, patched)).toEqual([]);
});

test.each([
  ["a body without a required field", {}, { body: { color: "ededed" } }],
  ["a field of the wrong type", {}, { body: { name: 5 } }],
  ["an unknown field", {}, { body: { name: "bug", colour: "ededed" } }],
  ["no body", {}, { body: undefined }],
  ["a value that is none of the listed ones", patched, { body: { state: "bogus" } }],
  ["a body where none is described", listed, { body: { state: "all" } }],
] as [string, Partial<JournalEntry>, Partial<JournalEntry>][])("a request with %s is found", (_, of, change) => {
  expect(wheres(change, { ...exchange, ...of })[0]).toStartWith("request: ");
});

test.each([
  ["a bad enum value", { state: "bogus" }],
  ["a parameter that is no number", { per_page: "many" }],
  ["an unknown parameter", { stat: "all" }],
])("a query with %s is found", (_, query) => {
  expect(wheres({ query }, listed)[0]).toStartWith("query: ");
});

test("a path parameter of the wrong type is found", () => {
  expect(wheres({ path: "/repos/acme/site/issues/one" }, patched)).toContain("path: issue_number must be integer");
});

test("an operation that GitHub does not have is found", () => {
  expect(wheres({ path: "/repos/acme/site/lables" })).toEqual(["operation: GitHub describes no such one"]);
});

test("an answer without a required field, with a wrong type or with a wrong status is found", () => {
  const { color: _, ...short } = label;
  expect(wheres({ response: short })).toEqual(["response:  must have required property 'color'"]);
  expect(wheres({ response: { ...label, id: "1" } })).toEqual(["response: /id must be integer"]);
  expect(wheres({ status: 200 })).toEqual(["status: 200 is not described"]);
  expect(wheres({ status: 418, response: {} })).toEqual(["response:  must have required property 'message'"]);
});

test("a scripted answer is not held against GitHub, its request is", () => {
  expect(wheres({ faulty: true, status: 502, response: "Bad gateway" })).toEqual([]);
  expect(wheres({ faulty: true, status: 502, body: { name: 5 } })).toHaveLength(1);
});
