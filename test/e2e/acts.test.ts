/** Outcomes that somebody else brings about while an agent is at work: people on GitHub, the operator, the host, another fleet. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  begin,
  events,
  expectEnd,
  heard,
  lanes,
  newest,
  type Play,
  running,
  supervisorOf,
} from "../support/attempt.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { cookiesOf, processesOf } from "../support/leftovers.ts";

const turn = lanes(3);
/** Its claims last 6 s, so that it looks at its issues every 2 s; its gate waits for a file. */
let brief: TestFleet;
/** Its claims last half an hour, as they do by default; its gate waits for a file, too. */
let lasting: TestFleet;
/** Another one, with an account of its own, so that it alone can be cut off. */
let remote: TestFleet;
/** Another fleet on the same local GitHub. */
let rival: TestFleet;
/** Another one, for what the next command of a fleet would mend. */
const own: TestFleet[] = [];

const gate = "until [ -e ~/go ]; do sleep 0.02; done";
const withdrawn = {
  outcome: "withdrawn",
  labels: [],
  claim: "released",
  comments: 0,
  pull: false,
  patch: false,
} as const;
const chatty = "[[scenario:chatty]]";

beforeAll(async () => {
  brief = await testFleet({ workers: ["b1", "b2", "b3", "b4"] });
  const { standin } = brief;
  await standin.addRepo({ name: "acme/gated", files: { "README.md": "# Gated\n" } });
  await standin.addRepo({ name: "acme/elsewhere", files: { "README.md": "# Elsewhere\n" } });
  const repos = { "acme/gated": { gates: [gate] } };
  const claims = { lease: "6s", grace: "1s" };
  brief.configure({ claims });
  standin.addUser({ login: "remote", token: "token-of-the-remote-0123456789" });
  brief.repo.allow("remote", "write");
  remote = await testFleet({ workers: ["c1"], standin, env: { GH_TOKEN: "token-of-the-remote-0123456789" } });
  remote.configure({ claims });
  lasting = await testFleet({ workers: ["s1", "s2", "s3", "s4"], standin });
  lasting.configure({ repos });
  rival = await testFleet({ workers: ["r1", "r2"], standin });
});
afterAll(async () => {
  for (const fleet of [...own, rival, remote, lasting, brief]) await fleet?.close();
});

async function ownFleet(): Promise<TestFleet> {
  const fleet = await testFleet({ standin: brief.standin });
  own.push(fleet);
  return fleet;
}

/** The gate is reached: the agent has ended, nothing is published yet. */
const atGate = (fleet: TestFleet, worker: string) =>
  heard(fleet, worker, "step:started", ({ step }) => step === "verify");
const openGate = (fleet: TestFleet, worker: string) => writeFileSync(join(fleet.root, worker, "go"), "");

describe.concurrent("while the agent works", () => {
  test.each([
    ["is closed", "b1", /was closed/, (issue: number) => brief.repo.close(issue)],
    ["is deleted", "b2", /gone|does not exist/, (issue: number) => brief.repo.delete(issue)],
    [
      "loses its label",
      "b3",
      /the label worker:b3 was taken/,
      (issue: number) => brief.repo.unlabel(issue, "worker:b3"),
    ],
    [
      "is moved",
      "b4",
      /has moved/,
      (issue: number) => void brief.repo.transfer(issue, brief.standin.repo("acme/elsewhere")),
    ],
  ])(
    "the issue %s: withdrawn",
    (_, worker, reason, act) =>
      turn(async () => {
        const play: Play = { worker, body: chatty };
        const issue = await begin(brief, play);
        await running(brief, worker);
        act(issue);
        // Nobody can take a label from an issue that is not there.
        const there = /closed|taken/.test(reason.source);
        await expectEnd(brief, play, issue, { ...withdrawn, reason, labels: there ? [] : [`worker:${worker}`] });
      }),
    120_000,
  );

  test(
    "another fleet takes the expired claim: fenced, and its work is kept",
    () =>
      turn(async () => {
        const play: Play = { worker: "c1", body: "[[scenario:edit-hang]]" };
        const issue = await begin(remote, play);
        await running(remote, "c1");
        // Renewals fail while the lease runs out.
        const cut = remote.standin.inject({
          method: "POST",
          path: /\/git\/commits$/,
          login: "remote",
          times: 1000,
          fault: { status: 403, body: { message: "Resource not accessible" } },
        });
        await heard(remote, "c1", "claim:renewal-failed");
        remote.standin.advance(120_000);
        const taken = await rival.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "r1"]);
        expect({ code: taken.code, stderr: taken.code === 0 ? "" : taken.stderr }).toEqual({ code: 0, stderr: "" });
        cut.remove();
        await expectEnd(remote, play, issue, {
          outcome: "fenced",
          reason: /now belongs to worker r1/,
          labels: ["worker:r1"],
          claim: "held by r1",
          comments: 0,
          pull: false,
          patch: true,
        });
        await rival.cw(["reset", "-f", "r1"]);
      }),
    120_000,
  );
});

describe.concurrent("after the agent, before the push", () => {
  test(
    "the issue is closed: withdrawn, and the work is kept",
    () =>
      turn(async () => {
        const play: Play = { worker: "s1", body: "[[scenario:edit]]", repo: "acme/gated" };
        const issue = await begin(lasting, play);
        await atGate(lasting, "s1");
        lasting.standin.repo("acme/gated").close(issue);
        openGate(lasting, "s1");
        await expectEnd(lasting, play, issue, { ...withdrawn, reason: /was closed/, patch: true });
      }),
    120_000,
  );

  test(
    "another fleet takes the expired claim: fenced, one pull request at most",
    () =>
      turn(async () => {
        const play: Play = { worker: "s2", body: "[[scenario:edit]]", repo: "acme/gated" };
        const issue = await begin(lasting, play);
        await atGate(lasting, "s2");
        lasting.standin.advance(32 * 60_000);
        const taken = await rival.cw(["dispatch", "-r", "acme/gated", "-i", String(issue), "-w", "r2"]);
        expect(taken.code).toBe(0);
        const end = await rival.ended("r2");
        expect(end.outcome).toBe("delivered");
        openGate(lasting, "s2");
        const late = await lasting.ended("s2");
        // Its label was taken over first; either way nothing of it is published.
        expect(["fenced", "withdrawn"]).toContain(late.outcome);
        expect(existsSync(join(lasting.attempt("s2", 1), "work.patch"))).toBe(true);
        const gated = lasting.standin.repo("acme/gated");
        expect(gated.pulls().filter(({ body }) => body?.includes(`Closes #${issue}`))).toHaveLength(1);
        expect((await lasting.claim(issue, "acme/gated"))[0]).toMatchObject({ state: "done", worker: "r2" });
        expect(gated.comments(issue)).toHaveLength(1);
      }),
    120_000,
  );

  test(
    "a stop after the push has begun waits for it",
    () =>
      turn(async () => {
        const play: Play = { worker: "s3", body: "[[scenario:edit]]", repo: "acme/gated" };
        const issue = await begin(lasting, play);
        await atGate(lasting, "s3");
        lasting.standin.inject({ method: "POST", path: /^\/repos\/acme\/gated\/pulls$/, fault: { delayMs: 1500 } });
        openGate(lasting, "s3");
        await heard(lasting, "s3", "branch:published");
        const stopped = await lasting.cw(["stop", "s3", "--json"]);
        expect([stopped.code, stopped.json()]).toEqual([0, { worker: "s3", attempt: "s3-1", outcome: "delivered" }]);
        await expectEnd(lasting, play, issue, {
          outcome: "delivered",
          reason: /pull/,
          labels: [],
          claim: "done",
          comments: 1,
          pull: true,
          patch: false,
        });
      }),
    120_000,
  );
});

describe.concurrent("the operator and the host", () => {
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
    120_000,
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
        process.kill(supervisorOf(fleet, "01"), "SIGKILL");
        await until(
          "nothing of it lives",
          () => processesOf(fleet.root, cookiesOf(fleet.root)).length === 0 || null,
          5000,
        );
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
        const stop = await fleet.cw(["stop", "01"]);
        expect([stop.code, stop.stderr]).toEqual([4, expect.stringContaining("cw reset 01")]);
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
    120_000,
  );

  test(
    "TERM of the supervisor: lost, and reset gives the issue back",
    () =>
      turn(async () => {
        const fleet = await ownFleet();
        const play: Play = { worker: "01", body: "[[scenario:edit-hang]]" };
        const issue = await begin(fleet, play);
        await heard(fleet, "01", "agent:activity", ({ kind }) => kind === "result");
        process.kill(supervisorOf(fleet, "01"), "SIGTERM");
        const left = { outcome: "lost", reason: /shut the supervisor down/, comments: 0, pull: false } as const;
        await expectEnd(fleet, play, issue, {
          ...left,
          labels: ["worker:01"],
          claim: "held",
          patch: existsSync(join(fleet.attempt("01", 1), "work.patch")),
        });
        expect((await fleet.cw(["reset", "01"])).code).toBe(0);
        expect([fleet.repo.labels(issue), (await fleet.claim(issue))[0]?.state]).toEqual([[], "released"]);
      }),
    120_000,
  );
});

describe.concurrent("the usage limit of the account", () => {
  const seconds = (ahead: number) => Math.floor(Date.now() / 1000) + ahead;

  test(
    "soon over: the attempt waits, goes on with its session, and delivers; nobody else starts on the account",
    () =>
      turn(async () => {
        const fleet = await testFleet({ standin: brief.standin, workers: ["01", "02"] });
        own.push(fleet);
        const play: Play = { worker: "01", body: `[[scenario:limited]] [[resets:${seconds(9)}]]` };
        const issue = await begin(fleet, play);
        const parked = await heard(fleet, "01", "agent:parked");
        const status = (await fleet.cw(["status", "01", "--json"])).json().workers[0];
        expect(status).toMatchObject({ state: "busy", attempt: { parkedUntil: parked.until } });
        const second = fleet.repo.openIssue({ title: "Second" });
        const refused = await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(second)]);
        expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("usage limit until")]);
        expect(newest(fleet, "02")).toBe(0);
        await expectEnd(fleet, play, issue, {
          outcome: "delivered",
          reason: /pull/,
          labels: [],
          claim: "done",
          comments: 1,
          pull: true,
          patch: false,
        });
        const starts = events(fleet, "01").flatMap((event) => (event.type === "agent:started" ? [event] : []));
        expect(starts.map(({ resume }) => resume)).toEqual([false, true]);
        expect(new Set(starts.map(({ sessionId }) => sessionId)).size).toBe(1);
        expect((await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(second)])).code).toBe(0);
        expect((await fleet.ended("01")).outcome).toBe("delivered");
      }),
    120_000,
  );

  test.each([
    ["far away", () => `[[resets:${seconds(7 * 3600)}]]`],
    ["of unknown length", () => ""],
  ])(
    "%s: limited, and the issue is given back",
    (_, resets) =>
      turn(async () => {
        const fleet = await ownFleet();
        const play: Play = { worker: "01", body: `[[scenario:limited]] ${resets()}` };
        const issue = await begin(fleet, play);
        await expectEnd(fleet, play, issue, {
          outcome: "limited",
          reason: /You've hit your limit/,
          labels: [],
          claim: "released",
          comments: 0,
          pull: false,
          patch: false,
        });
      }),
    120_000,
  );
});

test("nothing is left that should not be", async () => {
  for (const fleet of [...own, rival, remote, lasting, brief]) {
    expect((await fleet.leftovers()).filter((left) => !/^(claim|label) /.test(left))).toEqual([]);
  }
}, 60_000);
