/** Agents that fork, ignore signals and flood: after the end nothing of them lives, and what they said is bounded. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { begin, heard, lanes, newest, running, supervisorOf } from "../support/attempt.ts";
import { systemPath, type TestFleet, testFleet, until } from "../support/fleet.ts";
import { processesOf } from "../support/leftovers.ts";

const limit = 1 << 20;
const turn = lanes(2);
const noBubblewrap = Bun.which("bwrap") === null;

const cookieOf = (fleet: TestFleet, worker: string): string =>
  JSON.parse(readFileSync(join(fleet.attempt(worker, newest(fleet, worker)), "task.json"), "utf8")).cookie;
/** Processes of the newest attempt, without its supervisor. */
const survivors = (fleet: TestFleet, worker: string) => processesOf(cookieOf(fleet, worker));
const sizes = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size]));

describe.each(["bubblewrap", "none"] as const)("isolation %s", (isolation) => {
  if (isolation === "bubblewrap" && noBubblewrap) {
    test.skip("bubblewrap is not installed", () => {});
    return;
  }
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await testFleet({ isolation, workers: ["d1", "d2", "i1", "c1", "s1", "l1"] });
    fleet.configure({ limits: { transcriptBytes: limit } });
  });
  afterAll(async () => await fleet?.close());

  describe.concurrent("an agent", () => {
    test(
      "A57: that leaves daemons behind: they are dead when its end is written",
      () =>
        turn(async () => {
          await begin(fleet, { worker: "d1", body: "[[scenario:daemons]]" });
          expect((await fleet.ended("d1")).outcome).toBe("delivered");
          expect(survivors(fleet, "d1")).toEqual([]);
        }),
      180_000,
    );

    test(
      "that ignores TERM: stop kills it",
      () =>
        turn(async () => {
          await begin(fleet, { worker: "i1", body: "[[scenario:ignore-term]]" });
          await running(fleet, "i1");
          expect(survivors(fleet, "i1").length).toBeGreaterThan(0);
          const stopped = await fleet.cw(["stop", "i1", "--json"]);
          expect(stopped.json()).toMatchObject({ outcome: "stopped" });
          expect(survivors(fleet, "i1")).toEqual([]);
        }),
      180_000,
    );

    test(
      "that never stops talking: stop ends it, and status is quick until then",
      () =>
        turn(async () => {
          await begin(fleet, { worker: "c1", body: "[[scenario:chatty]]" });
          await heard(fleet, "c1", "agent:usage", ({ turns }) => turns > 20);
          const began = performance.now();
          expect((await fleet.cw(["status", "c1", "--json"])).json().workers[0]).toMatchObject({
            state: "busy",
            attempt: { step: "agent" },
          });
          expect(performance.now() - began).toBeLessThan(3000);
          expect((await fleet.cw(["stop", "c1", "--json"])).json()).toMatchObject({ outcome: "stopped" });
          expect(survivors(fleet, "c1")).toEqual([]);
        }),
      180_000,
    );

    test.each([
      ["s1", "spew"],
      ["l1", "long-line"],
    ])(
      "A16: %s: more output (%s) than is kept: the disk is safe, its end is still read",
      (worker, scenario) =>
        turn(async () => {
          await begin(fleet, { worker, body: `[[scenario:${scenario}]] [[mb:24]]` });
          const pid = supervisorOf(fleet, worker);
          let peak = 0;
          const end = await until(`${scenario} ends`, () => {
            peak = Math.max(peak, memoryOf(pid));
            return existsSync(join(fleet.attempt(worker, 1), "end.json")) ? fleet.ended(worker) : null;
          });
          expect({ outcome: end.outcome, turns: end.turns }).toEqual({ outcome: "no-change", turns: 1 });
          expect(survivors(fleet, worker)).toEqual([]);
          const size = sizes(fleet.attempt(worker, 1));
          expect(size["transcript.jsonl"]).toBeLessThan(limit * 1.02);
          expect(size["events.jsonl"]).toBeLessThan(limit);
          const exited = await heard(fleet, worker, "agent:exited");
          expect(exited.dropped).toBeGreaterThan(0);
          expect(peak).toBeLessThan(400 << 20);
        }),
      180_000,
    );
  });

  test("nothing is left", async () => {
    for (const worker of ["i1", "c1"]) expect((await fleet.cw(["reset", worker])).code).toBe(0);
    for (const worker of ["s1", "l1"]) expect((await fleet.cw(["reset", worker])).code).toBe(0);
    expect(await fleet.leftovers()).toEqual([]);
  }, 60_000);
});

test("without an isolation a supervisor that is killed leaves its agent: status says so, reset ends it", async () => {
  const fleet = await testFleet({ isolation: "none" });
  try {
    await begin(fleet, { worker: "01", body: "[[scenario:edit-hang]]" });
    await heard(fleet, "01", "agent:activity", ({ kind }) => kind === "result");
    process.kill(supervisorOf(fleet, "01"), "SIGKILL");
    const state = async () => (await fleet.cw(["status", "--json"])).json().workers[0];
    expect(
      await until("the supervisor is gone", async () => ((await state()).state === "busy" ? null : await state())),
    ).toMatchObject({
      state: "stopping",
      reason: expect.stringContaining("processes of the attempt still live"),
    });
    expect((await fleet.cw(["reset", "01"])).code).toBe(4);
    expect((await fleet.cw(["reset", "-f", "01"])).code).toBe(0);
    expect(survivors(fleet, "01")).toEqual([]);
    expect(await fleet.leftovers()).toEqual([]);
  } finally {
    await fleet.close();
  }
}, 60_000);

test.skipIf(noBubblewrap)(
  "a supervisor that is killed right after it has started the agent takes it along, every time",
  async () => {
    const lanesOfIt = ["01", "02", "03"];
    const fleet = await testFleet({ isolation: "bubblewrap", workers: lanesOfIt });
    try {
      const alive = await Promise.all(
        lanesOfIt.map(async (worker, lane) => {
          let late = 0;
          for (let round = 0; round < 9; round++) {
            const issue = await begin(fleet, { worker, body: "[[scenario:ignore-term]]" });
            const supervisor = supervisorOf(fleet, worker);
            if (round < 5) {
              await until("bubblewrap is started", () => startedBwrap(supervisor) || null, 20_000);
              await Bun.sleep((round * 3 + lane) * 1.4);
            } else {
              // The gate opens a moment later: what is inside by now must not go through it without us.
              const events = join(fleet.attempt(worker, newest(fleet, worker)), "events.jsonl");
              while (!readFileSync(events, "utf8").includes('"agent:started"')) await setImmediate();
              await Bun.sleep(round - 4 + lane / 3);
            }
            process.kill(supervisor, "SIGKILL");
            const gone = until("the agent is gone", () => survivors(fleet, worker).length === 0 || null, 3000);
            late += await gone.then(
              () => 0,
              () => 1,
            );
            const reset = await until("nobody else ends it", async () => {
              const ran = await fleet.cw(["reset", worker]);
              // The reset of another worker may be saving what this one left.
              return /is stopping/.test(ran.stderr) ? null : ran;
            });
            expect({ code: reset.code, stderr: reset.code === 0 ? "" : reset.stderr }).toEqual({ code: 0, stderr: "" });
            expect(fleet.repo.labels(issue)).toEqual([]);
          }
          return late;
        }),
      );
      expect(alive).toEqual([0, 0, 0]);
      expect(await fleet.leftovers()).toEqual([]);
    } finally {
      await fleet.close();
    }
  },
  120_000,
);

test.skipIf(noBubblewrap)(
  "a supervisor that is killed while bubblewrap is not bound to it yet has let nothing begin",
  async () => {
    const tools = mkdtempSync(join(tmpdir(), "cw-slow-"));
    const held = join(tools, "held");
    // An agent's says who its child is, and then reads a file that has no end until this test closes it.
    const slow = `#!/bin/sh\ncase "$*" in *stream-json*) set -- --file 9 /tmp/held "$@"; exec 9< ${held} ;; esac\nexec bwrap-itself "$@"\n`;
    writeFileSync(join(tools, "bwrap"), slow.replace("bwrap-itself", Bun.which("bwrap") ?? ""), { mode: 0o755 });
    Bun.spawnSync(["mkfifo", held]);
    let hold: number | null = openSync(held, "r+");
    const fleet = await testFleet({ isolation: "bubblewrap", env: { PATH: `${tools}:${systemPath}` } });
    try {
      await begin(fleet, { worker: "01", body: "[[scenario:ignore-term]]" });
      const supervisor = supervisorOf(fleet, "01");
      const isThere = () => readdirSync(fleet.attempt("01", 1)).some((name) => /^first-(?!canary)/.test(name));
      await until("bubblewrap of the agent is started", () => isThere() || null, 20_000);
      const started = () => heardOf(fleet).includes('"agent:started"');
      for (let looks = 0; looks < 300 && !started(); looks++) await Bun.sleep(10);
      expect(survivors(fleet, "01")).not.toEqual([]);
      process.kill(supervisor, "SIGKILL");
      closeSync(hold);
      hold = null;
      await until("nothing of it is there", () => survivors(fleet, "01").length === 0 || null, 5000);
      expect(started()).toBe(false);
      expect((await fleet.cw(["reset", "01"])).code).toBe(0);
      expect(await fleet.leftovers()).toEqual([]);
    } finally {
      if (hold !== null) closeSync(hold);
      await fleet.close();
      rmSync(tools, { recursive: true });
    }
  },
  120_000,
);

const heardOf = (fleet: TestFleet) => readFileSync(join(fleet.attempt("01", 1), "events.jsonl"), "utf8");

function startedBwrap(supervisor: number): boolean {
  try {
    const children = readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, "utf8").split(" ").filter(Boolean);
    return children.some((pid) => readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "bwrap");
  } catch {
    return false;
  }
}

/** Resident bytes. */
function memoryOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
