/** Says what is wrong with the configuration: where, which key, what is expected, what was found. */
import * as z from "zod/mini";
import { nearest } from "../model/nearest.ts";
import { printable } from "../model/text.ts";
import { about, configSchema } from "./schema.ts";

/** One line, without the name of the program. @param file where a key stands that has no origin of its own */
export async function describeIssue(
  issue: z.core.$ZodIssue,
  values: unknown,
  origins: ReadonlyMap<string, string>,
  file: string,
): Promise<string> {
  const path = issue.path.map(String);
  const key = path.join(".");
  if (issue.code === "unrecognized_keys") {
    const [name = ""] = issue.keys;
    const near = await nearest(name, keysOf(schemaAt(path)));
    return `${file}: unknown key ${printable([...path, name].join("."), 120)}${near ? `; did you mean ${near}?` : ""}`;
  }
  if (issue.code === "invalid_key") {
    return `${file}: ${printable(key, 120)}: expected the name of a repository, such as acme/site`;
  }
  const found = path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], values);
  const where = origins.get(key) ?? file;
  const named = where === file ? `${file}: ${printable(key, 120)}` : where;
  return `${named}: expected ${expectation(path)}, found ${shown(found)}`;
}

/** A value that went to the wrong place may be a credential. */
function shown(value: unknown): string {
  const text = (JSON.stringify(value) ?? "nothing")
    .replace(/\/\/[^/@]*@/g, "//…@")
    .replace(/(?:gh[a-z]_|github_pat_|sk-)[\w-]+/g, "…");
  return printable(text, 80);
}

/** The nearest key on the way to the value that says what is expected of it. */
function expectation(path: readonly string[]): string {
  for (let length = path.length; length > 0; length--) {
    const schema = schemaAt(path.slice(0, length));
    const said = schema && about.get(schema as z.ZodMiniType)?.expected;
    if (said) return said;
    if (length === path.length && keysOf(schema).length > 0) return "an object";
  }
  return "an object";
}

/** The schema of a key, itself still wrapped in its default. */
function schemaAt(path: readonly string[]): z.core.$ZodType | undefined {
  return path.reduce<z.core.$ZodType | undefined>((schema, name) => {
    const inner = unwrapped(schema);
    if (inner instanceof z.ZodMiniObject) return inner.shape[name] as z.core.$ZodType | undefined;
    return inner instanceof z.ZodMiniRecord ? inner.def.valueType : undefined;
  }, configSchema);
}

function keysOf(schema: z.core.$ZodType | undefined): string[] {
  const inner = unwrapped(schema);
  return inner instanceof z.ZodMiniObject ? Object.keys(inner.shape) : [];
}

function unwrapped(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  const wrapped = schema instanceof z.ZodMiniDefault || schema instanceof z.ZodMiniPrefault;
  return wrapped ? unwrapped(schema.def.innerType) : schema;
}
