import { expect, test } from "bun:test";
import * as z from "zod/mini";
import { about, configSchema } from "../../src/config/schema.ts";

type Schema = z.core.$ZodType;

/** Every key that holds a value, by dotted name. */
function keys(schema: Schema, path: string[] = []): [string, Schema][] {
  const inner = schema instanceof z.ZodMiniPrefault && !about.has(schema as never) ? schema.def.innerType : schema;
  if (inner instanceof z.ZodMiniObject) {
    return Object.entries(inner.shape as Record<string, Schema>).flatMap(([name, value]) =>
      keys(value, [...path, name]),
    );
  }
  return [[path.join("."), inner as Schema]];
}

test("every key says what it is for and what is expected", () => {
  const found = keys(configSchema);
  expect(found.length).toBeGreaterThan(20);
  for (const [name, schema] of found) {
    expect([name, about.get(schema as z.ZodMiniType)?.purpose]).toEqual([name, expect.stringMatching(/\w/)]);
    expect([name, about.get(schema as z.ZodMiniType)?.expected]).toEqual([
      name,
      expect.stringMatching(/^(?:an? |the |one of)/),
    ]);
  }
});

test("every key has a default: nothing has to be configured", () => {
  const config = configSchema.parse({});
  for (const [name] of keys(configSchema)) {
    const value = name.split(".").reduce<unknown>((object, key) => (object as Record<string, unknown>)[key], config);
    expect([name, value]).not.toEqual([name, undefined]);
  }
});
