/** Reads records as what they should be: a version that we know, a shape that fits; else the exact reason why not. */
import type * as z from "zod/mini";
import type { Read } from "../model/attempt.ts";
import { readOwn } from "../system/files.ts";

export function readRecord<S extends z.ZodMiniType>(
  path: string,
  schema: S,
  maxBytes?: number,
): Read<z.output<S>> | null {
  const read = readOwn(path, maxBytes);
  return read?.ok ? parseRecord(read.value, schema, path) : read;
}

export function parseRecord<S extends z.ZodMiniType>(text: string, schema: S, path: string): Read<z.output<S>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: `${path} is not JSON${text.length === 0 ? " (empty)" : ""}` };
  }
  const version = typeof value === "object" && value !== null && "version" in value ? value.version : undefined;
  if (typeof version === "number" && version > 1) {
    return { ok: false, reason: `${path} was written by a newer claude-workers (version ${version})` };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    ok: false,
    reason: `${path} does not fit at "${issue?.path.join(".") ?? ""}" (${issue?.code ?? "unknown"})`,
  };
}

/** A copy of another attempt's record must not make us end or kill that one, nor take this one for over. */
export function own<T>(read: Read<T> | null, path: string, attempt: string, of: (record: T) => string): Read<T> | null {
  if (!read?.ok || of(read.value) === attempt) return read;
  return { ok: false, reason: `${path} belongs to attempt ${of(read.value)}` };
}

export function toText(record: unknown): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}
