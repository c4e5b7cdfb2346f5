/** What the store makes of the attempt folders, whatever is in them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { endSchema, mayEndForIt, nextAttempt, statusOf } from "../../src/model/attempt.ts";
import { outcomeNames } from "../../src/model/outcome.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { now } from "../../src/system/clock.ts";
import { here, self } from "../../src/system/process.ts";
import { aBirth, anEnd, anIdentity, aSnapshot, aStop, aTask, chance, seed } from "../model/records.ts";
import { newFolder } from "../system/folder.ts";
import { type Spawned, shell } from "../system/processes.ts";

const root = process.getuid?.() === 0;
const folder = newFolder(true);
afterAll(() => folder.remove());
let store: Store;
let path: string;
/** A birth that nobody can be alive for. */
const dead = { ...aBirth, process: { ...self(), startTime: "1" } };

beforeEach(() => {
  store = openStore(folder.in(crypto.randomUUID()));
  store.workers.create(anIdentity, null);
  const task = store.attempts.reserve(
    "01",
    (n) => ({ ...aTask, n, reservedBy: self(), reservedAt: now() }),
    aSnapshot,
    null,
  );
  path = store.attempts.at("01", task?.n ?? 0).folder;
});
const status = (n?: number) => statusOf(store.attempts.facts("01", n), now());

test("from nothing to idle, by the records alone", () => {
  const { attempts } = store;
  expect(statusOf(store.attempts.facts("02"), now()).state).toBe("unknown"); // It has no identity.
  expect(status().state).toBe("starting");
  expect(attempts.reserve("01", () => aTask, aSnapshot, null)).toBeNull();
  expect(attempts.bear("01", 1, { ...aBirth, process: self() })).toBe(true);
  expect(attempts.bear("01", 1, dead)).toBe(false);
  expect(status().state).toBe("busy");
  expect(attempts.wishStop("01", 1, aStop)).toBe(true);
  expect(attempts.wishStop("01", 1, { ...aStop, by: "reset" })).toBe(false);
  expect([status().state, attempts.stopWished("01", 1)]).toEqual(["stopping", true]);
  expect(attempts.end("01", 1, anEnd)).toBe(true);
  expect(attempts.end("01", 1, { ...anEnd, outcome: "failed" })).toBe(false);
  expect([status().state, attempts.ended("01", 1)?.outcome]).toEqual(["idle", "delivered"]);
  expect([...store.history.newestFirst()].map(({ outcome }) => outcome)).toEqual(["delivered"]);
  expect(attempts.reserve("01", (n) => ({ ...aTask, n }), aSnapshot, "do it")?.n).toBe(2);
  expect([attempts.request("01", 2), attempts.request("01", 1)]).toEqual(["do it", null]);
});

test("the task of an attempt that is over is read once: what was seen to be well stays so (torture, errors, seed 920020)", () => {
  store.attempts.bear("01", 1, dead);
  store.attempts.end("01", 1, anEnd);
  const facts = store.attempts.facts("01");
  expect(facts?.task.ok).toBe(true);
  fs.writeFileSync(join(path, "task.json"), "");
  expect(facts?.task.ok).toBe(true);
  expect(store.attempts.facts("01")?.task.ok).toBe(false);
});

describe("processes of a dead supervisor", () => {
  let child: Spawned;
  beforeAll(() => {
    child = shell("exec sleep 60", aTask.cookie);
  });
  afterAll(() => child.kill("SIGKILL"));

  test("one with its cookie keeps the worker from being crashed, and anybody from ending it", () => {
    store.attempts.bear("01", 1, dead);
    expect(status()).toMatchObject({ state: "stopping", reason: expect.stringMatching(/still live/) });
    expect(mayEndForIt(store.attempts.facts("01") ?? (null as never))).toBe("no");
  });
  test("one that was noted, in another pid namespace, can't be told", () => {
    fs.writeFileSync(join(path, "task.json"), JSON.stringify({ ...aTask, cookie: crypto.randomUUID() }));
    store.attempts.bear("01", 1, dead);
    expect(status().state).toBe("crashed");
    store.attempts.recordStarted("01", 1, { monitor: { ...self(), pidNamespace: "pid:[1]" }, first: null });
    expect(status()).toMatchObject({ state: "unknown", reason: expect.stringMatching(/can't tell/) });
  });
  test("their list can't be read: nobody knows", () => {
    fs.writeFileSync(join(path, "task.json"), JSON.stringify({ ...aTask, cookie: crypto.randomUUID() }));
    store.attempts.bear("01", 1, dead);
    fs.mkdirSync(join(path, "processes.jsonl"));
    expect(status().state).toBe("unknown");
  });
  test("half a line of a writer that was killed is skipped", () => {
    store.attempts.recordStarted("01", 1, { monitor: self(), first: self() });
    fs.appendFileSync(join(path, "processes.jsonl"), '{"monitor":{"bo');
    expect(store.attempts.started("01", 1)).toEqual([{ monitor: self(), first: self() }]);
  });
});

describe("a record that can't be read makes the worker unknown, with the reason", () => {
  const text = (value: unknown) => (file: string) =>
    fs.writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
  const bytes =
    (...list: number[]) =>
    (file: string) =>
      fs.writeFileSync(file, Uint8Array.from(list));
  const damage: [what: string, harm: (file: string) => unknown, reason: RegExp][] = [
    ["empty", text(""), /is not JSON \(empty\)$/],
    ["cut off", text('{"version":1,"work'), /is not JSON$/],
    ["binary", bytes(0, 159, 146, 150, 255), /is not JSON$/],
    ["10 MB", text("x".repeat(10 << 20)), /is larger than 1048576 bytes$/],
    ["nested 100,000 deep", text("[".repeat(100_000) + "]".repeat(100_000)), /is not JSON|does not fit/],
    [
      "nested deep inside",
      text(`{"version":1,"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`),
      /does not fit|is not JSON/,
    ],
    ["null", text(null), /does not fit at/],
    ["a list", text([]), /does not fit at/],
    ["a number", text(7), /does not fit at/],
    ["of a newer version", text({ version: 2 }), /newer claude-workers \(version 2\)$/],
    ["of no version", text({}), /does not fit at/],
    ["of version 0", text({ version: 0 }), /does not fit at "version"/],
    ["a prototype", text('{"__proto__":{"version":1},"constructor":1}'), /does not fit at/],
    ["a folder", (file) => fs.mkdirSync(file), /is not a regular file$/],
    ["a pipe", (file) => Bun.spawnSync(["mkfifo", file]), /is not a regular file$/],
    ["a socket", (file) => Bun.listen({ unix: file, socket: { data() {} } }).unref(), /\(ENXIO\)$/],
    ["a link to a good one", (file) => fs.symlinkSync(join(path, "good.json"), file), /is a link$/],
  ];
  if (root)
    damage.push([
      "another user's",
      (file) => {
        text(aTask)(file);
        fs.chownSync(file, 65_534, 65_534);
      },
      /belongs to another user \(uid 65534\)$/,
    ]);
  for (const name of ["task.json", "birth.json", "stop.json", "end.json"]) {
    for (const [what, harm, reason] of damage) {
      test(`${name} is ${what}`, () => {
        fs.writeFileSync(join(path, "good.json"), JSON.stringify(anEnd));
        fs.rmSync(join(path, name), { force: true });
        const started = performance.now();
        // A path of a socket has to be short.
        const short = what === "a socket" ? process.cwd() : null;
        if (short) process.chdir(path);
        try {
          harm(short ? name : join(path, name));
        } finally {
          if (short) process.chdir(short);
        }
        const found = status();
        expect(found.state).toBe("unknown");
        expect(found.reason).toStartWith(join(path, name));
        expect(found.reason).toMatch(reason);
        expect(nextAttempt(store.attempts.facts("01"))).toBeNull();
        expect(performance.now() - started).toBeLessThan(5000);
      });
    }
  }
  test("task.json is missing", () => {
    fs.rmSync(join(path, "task.json"));
    expect(status()).toEqual({ state: "unknown", reason: `${join(path, "task.json")} is missing` });
  });
  test("A15: task.json is another attempt's", () => {
    for (const change of [{ worker: "02" }, { n: 2 }, { worker: "../../x" }]) {
      fs.writeFileSync(join(path, "task.json"), JSON.stringify({ ...aTask, ...change }));
      expect(status()).toMatchObject({ state: "unknown", reason: expect.stringMatching(/belongs to attempt/) });
      expect(store.attempts.task("01", 1)).toBeNull();
    }
  });
  test("a cookie that others have too is none", () => {
    for (const cookie of ["", "1", "x".repeat(36)]) {
      fs.writeFileSync(join(path, "task.json"), JSON.stringify({ ...aTask, cookie }));
      expect(status()).toMatchObject({ state: "unknown", reason: expect.stringMatching(/"cookie"/) });
    }
  });
  test("nobody ends, for a task that can't be read, what may be alive", () => {
    store.attempts.bear("01", 1, dead);
    fs.writeFileSync(join(path, "task.json"), "{}");
    expect(mayEndForIt(store.attempts.facts("01") ?? (null as never))).toBe("no");
  });
  test("the folder of attempts is none", () => {
    fs.rmSync(store.paths.attempts("01"), { recursive: true });
    fs.rmSync(store.paths.latest("01"));
    fs.writeFileSync(store.paths.attempts("01"), "");
    expect(status()).toMatchObject({ state: "unknown", reason: expect.stringMatching(/can't be read \(ENOTDIR\)/) });
  });
});

test("what is not known survives", () => {
  fs.writeFileSync(
    join(path, "task.json"),
    JSON.stringify({ ...aTask, later: { deep: [1] }, limits: { ...aTask.limits, ramBytes: 5 } }),
  );
  expect(store.attempts.task("01", 1)).toMatchObject({ later: { deep: [1] }, limits: { ramBytes: 5 } });
});

describe("the hint", () => {
  const end = (n: number) => store.attempts.end("01", n, { ...anEnd, attempt: `01-${n}` });
  beforeEach(() => {
    for (let n = 1; n < 5; n++) {
      end(n);
      store.attempts.reserve("01", (next) => ({ ...aTask, n: next }), aSnapshot, null);
    }
  });
  for (const hint of [
    null,
    "",
    "5",
    "1",
    "3",
    "0",
    "-3",
    "6",
    "9999",
    "1e9",
    "x",
    "5\n",
    "９",
    "\0",
    "4".repeat(60),
    "x".repeat(1000),
  ]) {
    test(hint === null ? "missing" : JSON.stringify(hint.slice(0, 20)), () => {
      fs.rmSync(store.paths.latest("01"));
      if (hint !== null) fs.writeFileSync(store.paths.latest("01"), hint);
      expect(store.attempts.newest("01")).toBe(5);
      end(5);
      expect(store.attempts.reserve("01", (n) => ({ ...aTask, n }), aSnapshot, null)?.n).toBe(6);
      expect(store.attempts.newest("01")).toBe(6);
    });
  }
  test("what else lies in the folder does not count", () => {
    fs.rmSync(store.paths.latest("01"));
    for (const name of [".new-1-0009", "0009.old", "9", "00x9", "-009"])
      fs.mkdirSync(join(store.paths.attempts("01"), name));
    expect(store.attempts.newest("01")).toBe(5);
  });
});

test("an end that its writer did not live to add to the history is added once; two of one attempt are read as one", () => {
  const { history, paths } = store;
  const end = (n: number, at: string) => ({ ...anEnd, attempt: `01-${n}`, startedAt: at, endedAt: at });
  const [first, second, third] = [
    end(1, "2026-01-01T10:00:00Z"),
    end(2, "2026-01-01T11:00:00Z"),
    end(3, "2026-01-01T12:00:00Z"),
  ];
  const read = () => [...history.newestFirst()].map(({ attempt }) => attempt);
  for (const one of [first, first, third, third]) history.complete(one);
  expect(fs.readFileSync(paths.history, "utf8").trimEnd().split("\n")).toHaveLength(2);
  history.complete(second);
  history.complete(second);
  expect(read()).toEqual(["01-2", "01-3", "01-1"]);
  fs.appendFileSync(paths.history, `${JSON.stringify(third)}\n`);
  expect(read()).toEqual(["01-3", "01-2", "01-1"]);
});

test("what the killed processes of an attempt had not finished is removed with its end", () => {
  const { attempts } = store;
  for (const name of [".new-x-end.json", "work.bundle", "canary.json", "egress.sock", "model.sock"])
    fs.writeFileSync(join(path, name), "half");
  fs.mkdirSync(join(path, "work.bundle.git/objects"), { recursive: true });
  fs.writeFileSync(join(path, "work.patch"), "whole");
  attempts.tidy("01", 1);
  expect(fs.readdirSync(path).toSorted()).toEqual(["snapshot.json", "task.json", "work.patch"]);
});

test.skipIf(!root)("what nobody can remove of a gate's keeps no end away", () => {
  const kept = join(path, "trial/kept");
  fs.mkdirSync(kept, { recursive: true });
  const program = `
    const { openStore } = await import(${JSON.stringify(join(import.meta.dir, "../../src/store/store.ts"))});
    openStore(${JSON.stringify(dirname(store.paths.home("01")))}).attempts.tidy("01", 1);
    console.log("tidied");`;
  const inside = `mount -t tmpfs none "$0" && exec "$1" --no-env-file -e "$2"`;
  const ran = Bun.spawnSync(["unshare", "-m", "sh", "-c", inside, kept, process.execPath, program]);
  expect([ran.stderr.toString(), ran.stdout.toString()]).toEqual(["", "tidied\n"]);
  store.attempts.tidy("01", 1);
  expect(fs.existsSync(join(path, "trial"))).toBe(false);
});

for (const umask of [0o000, 0o077]) {
  test(`everything is private under umask ${umask.toString(8)}`, () => {
    const before = process.umask(umask);
    let made: Store;
    try {
      made = openStore(folder.in(crypto.randomUUID()));
      made.workers.create(anIdentity, { version: 1, githubToken: "x" });
      made.workers.storeSecrets("01", { version: 1 });
      made.workers.fleetId();
      made.attempts.reserve("01", (n) => ({ ...aTask, n }), aSnapshot, "words");
      made.attempts.unsettle("01", 1);
      made.attempts.bear("01", 1, aBirth);
      made.attempts.wishStop("01", 1, aStop);
      made.attempts.recordStarted("01", 1, { monitor: self(), first: null });
      made.journal.append("01", 1, { type: "warning", message: "x" });
      made.attempts.end("01", 1, anEnd);
    } finally {
      process.umask(before);
    }
    const odd = fs.readdirSync(made.paths.root, { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const mode = fs.statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      return mode === (entry.isDirectory() ? 0o700 : 0o600) ? [] : [`${entry.name} ${mode.toString(8)}`];
    });
    expect(odd).toEqual([]);
    expect(fs.statSync(made.paths.root).mode & 0o777).toBe(0o700);
  });
}

test("2,000 records by chance: idle only with a good end, and never an exception", () => {
  const random = chance(seed());
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const odd: readonly unknown[] = [
    null,
    true,
    0,
    -1,
    1,
    2 ** 53,
    1.5,
    "",
    "x",
    "alive",
    [],
    {},
    [null],
    "../..",
    "\0",
    1e308,
    "2026",
  ];
  const change = (value: unknown, depth = 0): unknown => {
    if (random() < 0.12) return pick(odd);
    if (typeof value !== "object" || value === null || depth > 3) return value;
    const entries = Object.entries(value).flatMap(([key, inner]) => {
      const chosen = random();
      if (chosen < 0.02) return [];
      if (chosen < 0.04) return [[`${key}x`, inner] as const];
      return [[key, chosen < 0.3 ? change(inner, depth + 1) : inner] as const];
    });
    return Object.fromEntries(entries);
  };
  const garble = (text: string): string | Uint8Array => {
    const bytes = Buffer.from(text);
    if (random() < 0.1) return bytes.subarray(0, Math.floor(random() * bytes.length));
    if (random() < 0.1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    return bytes;
  };
  const good = {
    "task.json": { ...aTask, reservedBy: { ...self(), startTime: "1" } },
    "birth.json": { ...dead, process: { ...here(), pid: 2 ** 22 + 5, startTime: "1" } },
    "stop.json": aStop,
    "end.json": anEnd,
  };
  const seen = new Map<string, number>();
  for (let round = 0; round < 2000; round++) {
    for (const [name, record] of Object.entries(good)) {
      const file = join(path, name);
      fs.rmSync(file, { force: true });
      if (random() < 0.15) continue;
      fs.writeFileSync(file, garble(JSON.stringify(random() < 0.5 ? change(record) : record)));
    }
    const facts = store.attempts.facts("01");
    const { state, reason } = statusOf(facts, now());
    seen.set(state, (seen.get(state) ?? 0) + 1);
    expect(nextAttempt(facts)).toBe(state === "idle" ? 2 : null);
    if (facts !== null) mayEndForIt(facts);
    if (state === "idle") {
      const end = JSON.parse(fs.readFileSync(join(path, "end.json"), "utf8"));
      expect(endSchema.safeParse(end).success).toBe(true);
      expect(outcomeNames).toContain(end.outcome);
    }
    if (state === "unknown") expect(reason).toMatch(/\.json (?:is|does|was|belongs)|can't tell|another machine/);
  }
  // Each state that records alone can bring about was there.
  expect([...seen.keys()]).toEqual(expect.arrayContaining(["idle", "unknown", "crashed"]));
}, 60_000);
