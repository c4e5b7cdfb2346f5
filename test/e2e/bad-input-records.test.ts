/** Records that can't be read: the worker is unknown, with the exact reason; never idle, never killed, never a crash of ours. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { statusOf } from "../../src/model/attempt.ts";
import { openStore } from "../../src/store/store.ts";
import { now } from "../../src/system/clock.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { inTurn, refused, refusedAsJson, unprintable } from "./refused.ts";

let fleet: TestFleet;
let pristine: string;
let control: string;
let attempt: string;
beforeAll(async () => {
  fleet = await testFleet({ isolation: "none" });
  expect((await fleet.cw(["dispatch", "-r", "acme/site", "-p", "[[scenario:answer]]"])).code).toBe(0);
  await fleet.ended("01");
  expect(await fleet.leftovers()).toEqual([]);
  control = join(fleet.root, ".fleet");
  attempt = fleet.attempt("01", 1);
  pristine = join(fleet.folder, "pristine");
  cpSync(control, pristine, { recursive: true });
});
beforeEach(() => {
  rmSync(control, { recursive: true, force: true });
  cpSync(pristine, control, { recursive: true });
  chmodSync(control, 0o700);
  fleet.standin.journal.clear();
});
afterAll(() => fleet.close());

const record = (name: string) => (name === "identity.json" ? join(control, "01", name) : join(attempt, name));
const damage: [string, RegExp, (path: string) => void][] = [
  ["empty", /is not JSON \(empty\)/, (path) => truncateSync(path)],
  ["cut off", /is not JSON/, (path) => truncateSync(path, Math.floor(readFileSync(path).length / 2))],
  ["of another kind", /does not fit at/, (path) => writeFileSync(path, "[]")],
  ["without a field", /does not fit at/, (path) => edit(path, { version: undefined, worker: 7, by: 7, outcome: 7 })],
  ["newer", /written by a newer claude-workers \(version 2\)/, (path) => edit(path, { version: 2 })],
  ["a link", /is a link/, (path) => instead(path, () => symlinkSync(`${path}.real`, path))],
  ["a folder", /is not a regular file/, (path) => instead(path, () => mkdirSync(path))],
  ["a pipe", /is not a regular file/, (path) => instead(path, () => Bun.spawnSync(["mkfifo", path]))],
  ["huge", /is larger than/, (path) => truncateSync(path, 2 << 20)],
];
if (process.getuid?.() === 0)
  damage.push(["another user's", /belongs to another user \(uid 65534\)/, (path) => chownSync(path, 65534, 65534)]);

function instead(path: string, make: () => unknown): void {
  renameSync(path, `${path}.real`);
  make();
}

function edit(path: string, change: object): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...change }));
}

/** What must be so of a worker whose state can't be told. */
async function staysUnknown(reason: RegExp): Promise<void> {
  const status = await fleet.cw(["status", "--json"]);
  expect([status.code, status.stderr]).toEqual([0, ""]);
  expect(status.json().workers).toMatchObject([{ id: "01", state: "unknown", reason: expect.stringMatching(reason) }]);
  const plain = await fleet.cw(["status"]);
  expect([plain.code, unprintable.test(plain.stdout)]).toEqual([0, false]);
  expect(plain.stdout).toMatch(/01 +unknown/);
  const verbs = [
    ["dispatch", "-r", "acme/site", "-p", "x", "-w", "01"],
    ["stop", "01"],
    ["reset", "-f", "01"],
    ["restart", "01"],
  ];
  for (const verb of verbs)
    await refusedAsJson(fleet, verb, { code: "environment", message: reason, hint: /restore that record/ });
  await refusedAsJson(fleet, ["dispatch", "-r", "acme/site", "-p", "x"], {
    code: "busy",
    message: /^no worker is idle/,
  });
}

/** In this process: the table is long, and what a state is comes from one function. */
function unknownReason(): string | null {
  const { state, reason } = statusOf(openStore(fleet.root).attempts.facts("01"), now());
  return state === "unknown" ? reason : null;
}

describe.each(["task.json", "birth.json", "stop.json", "end.json", "identity.json"])("%s", (name) => {
  // The end decides alone, so the others matter only without it.
  const endless = name === "task.json" || name === "birth.json" || name === "stop.json";
  const stop = JSON.stringify({ version: 1, by: "stop", at: "2026-01-01T00:00:00Z" });

  test("damaged in any way", () => {
    for (const [how, reason, spoil] of damage) {
      rmSync(control, { recursive: true });
      cpSync(pristine, control, { recursive: true });
      if (name === "stop.json") writeFileSync(record(name), stop);
      if (endless) rmSync(record("end.json"));
      spoil(record(name));
      expect([how, unknownReason()]).toEqual([how, expect.stringMatching(reason)]);
      expect(unknownReason()).toContain(record(name));
    }
  });

  test("cut off, as every command sees it", async () => {
    if (name === "stop.json") writeFileSync(record(name), stop);
    if (endless) rmSync(record("end.json"));
    truncateSync(record(name), 20);
    await staysUnknown(new RegExp(`${name} is not JSON`));
  });
});

test("an attempt without its task is unknown; with its end it is over, whatever became of the rest", () => {
  rmSync(record("task.json"));
  expect(unknownReason()).toBeNull();
  rmSync(record("end.json"));
  expect(unknownReason()).toMatch(/task\.json is missing/);
});

test("of an attempt that is over, a task that can't be read: reset and restart say why (torture, errors, seed 920048)", async () => {
  truncateSync(record("task.json"), 20);
  for (const verb of [
    ["reset", "01"],
    ["restart", "01"],
  ])
    await refusedAsJson(fleet, verb, {
      code: "environment",
      message: /task\.json is not JSON/,
      hint: /restore that record/,
    });
});

test("a worker without its identity is unknown", () => {
  rmSync(record("identity.json"));
  expect(unknownReason()).toMatch(/identity\.json is missing/);
});

test("another attempt's record, copied: its end ends nothing here, its supervisor is not ours to stop", async () => {
  edit(record("end.json"), { attempt: "02-1" });
  await staysUnknown(/end\.json belongs to attempt 02-1/);
  rmSync(record("end.json"));
  edit(record("birth.json"), { attempt: "01-7" });
  expect(unknownReason()).toMatch(/birth\.json belongs to attempt 01-7/);
});

test("another worker's identity, copied: nobody works under a strange name", async () => {
  edit(record("identity.json"), { worker: "02" });
  await staysUnknown(/identity\.json belongs to worker 02/);
});

test("A14: a process number that is none of ours is never believed", () => {
  rmSync(record("end.json"));
  const birth = JSON.parse(readFileSync(record("birth.json"), "utf8"));
  for (const pid of [-1, 0, 1, 2 ** 31, "1x", 1.5, null]) {
    writeFileSync(record("birth.json"), JSON.stringify({ ...birth, process: { ...birth.process, pid } }));
    // Beyond the largest process number there is none: nobody's supervisor lives there.
    if (pid !== 2 ** 31)
      expect([pid, unknownReason()]).toEqual([pid, expect.stringMatching(/birth\.json does not fit/)]);
    else expect(statusOf(openStore(fleet.root).attempts.facts("01"), now()).state).toBe("crashed");
  }
});

test("another machine's attempt is unknown: nothing here can tell", () => {
  rmSync(record("end.json"));
  const birth = JSON.parse(readFileSync(record("birth.json"), "utf8"));
  edit(record("birth.json"), { process: { ...birth.process, machineId: "elsewhere" } });
  expect(unknownReason()).toMatch(/another machine or process namespace/);
});

test("stored credentials that can't be read are named, with what mends them", async () => {
  const env = { GH_TOKEN: undefined, ANTHROPIC_API_KEY: undefined };
  for (const content of ["", '{"version":2}', '{"version":1,"githubToken":7}']) {
    writeFileSync(join(control, "01/secrets.json"), content);
    const message = /^the stored credentials of worker 01 can't be read: .*secrets\.json/;
    await refused(
      fleet,
      ["dispatch", "-r", "acme/site", "-p", "x"],
      { code: "environment", message, hint: /cw refresh 01/ },
      { env },
    );
    const refreshed = await fleet.cw(["refresh", "01"]);
    expect([refreshed.code, refreshed.stdout]).toEqual([0, expect.stringMatching(/stored: .*GH_TOKEN/)]);
    const after = await fleet.cw(["dispatch", "-r", "acme/site", "-p", "x", "--dry-run"], { env });
    expect([after.code, after.stderr]).toEqual([0, ""]);
  }
});

test("the fleet's own record can't be read: nothing is claimed in a new name", async () => {
  const issue = String(fleet.repo.openIssue({ title: "Another" }));
  for (const content of ["", '{"version":2,"id":"12345678"}', '{"version":1,"id":"x"}']) {
    writeFileSync(join(control, "fleet.json"), content);
    const expected = {
      code: "environment",
      message: /^the fleet's own record can't be read/,
      hint: /restore it/,
    } as const;
    await refusedAsJson(fleet, ["init", "02"], expected);
    await refusedAsJson(fleet, ["dispatch", "-r", "acme/site", "-i", issue], expected);
  }
});

test("readers go on: broken lines in events, history, transcript and processes are skipped", async () => {
  const garbage =
    '{"at":"2026-01-01T00:00:00Z","type":"x\n\x1b]0;owned\x07\n[]\nnull\n{"type":7}\n{"at":1,"type":"agent:activity"}\n{"at"';
  for (const path of ["events.jsonl", "transcript.jsonl", "processes.jsonl", "stderr.log"]
    .map(record)
    .concat(join(control, "history.jsonl")))
    writeFileSync(path, garbage, { flag: "a" });
  writeFileSync(join(control, "01/latest"), "../../../etc\n");
  const verbs = [
    ["status"],
    ["history"],
    ["watch", "01"],
    ["logs", "01"],
    ["logs", "01", "--stderr"],
    ["inspect", "01"],
    ["todos", "01"],
  ];
  await inTurn(verbs, async (verb) => {
    for (const args of [verb, [...verb, "--json"]]) {
      const ran = await fleet.cw(args);
      expect({ args, code: ran.code, stderr: ran.stderr }).toEqual({ args, code: 0, stderr: "" });
      expect([args, unprintable.test(ran.stdout)]).toEqual([args, false]);
    }
  });
  const [end] = (await fleet.cw(["history", "--json"])).json();
  expect(end).toMatchObject({ attempt: "01-1", outcome: "answered" });
});
