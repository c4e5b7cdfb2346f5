/** Ways in which a record on disk can be other than what was written there, and what a record has to be, by our own table. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import type { Random } from "./random.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Values that are no harm anywhere else. */
const odd: readonly Json[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1,
    1.5,
    2 ** 31,
    2 ** 53,
    1e308,
    "",
    "0",
    "1",
    "01",
    "01-1",
    "\u0000",
    "\u001b]0;x\u0007",
    "\ud800",
  ],
  ...[
    "../../../etc/passwd",
    "x".repeat(5000),
    "constructor",
    "2026-01-01T00:00:00Z",
    [],
    [[]],
    {},
    { length: 1 },
    [null],
  ],
];

/** All places in a document, as paths. */
function placesIn(value: Json, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...at, key]))];
}

function changed(value: Json, at: readonly string[], change: (value: Json) => Json | undefined): Json | undefined {
  const [key, ...rest] = at;
  if (key === undefined) return change(value);
  if (typeof value !== "object" || value === null) return value;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, Json>;
  const inner = changed(copy[key] ?? null, rest, change);
  if (inner === undefined) delete copy[key];
  else copy[key] = inner;
  return copy as Json;
}

type Edit = (text: string, random: Random, foreign: string) => string | Uint8Array;

/** Of the value in the record. */
function document(change: (value: Json, random: Random) => Json | undefined): Edit {
  return (text, random) => {
    const value = JSON.parse(text) as Json;
    return JSON.stringify(change(value, random) ?? null);
  };
}

/** Of its bytes. */
function bytes(change: (bytes: Uint8Array, random: Random, foreign: string) => Uint8Array): Edit {
  return (text, random, foreign) => change(new Uint8Array(Buffer.from(text)), random, foreign);
}

const somewhere = (value: Json, random: Random) => random.pick(placesIn(value));

export const edits: Readonly<Record<string, Edit>> = {
  empty: () => "",
  "cut off": (text, random) => text.slice(0, random.below(text.length)),
  "a bit turned": bytes((all, random) => {
    const at = random.below(all.length);
    all[at] = (all[at] ?? 0) ^ (1 << random.below(8));
    return all;
  }),
  "bytes replaced": bytes((all, random) => {
    for (let count = 1 + random.below(8); count > 0; count--) all[random.below(all.length)] = random.below(256);
    return all;
  }),
  "bytes put in": bytes((all, random) => {
    const at = random.below(all.length);
    const more = Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256));
    return Buffer.concat([all.subarray(0, at), more, all.subarray(at)]);
  }),
  "bytes taken out": bytes((all, random) => {
    const at = random.below(all.length);
    return Buffer.concat([all.subarray(0, at), all.subarray(at + 1 + random.below(40))]);
  }),
  "a block of zeros": bytes((all, random) => {
    // What a file system leaves where the length was written, and the content was not.
    const at = random.below(all.length);
    all.fill(0, at, at + 1 + random.below(512));
    return all;
  }),
  "spliced with another": bytes((all, random, foreign) =>
    Buffer.concat([
      all.subarray(0, random.below(all.length)),
      Buffer.from(foreign.slice(random.below(foreign.length))),
    ]),
  ),
  twice: (text) => text + text,
  "noise alone": bytes((_, random) => Uint8Array.from({ length: random.below(300) }, () => random.below(256))),
  "with a byte order mark": (text) => `\ufeff${text}`,
  "nested too deep": (_, random) => "[".repeat(random.below(20_000)),
  foreign: (_text, _random, foreign) => foreign,
  newer: document((value, random) => ({ ...(value as object), version: 2 + random.below(1000) }) as Json),
  "of a version that is none": document(
    (value, random) => ({ ...(value as object), version: random.pick(odd) }) as Json,
  ),
  "a value replaced": document((value, random) => changed(value, somewhere(value, random), () => random.pick(odd))),
  "a field taken out": document((value, random) => changed(value, somewhere(value, random), () => undefined)),
  "two values replaced": document((value, random) => {
    const once = changed(value, somewhere(value, random), () => random.pick(odd)) ?? null;
    return changed(once, somewhere(once, random), () => random.pick(odd));
  }),
  "fields added": document(
    (value, random) =>
      ({ ...(value as object), [random.pick(["x", "toString", "then", ""])]: random.pick(odd) }) as Json,
  ),
  "a prototype": (text) => text.replace("{", '{"__proto__":{"end":true},'),
};

/** Of what the file is, where its content does not matter. Each says what has to be told of it. */
export const swaps: Readonly<Record<string, readonly [said: RegExp, swap: (path: string) => void]>> = {
  missing: [/is missing/, (path) => rmSync(path)],
  "a link": [/is a link/, (path) => instead(path, (real) => symlinkSync(real, path))],
  "a link to nowhere": [/is a link/, (path) => instead(path, () => symlinkSync("/nonexistent", path))],
  "a folder": [/is not a regular file/, (path) => instead(path, () => mkdirSync(path))],
  "a pipe": [/is not a regular file/, (path) => instead(path, () => void Bun.spawnSync(["mkfifo", path]))],
  huge: [/is larger than/, (path) => truncateSync(path, 17 << 20)],
  ...(process.getuid?.() === 0
    ? { "another user's": [/belongs to another user/, (path: string) => chownSync(path, 65534, 65534)] as const }
    : { unreadable: [/can't be opened/, (path: string) => chmodSync(path, 0)] as const }),
};

function instead(path: string, make: (real: string) => void): void {
  renameSync(path, `${path}.real`);
  make(`${path}.real`);
}

type Kind = (value: unknown) => boolean;
const text: Kind = (value) => typeof value === "string";
const number: Kind = (value) => typeof value === "number" && Number.isFinite(value);
const truth: Kind = (value) => typeof value === "boolean";
const orNull =
  (kind: Kind): Kind =>
  (value) =>
    value === null || kind(value);
const among =
  (...values: readonly unknown[]): Kind =>
  (value) =>
    values.includes(value);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const fields =
  (kinds: Readonly<Record<string, Kind>>): Kind =>
  (value) =>
    isObject(value) && Object.entries(kinds).every(([name, kind]) => kind(value[name]));

const aProcess = fields({
  ...{ bootId: text, machineId: text, pidNamespace: text, startTime: text },
  pid: (value) => Number.isSafeInteger(value) && Number(value) > 1,
});
const aMoment = fields({ at: text, bootId: text, uptimeMs: number });
const limits = fields({
  ...{ startMs: number, silenceMs: number, wallMs: number, graceMs: number, parkedMs: number },
  ...{ budgetUsd: orNull(number), turns: orNull(number), transcriptBytes: number },
});
const outcomes = [
  ...["delivered", "answered", "simulated", "no-change", "declined", "failed", "timed-out", "stalled", "over-budget"],
  ...["rejected", "refused", "limited", "stopped", "withdrawn", "fenced", "lost"],
];

/** What each record of a worker's first attempt has to be, spelt out a second time: the product's own schemas are under test. */
const shapesOf = (worker: string) => ({
  task: fields({
    ...{ version: among(1), worker: among(worker), n: among(1), repo: text, issue: orNull(number) },
    ...{ agent: among("claude", "dry-run"), isolation: among("bubblewrap", "settings", "none"), innerSandbox: truth },
    ...{ model: text, mode: among("update", "read", "issue", undefined), limits, sessionId: text },
    cookie: (value) => typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
    ...{ resumes: orNull(number), reservedAt: aMoment, reservedBy: aProcess, bornWithinMs: number },
  }),
  birth: fields({
    ...{
      version: among(1),
      attempt: among(`${worker}-1`, undefined),
      by: among("supervisor", "cancellation"),
      process: aProcess,
      bornAt: aMoment,
    },
    reason: orNull(text),
  }),
  stop: fields({ version: among(1), by: among("stop", "reset", "shutdown"), at: text }),
  end: fields({
    ...{ version: among(1), attempt: among(`${worker}-1`), worker: text, repo: text, issue: orNull(number) },
    ...{ outcome: among(...outcomes), reason: text, startedAt: text, endedAt: text, durationMs: number, model: text },
    ...{
      turns: number,
      costUsd: orNull(number),
      branch: orNull(text),
      commits: number,
      added: number,
      removed: number,
    },
    tokens: fields({ input: number, output: number, cacheRead: number, cacheWrite: number }),
    files: (value) => Array.isArray(value) && value.every(text),
    pull: orNull(fields({ number, url: text })),
  }),
  identity: fields({
    ...{ version: among(1), worker: among(worker), name: text, email: text, template: text, createdAt: text },
  }),
});
export type RecordName = keyof ReturnType<typeof shapesOf>;

/** What has to be said of a file; null where it is as it should be. */
export function wrongWith(worker: string, name: RecordName, path: string): RegExp | null {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return /is not JSON/;
  }
  if (isObject(value) && typeof value["version"] === "number" && value["version"] > 1)
    return /was written by a newer claude-workers/;
  return shapesOf(worker)[name](value) ? null : /does not fit at "[\w.]*" \(|belongs to /;
}

export function write(path: string, content: string | Uint8Array): void {
  writeFileSync(path, content, { mode: 0o600 });
}
