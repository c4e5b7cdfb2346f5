/** Counts what a test tries of an attack of docs/security.md. The figures of `npm run test:security` are the sum. */
import { expect } from "bun:test";
import { appendFileSync } from "node:fs";

/**
 * Says how often an attack was tried and which of the tries succeeded, and fails when one did.
 * @param ids of the table, `A10, A11`: the tries count for the first, the others are tried with them
 * @param escaped what succeeded, in words
 */
export function held(ids: string, attempts: number, escaped: readonly string[]): void {
  // Without a try nothing is held.
  expect(attempts).toBeGreaterThan(0);
  const file = process.env["CW_ATTACKS"];
  if (file) appendFileSync(file, `${JSON.stringify({ ids: ids.split(", "), attempts, escaped: escaped.length })}\n`);
  expect({ ids, escaped }).toEqual({ ids, escaped: [] });
}
