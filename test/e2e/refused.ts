/** What every refusal has to be like: its exit code, one clear line with a hint, JSON on request, and nothing left behind. */
import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import { exitCodes, type FailureCode } from "../../src/model/errors.ts";
import type { RunOptions, TestFleet } from "../support/fleet.ts";

export interface Expected {
  readonly code: FailureCode;
  readonly message: RegExp;
  /** Default: any. */
  readonly hint?: RegExp;
  /** So many requests to GitHub are right. Default 0; undefined: any. */
  readonly calls?: number | undefined;
}

/** No byte that a terminal obeys: 00-08, 0B-1F, 7F-9F, nor what turns the direction of a text around. */
export const unprintable =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u;

/** As people see it, then as programs do. @returns the message */
export async function refused(
  fleet: TestFleet,
  args: readonly string[],
  expected: Expected,
  options: RunOptions = {},
): Promise<string> {
  const plain = await fleet.cw(args, options);
  const said = plain.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("warning: "));
  expect({ args, code: plain.code, stdout: plain.stdout, lines: said.length, said: said.join("\n") }).toEqual({
    ...{ args, code: exitCodes[expected.code], stdout: "", lines: 1 },
    // What is wrong with the configuration says by itself what is expected.
    said: expect.stringMatching(expected.code === "config" ? expected.message : /^[^{].* \(hint: .+\)$/),
  });
  expect(unprintable.test(plain.stderr)).toBe(false);
  return await refusedAsJson(fleet, args, expected, options);
}

/** For long tables: what is printed for people is made by the same few lines for all of them. */
export async function refusedAsJson(
  fleet: TestFleet,
  args: readonly string[],
  { code, message, hint, ...rest }: Expected,
  options: RunOptions = {},
): Promise<string> {
  const before = tree(fleet.folder);
  const calls = fleet.standin.journal.entries.length;
  const ran = await fleet.cw(["--json", ...args], options);
  expect({ args, code: ran.code, stdout: ran.stdout, stderr: ran.stderr }).toEqual({
    ...{ args, code: exitCodes[code], stdout: "" },
    stderr: expect.stringMatching(/^\{"error":\{.*\}\}\n$/),
  });
  expect(unprintable.test(ran.stderr)).toBe(false);
  const { error } = JSON.parse(ran.stderr) as { error: { code: string; message: string; hint?: string } };
  const mending = code === "config" && hint === undefined ? {} : { hint: expect.stringMatching(hint ?? /./) };
  expect({ args, ...error }).toEqual({ ...mending, args, code, message: expect.stringMatching(message) });
  expect([args, ...tree(fleet.folder)]).toEqual([args, ...before]);
  if (!("calls" in rest) || rest.calls !== undefined) {
    const asked = fleet.standin.journal.entries.slice(calls).map((entry) => `${entry.method} ${entry.path}`);
    expect({ args, asked: asked.slice(rest.calls ?? 0) }).toEqual({ args, asked: [] });
  }
  return error.message;
}

/** Every file and folder below it but locks, and what Bun keeps of the TypeScript of a checkout. */
function tree(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => !/\.fleet\/locks(?:\/|$)|operator\/\.bun/.test(path))
    .sort();
}

/** All of them, some at a time: each is a process. */
export async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<unknown>, atATime = 4): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
