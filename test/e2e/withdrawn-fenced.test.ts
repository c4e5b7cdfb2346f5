/** Outcomes that people on GitHub and other fleets bring about while an agent is at work, or before its work is pushed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { begin, expectEnd, heard, lanes, type Play, running } from "../support/attempt.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";

const turn = lanes(3);
/** Its claims last 6 s, so that it looks at its issues every 2 s. */
let brief: TestFleet;
/** Its claims last half an hour, as they do by default; its gate waits for a file. */
let lasting: TestFleet;
/** One with an account of its own, so that it alone can be cut off. */
let remote: TestFleet;
/** Another fleet on the same local GitHub. */
let rival: TestFleet;

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
/** Of a test, its wait for a turn included. */
const slow = 240_000;

beforeAll(async () => {
  brief = await testFleet({ workers: ["b1", "b2", "b3", "b4"] });
  const { standin } = brief;
  await standin.addRepo({ name: "acme/gated", files: { "README.md": "# Gated\n" } });
  await standin.addRepo({ name: "acme/elsewhere", files: { "README.md": "# Elsewhere\n" } });
  const claims = { lease: "6s", grace: "1s" };
  brief.configure({ claims });
  standin.addUser({ login: "remote", token: "token-of-the-remote-0123456789" });
  brief.repo.allow("remote", "write");
  remote = await testFleet({ workers: ["c1"], standin, env: { GH_TOKEN: "token-of-the-remote-0123456789" } });
  remote.configure({ claims });
  lasting = await testFleet({ workers: ["s1", "s2"], standin });
  lasting.configure({ repos: { "acme/gated": { gates: [gate] } } });
  rival = await testFleet({ workers: ["r1", "r2"], standin });
});
afterAll(async () => {
  for (const fleet of [rival, remote, lasting, brief]) await fleet?.close();
});

/** The gate is reached: the agent has ended, nothing is published yet. */
const atGate = (worker: string) => heard(lasting, worker, "step:started", ({ step }) => step === "verify");
async function openGate(worker: string): Promise<void> {
  const home = join(lasting.attempt(worker, 1), "trial");
  await until("the gates have a HOME", () => existsSync(home) || null);
  writeFileSync(join(home, "go"), "");
}

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
    slow,
  );

  test(
    "A63: another fleet takes the expired claim: fenced, and its work is kept",
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
    slow,
  );
});

describe.concurrent("after the agent, before the push", () => {
  test(
    "the issue is closed: withdrawn, and the work is kept",
    () =>
      turn(async () => {
        const play: Play = { worker: "s1", body: "[[scenario:edit]]", repo: "acme/gated" };
        const issue = await begin(lasting, play);
        await atGate("s1");
        lasting.standin.repo("acme/gated").close(issue);
        await openGate("s1");
        await expectEnd(lasting, play, issue, { ...withdrawn, reason: /was closed/, patch: true });
      }),
    slow,
  );

  test(
    "A63: another fleet takes the expired claim: fenced, one pull request at most",
    () =>
      turn(async () => {
        const play: Play = { worker: "s2", body: "[[scenario:edit]]", repo: "acme/gated" };
        const issue = await begin(lasting, play);
        await atGate("s2");
        lasting.standin.advance(32 * 60_000);
        const taken = await rival.cw(["dispatch", "-r", "acme/gated", "-i", String(issue), "-w", "r2"]);
        expect(taken.code).toBe(0);
        const end = await rival.ended("r2");
        expect(end.outcome).toBe("delivered");
        await openGate("s2");
        const late = await lasting.ended("s2");
        expect([late.outcome, late.reason]).toEqual(["fenced", expect.stringContaining("now belongs to worker r2")]);
        expect(existsSync(join(lasting.attempt("s2", 1), "work.patch"))).toBe(true);
        const gated = lasting.standin.repo("acme/gated");
        expect(gated.pulls().filter(({ body }) => body?.includes(`Closes #${issue}`))).toHaveLength(1);
        expect((await lasting.claim(issue, "acme/gated"))[0]).toMatchObject({ state: "done", worker: "r2" });
        expect(gated.comments(issue)).toHaveLength(1);
      }),
    slow,
  );
});

test("nothing is left that should not be", async () => {
  for (const fleet of [rival, remote, lasting, brief]) {
    // Claims of the other fleets are none of its business; issues that are gone keep their labels, where nobody sees them.
    expect((await fleet.leftovers()).filter((left) => !/^(claim|label) /.test(left))).toEqual([]);
  }
}, 60_000);
