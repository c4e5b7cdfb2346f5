/** Outcomes that the operator and the host bring about: stop, reset, a supervisor that is killed or told to end. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { agentOf, begin, expectEnd, heard, lanes, type Play, supervisorOf } from "../support/attempt.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { cookiesOf, processesOf } from "../support/leftovers.ts";
import { kill } from "./fleet-stage.ts";

const turn = lanes(2);
let lasting: TestFleet;
/** Others, for what the next command of a fleet would mend. */
const own: TestFleet[] = [];
/** Pushes to acme/slow wait for it. */
const mayPush = () => join(lasting.folder, "may-push");
const delivered = {
  outcome: "delivered",
  reason: /pull/,
  labels: [],
  claim: "done",
  comments: 1,
  pull: true,
  patch: false,
} as const;
/** Of a test, its wait for a turn included. */
const slow = 240_000;

beforeAll(async () => {
  lasting = await testFleet({ workers: ["s1", "s3", "s4"] });
  const waiting = await lasting.standin.addRepo({ name: "acme/slow", files: { "README.md": "# Slow\n" } });
  const hook = join(waiting.dir, "hooks/pre-receive");
  mkdirSync(dirname(hook));
  writeFileSync(hook, `#!/bin/sh\nuntil [ -e '${mayPush()}' ]; do sleep 0.02; done\n`, { mode: 0o755 });
});
afterAll(async () => {
  for (const fleet of [...own, lasting]) await fleet?.close();
});

async function ownFleet(): Promise<TestFleet> {
  const fleet = await testFleet({ standin: lasting.standin });
  own.push(fleet);
  return fleet;
}

describe.concurrent("the operator and the host", () => {
  test(
    "a stop after the push has begun waits for it",
    () =>
      turn(async () => {
        const play: Play = { worker: "s3", body: "[[scenario:edit]]", repo: "acme/slow" };
        const issue = await begin(lasting, play);
        await heard(lasting, "s3", "step:started", ({ step }) => step === "publish");
        const stop = lasting.start(["stop", "s3", "--json"]);
        await until("the wish is there", () => existsSync(join(lasting.attempt("s3", 1), "stop.json")) || null);
        writeFileSync(mayPush(), "");
        expect(await new Response(stop.stdout).json()).toEqual({ worker: "s3", attempt: "s3-1", outcome: "delivered" });
        await expectEnd(lasting, play, issue, delivered);
      }),
    slow,
  );

  test(
    "stop: its work is a patch, its claim stays until reset",
    () =>
      turn(async () => {
        const play: Play = { worker: "s4", body: "[[scenario:edit-hang]]" };
        const issue = await begin(lasting, play);
        await heard(lasting, "s4", "agent:activity", ({ kind }) => kind === "result");
        const again = await lasting.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "--json"]);
        expect([again.code, again.json()]).toMatchObject([0, { worker: "s4", attempt: "s4-1", issue }]);
        const other = await lasting.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "s1"]);
        expect(other.code).toBe(4);
        const busy = await lasting.cw(["reset", "s4"]);
        expect(busy.code).toBe(4);
        const stopped = await lasting.cw(["stop", "s4", "--json"]);
        expect([stopped.code, stopped.json()]).toEqual([0, { worker: "s4", attempt: "s4-1", outcome: "stopped" }]);
        await expectEnd(lasting, play, issue, {
          outcome: "stopped",
          reason: /someone asked/,
          labels: ["worker:s4"],
          claim: "held",
          comments: 0,
          pull: false,
          patch: true,
        });
        expect(readFileSync(join(lasting.attempt("s4", 1), "work.patch"), "utf8")).toContain(
          "+Edited by the fake agent.",
        );
        expect((await lasting.cw(["stop", "s4"])).stdout).toBe("worker s4 was idle\n");
        const reset = await lasting.cw(["reset", "s4", "--json"]);
        expect([reset.code, reset.json().attempt]).toEqual([0, "s4-1"]);
        expect([lasting.repo.labels(issue), (await lasting.claim(issue))[0]?.state]).toEqual([[], "released"]);
      }),
    slow,
  );

  test(
    "KILL of the supervisor: crashed, nothing alive, and reset ends it as lost with its work saved",
    () =>
      turn(async () => {
        const fleet = await ownFleet();
        const play: Play = { worker: "01", body: "[[scenario:edit-hang]]" };
        const issue = await begin(fleet, play);
        await heard(fleet, "01", "agent:activity", ({ kind }) => kind === "result");
        expect(processesOf(fleet.root, cookiesOf(fleet.root)).length).toBeGreaterThan(1);
        await kill(fleet);
        const status = (await fleet.cw(["status", "--json"])).json().workers[0];
        expect(status).toMatchObject({
          id: "01",
          state: "crashed",
          reason: "its supervisor vanished",
          task: { issue },
          attempt: { id: "01-1" },
        });
        expect((await fleet.cw(["status"])).stdout).toMatch(/^01 +crashed .*vanished/m);
        expect((await fleet.cw(["watch", "01"])).code).toBe(8);
        const reset = await fleet.cw(["reset", "01"]);
        expect([reset.code, reset.stderr]).toEqual([0, ""]);
        expect(reset.stdout).toContain("work.patch");
        await expectEnd(fleet, play, issue, {
          outcome: "lost",
          reason: /vanished/,
          labels: [],
          claim: "released",
          comments: 0,
          pull: false,
          patch: true,
        });
        expect(readFileSync(join(fleet.attempt("01", 1), "work.patch"), "utf8")).toContain(
          "+Edited by the fake agent.",
        );
      }),
    slow,
  );

  test(
    "stop of a crashed worker: stopped, so that only a person revives it, with its work saved and its claim kept",
    () =>
      turn(async () => {
        const fleet = await ownFleet();
        const play: Play = { worker: "01", body: "[[scenario:edit-hang]]" };
        const issue = await begin(fleet, play);
        await heard(fleet, "01", "agent:activity", ({ kind }) => kind === "result");
        await kill(fleet);
        const stop = await fleet.cw(["stop", "01"]);
        expect([stop.code, stop.stdout]).toEqual([0, "worker 01 is idle: attempt 01-1 ended as stopped\n"]);
        const left = { outcome: "stopped", reason: /vanished/, comments: 0, pull: false, patch: true } as const;
        await expectEnd(fleet, play, issue, { ...left, labels: ["worker:01"], claim: "held" });
        expect((await fleet.cw(["reset", "01"])).code).toBe(0);
      }),
    slow,
  );

  // systemd asks all processes of a unit at once, and the agent may be the first to go.
  const orders = { "TERM of the supervisor": [supervisorOf], "TERM of all, the agent first": [agentOf, supervisorOf] };
  for (const [name, order] of Object.entries(orders)) {
    test(
      `${name}: lost, and reset gives the issue back`,
      () =>
        turn(async () => {
          const fleet = await ownFleet();
          const play: Play = { worker: "01", body: "[[scenario:edit-hang]]" };
          const issue = await begin(fleet, play);
          await heard(fleet, "01", "agent:activity", ({ kind }) => kind === "result");
          for (const pid of order.map((of) => of(fleet, "01"))) process.kill(pid, "SIGTERM");
          const left = { outcome: "lost", reason: /shut the supervisor down/, comments: 0, pull: false } as const;
          await expectEnd(fleet, play, issue, {
            ...left,
            labels: ["worker:01"],
            claim: "held",
            patch: true,
          });
          expect((await fleet.cw(["reset", "01"])).code).toBe(0);
          expect([fleet.repo.labels(issue), (await fleet.claim(issue))[0]?.state]).toEqual([[], "released"]);
        }),
      slow,
    );
  }
});

test("nothing is left that should not be", async () => {
  for (const fleet of [...own, lasting]) expect(await fleet.leftovers()).toEqual([]);
}, 60_000);
