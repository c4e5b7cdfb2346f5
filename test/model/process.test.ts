import { describe, expect, test } from "bun:test";
import {
  elapsedSince,
  type Here,
  hasNoEnvironment,
  type Liveness,
  livenessOf,
  parseStat,
  processSchema,
  type Seen,
} from "../../src/model/process.ts";
import { aMoment, aProcess, later } from "./records.ts";

const here: Here = { bootId: "boot-1", machineId: "machine-1", pidNamespace: aProcess.pidNamespace };
const same: Seen = { startTime: aProcess.startTime, state: "S" };

describe("livenessOf", () => {
  const table: [what: string, at: Partial<Here>, seen: Seen | null, is: Liveness][] = [
    ["it", {}, same, "alive"],
    ["stopped by a signal", {}, { ...same, state: "T" }, "alive"],
    ["in uninterruptible sleep", {}, { ...same, state: "D" }, "alive"],
    ["a zombie", {}, { ...same, state: "Z" }, "dead"],
    ["being removed", {}, { ...same, state: "X" }, "dead"],
    ["nothing", {}, null, "dead"],
    ["a stranger with its number", {}, { ...same, startTime: "1234568" }, "dead"],
    ["another boot", { bootId: "boot-2" }, same, "dead"],
    ["another boot, whatever the namespace", { bootId: "boot-2", pidNamespace: "pid:[1]" }, same, "dead"],
    ["another namespace", { pidNamespace: "pid:[1]" }, same, "unknown"],
    ["another machine", { machineId: "machine-2" }, same, "unknown"],
    ["another machine, another boot", { machineId: "machine-2", bootId: "boot-2" }, null, "unknown"],
  ];
  test.each(table)("%s", (_, at, seen, is) => {
    const asked: number[] = [];
    const look = (pid: number) => {
      asked.push(pid);
      return seen;
    };
    expect(livenessOf(aProcess, { ...here, ...at }, look)).toBe(is);
    // Where the number means nothing, it is not even looked up.
    expect(asked).toEqual(Object.keys(at).length === 0 ? [aProcess.pid] : []);
  });
});

describe("processSchema", () => {
  for (const pid of [-1, 0, 1, 1.5, 2 ** 53, "7", null, Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`refuses the number ${pid}`, () => expect(processSchema.safeParse({ ...aProcess, pid }).success).toBe(false));
  }
  test("keeps what it does not know", () =>
    expect(processSchema.parse({ ...aProcess, cgroup: "x" })).toHaveProperty("cgroup", "x"));
});

describe("parseStat", () => {
  const rest = "S 77 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 1234567 99 1 18446744073709551615";
  const names = [
    "bash",
    "a) b",
    "(x)",
    "a b c",
    ") S 1 2 3",
    "new\nline",
    "",
    "((((",
    "))))",
    "Ä)日本",
    "x) Z 1 1 1 1 1",
  ];
  test.each(names)("a program that calls itself %j", (name) =>
    expect(parseStat(`4242 (${name}) ${rest}\n`)).toEqual({ state: "S", parent: 77, startTime: "1234567" }),
  );
  for (const text of ["", "4242", "4242 (x", "4242 (x) S 1"]) {
    test(`not one: ${JSON.stringify(text)}`, () => expect(parseStat(text)).toBeNull());
  }
});

describe("hasNoEnvironment", () => {
  const stat = (memory: number, code: number, start: number, end: number) =>
    `7 (a) b) S ${"0 ".repeat(19)}${memory} 0 0 ${code} ${"0 ".repeat(23)}${start} ${end} 0\n`;
  const table: [what: string, stat: string, is: boolean][] = [
    ["a zombie, or a thread of the kernel", stat(0, 0, 0, 0), true],
    ["started with none", stat(4096, 64, 900, 900), true],
    ["one that is there", stat(4096, 64, 900, 950), false],
    ["an exec that has only just begun", stat(4096, 0, 0, 0), false],
    ["an exec that is at its strings: both ends are the first for a moment", stat(4096, 0, 900, 900), false],
    ["not for us", stat(4096, 1, 0, 0), false],
  ];
  test.each(table)("%s", (_, text, is) => expect(hasNoEnvironment(text)).toBe(is));
});

test("time passes within a boot only", () => {
  expect(elapsedSince(aMoment, later(1500))).toBe(1500);
  expect(elapsedSince(aMoment, { ...aMoment, bootId: "boot-2" })).toBeNull();
});
