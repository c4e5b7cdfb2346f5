/** Holds journal entries against GitHub's own description: what was asked, and what the local GitHub answered. */
import Ajv, { type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import type { JournalEntry } from "../../src/standin/journal.ts";
import description from "./github.json";

export interface Violation {
  /** "POST /repos/{owner}/{repo}/labels", or the path itself where nothing describes it. */
  operation: string;
  where: "operation" | "path" | "query" | "request" | "status" | "response";
  problem: string;
}

interface Parameter {
  name: string;
  in: string;
  required: boolean;
  multi: boolean;
  schema: object;
}

interface Operation {
  method: string;
  path: string;
  parameters: Parameter[];
  body?: object;
  bodyRequired?: boolean;
  responses: Record<string, object | true>;
}

const ajv = new Ajv({ strict: false, allErrors: true, coerceTypes: false, logger: false });
addFormats(ajv);
ajv.addSchema({ $id: "github", schemas: description.schemas });

/** References in the file point into the file; here it is the schema "github". */
function located(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(located);
  if (schema === null || typeof schema !== "object") return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) =>
      key === "$ref" && typeof value === "string" ? [key, `github${value}`] : [key, located(value)],
    ),
  );
}

const compiled = new Map<object, ValidateFunction>();

function validator(schema: object): ValidateFunction {
  const known = compiled.get(schema);
  if (known) return known;
  const made = ajv.compile(located(schema) as object);
  compiled.set(schema, made);
  return made;
}

const operations = (description.operations as unknown as Operation[]).map((operation) => {
  const names: string[] = [];
  const text = operation.path.replace(/[.]/g, "\\.").replace(/\{(\w+)\}/g, (_, name: string) => {
    names.push(name);
    return operation.parameters.some((parameter) => parameter.name === name && parameter.multi) ? "(.+)" : "([^/]+)";
  });
  // The more of a path is fixed, the better it fits: issues/comments/5 is no issue called "comments".
  const fixed = operation.path.replace(/\{\w+\}/g, "").length;
  return { operation, names, form: new RegExp(`^${text}$`), fixed };
});
operations.sort((a, b) => b.fixed - a.fixed);

/** Every deviation in these exchanges. Scripted faults are checked as requests only; git and GraphQL not at all. */
export function checkJournal(entries: JournalEntry[]): Violation[] {
  return entries.filter((entry) => entry.kind === "rest").flatMap(checkEntry);
}

function checkEntry(entry: JournalEntry): Violation[] {
  // Links name a repository by its number; the operation is the same.
  const path = entry.path.replace(/^\/repositories\/\d+/, "/repos/owner/repo");
  const found = operations.find(({ operation, form }) => operation.method === entry.method && form.test(path));
  if (!found) {
    return [
      { operation: `${entry.method} ${entry.path}`, where: "operation", problem: "GitHub describes no such one" },
    ];
  }
  const { operation, names, form } = found;
  const values = (form.exec(path) ?? []).slice(1).map(decodeURIComponent);
  const given = Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
  return [
    ...checkParameters(operation, "path", given),
    ...checkParameters(operation, "query", entry.query),
    ...checkBody(operation, entry.body),
    ...(entry.faulty ? [] : checkResponse(operation, entry)),
  ];
}

function checkParameters(operation: Operation, where: "path" | "query", given: Record<string, string>): Violation[] {
  const found: Violation[] = [];
  const known = operation.parameters.filter((parameter) => parameter.in === where);
  for (const { name, required, schema } of known) {
    const text = given[name];
    if (text !== undefined) found.push(...problems(operation, where, schema, wire(text, schema), name));
    else if (required) found.push({ operation: label(operation), where, problem: `${name} is missing` });
  }
  for (const name of Object.keys(given)) {
    if (known.some((parameter) => parameter.name === name)) continue;
    found.push({ operation: label(operation), where, problem: `${name} is unknown` });
  }
  return found;
}

/** A parameter is text on the wire; what the description calls a number or a boolean has to look like one. */
function wire(text: string, schema: object): unknown {
  const type = (schema as { type?: unknown }).type;
  if ((type === "integer" || type === "number") && text.trim() !== "") return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

function checkBody(operation: Operation, body: unknown): Violation[] {
  const where = "request";
  if (body === undefined) {
    const needed = operation.body !== undefined && operation.bodyRequired === true;
    return needed ? [{ operation: label(operation), where, problem: "the body is missing" }] : [];
  }
  if (!operation.body) return [{ operation: label(operation), where, problem: "a body where none is described" }];
  const found = problems(operation, where, operation.body, body);
  const properties = (operation.body as { properties?: object }).properties;
  if (properties && typeof body === "object" && body !== null) {
    for (const name of Object.keys(body)) {
      if (!Object.hasOwn(properties, name)) {
        found.push({ operation: label(operation), where, problem: `${name} is unknown` });
      }
    }
  }
  return found;
}

/** GitHub describes few of its refusals, some without a body; all of them have this general form. */
const refusal = { type: "object", required: ["message"], properties: { message: { type: "string" } } };

function checkResponse(operation: Operation, { status, response }: JournalEntry): Violation[] {
  const where = "response";
  if (status === 0 || status === 304) return [];
  const listed = operation.responses[String(status)];
  const described = listed === true && status >= 400 ? undefined : listed;
  if (listed === undefined && status < 400) {
    return [{ operation: label(operation), where: "status", problem: `${status} is not described` }];
  }
  if (described === true) {
    return response === undefined
      ? []
      : [{ operation: label(operation), where, problem: "a body where none is described" }];
  }
  return problems(operation, where, described ?? refusal, response);
}

function problems(
  operation: Operation,
  where: Violation["where"],
  schema: object,
  value: unknown,
  name = "",
): Violation[] {
  const validate = validator(schema);
  if (validate(value)) return [];
  const found: Violation[] = [];
  for (const error of validate.errors ?? []) {
    const rest = error.keyword === "enum" ? `: ${JSON.stringify(error.params["allowedValues"])}` : "";
    found.push({ operation: label(operation), where, problem: `${name}${error.instancePath} ${error.message}${rest}` });
  }
  return found;
}

function label(operation: Operation): string {
  return `${operation.method} ${operation.path}`;
}
