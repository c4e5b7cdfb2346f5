/** `cw restart`: goes on where an attempt was stopped or lost, and only there. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { begin, events, heard, newest, running } from "../support/attempt.ts";
import type { TestFleet } from "../support/fleet.ts";
import { closeFleets, kill, long, openFleet, silent } from "./fleet-stage.ts";

afterEach(closeFleets, long);

const edited = "Edited by the fake agent.";

/** Edits and hangs; the edit is not committed. */
async function atWork(fleet: TestFleet): Promise<number> {
  const issue = await begin(fleet, { worker: "01", body: "[[scenario:edit-hang]]" });
  await heard(fleet, "01", "agent:activity", ({ kind }) => kind === "result");
  return issue;
}

const clone = (fleet: TestFleet) => join(fleet.root, "01/github/acme/site");

/** The first start of the agent in attempt n. */
function startOf(fleet: TestFleet, n: number) {
  const start = events(fleet, "01", n).find((event) => event.type === "agent:started");
  return start?.type === "agent:started" ? { resume: start.resume, sessionId: start.sessionId } : null;
}

/** Delivered by attempt n, one pull request, and so many edits in it. */
async function expectDelivered(fleet: TestFleet, issue: number, n: number, edits: number): Promise<void> {
  const end = await fleet.ended("01", n);
  expect({ outcome: end.outcome, reason: end.reason, attempt: end.attempt }).toEqual({
    outcome: "delivered",
    reason: expect.stringContaining("/pull/"),
    attempt: `01-${n}`,
  });
  const pulls = fleet.repo.pulls().filter(({ body }) => body?.includes(`Closes #${issue}`));
  expect(pulls).toHaveLength(1);
  const readme = await fleet.repo.file(pulls[0]?.headSha ?? "", "README.md");
  expect(readme?.split("\n").filter((line) => line === edited)).toHaveLength(edits);
  expect((await fleet.claim(issue))[0]).toMatchObject({ state: "done", attempt: `01-${n}`, pr: pulls[0]?.number ?? 0 });
  expect(fleet.repo.labels(issue)).toEqual([]);
  expect((await fleet.cw(["assign", "-r", "acme/site"])).code).toBe(0); // Settles what the earlier attempt left.
  expect(await fleet.leftovers()).toEqual([]);
}

test(
  "after a stop: the same session and the clone as it was, delivered with one pull request",
  async () => {
    const fleet = await openFleet();
    const issue = await atWork(fleet);
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    expect(await Bun.file(join(clone(fleet), "README.md")).text()).toContain(edited);
    const again = await fleet.cw(["restart", "01", "--json"]);
    expect([again.code, again.json()]).toMatchObject([0, { worker: "01", attempt: "01-2", repo: "acme/site", issue }]);
    await expectDelivered(fleet, issue, 2, 2);
    expect(startOf(fleet, 1)).toMatchObject({ resume: false });
    expect(startOf(fleet, 2)).toEqual({ resume: true, sessionId: startOf(fleet, 1)?.sessionId ?? "" });
    const chain = (await fleet.claim(issue)).map(({ state, attempt }) => `${state} ${attempt}`);
    expect(chain.toReversed()).toEqual(["held 01-1", "held 01-2", "published 01-2", "done 01-2"]);
    const over = await fleet.cw(["restart", "01"]);
    expect([over.code, over.stderr]).toEqual([3, expect.stringContaining("attempt 01-2 was delivered")]);
  },
  long,
);

test(
  "after a crash: the attempt is ended as lost, its work is kept, and the next one goes on with it",
  async () => {
    const fleet = await openFleet();
    const issue = await atWork(fleet);
    await kill(fleet);
    const again = await fleet.cw(["restart", "01"]);
    expect([again.code, again.stdout]).toEqual([0, `worker 01 goes on with acme/site#${issue}: attempt 01-2\n`]);
    expect(again.stderr).toContain("attempt 01-1 was ended as lost: the supervisor vanished");
    expect((await fleet.ended("01", 1)).outcome).toBe("lost");
    expect(existsSync(join(fleet.attempt("01", 1), "work.patch"))).toBe(true);
    await expectDelivered(fleet, issue, 2, 2);
    expect(startOf(fleet, 2)).toEqual({ resume: true, sessionId: startOf(fleet, 1)?.sessionId ?? "" });
  },
  long,
);

test(
  "--fresh: another session in a new clone",
  async () => {
    const fleet = await openFleet();
    const issue = await atWork(fleet);
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    fleet.repo.edit(issue, { body: "[[scenario:edit]]" });
    expect((await fleet.cw(["restart", "01", "--fresh"])).code).toBe(0);
    await expectDelivered(fleet, issue, 2, 1);
    expect(startOf(fleet, 2)?.resume).toBe(false);
    expect(startOf(fleet, 2)?.sessionId).not.toBe(startOf(fleet, 1)?.sessionId ?? "");
  },
  long,
);

test(
  "a restart that GitHub refused loses nothing: the next one goes on with the session and the clone",
  async () => {
    const fleet = await openFleet();
    const issue = await atWork(fleet);
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    const path = new RegExp(`^/repos/acme/site/issues/${issue}/labels$`);
    fleet.standin.inject({ method: "POST", path, fault: { status: 403, body: { message: "Not now" } } });
    const refused = await fleet.cw(["restart", "01"]);
    expect([refused.code, refused.stderr]).toEqual([expect.any(Number), expect.stringContaining("Not now")]);
    expect((await fleet.ended("01", 2)).outcome).toBe("refused");
    expect((await fleet.cw(["restart", "01"])).code).toBe(0);
    await expectDelivered(fleet, issue, 3, 2);
    expect(startOf(fleet, 3)?.resume).toBe(true);
  },
  long,
);

test(
  "work of a task without an issue that was pushed, and got no pull request: delivered from a branch of its own",
  async () => {
    const fleet = await openFleet();
    const path = /^\/repos\/acme\/site\/pulls$/;
    fleet.standin.inject({ method: "POST", path, fault: { status: 403, body: { message: "Not now" } } });
    expect((await fleet.cw(["dispatch", "-r", "acme/site", "-p", "[[scenario:edit]]"])).code).toBe(0);
    const first = await fleet.ended("01", 1);
    expect([first.outcome, first.reason]).toEqual(["rejected", expect.stringContaining("Not now")]);
    expect((await fleet.cw(["restart", "01"])).code).toBe(0);
    const { outcome, reason, branch } = await fleet.ended("01", 2);
    expect([outcome, reason]).toEqual(["delivered", expect.stringContaining("/pull/")]);
    expect(branch).toMatch(/^task-[0-9a-f]{8}-2$/);
    // What was pushed first stays as it is.
    const [pull, ...more] = fleet.repo.pulls();
    expect([pull?.head, more]).toEqual([branch ?? "", []]);
    expect(Object.keys(await fleet.repo.refs("refs/heads/task-")).toSorted()).toEqual([
      `refs/heads/${branch?.slice(0, -2)}`,
      `refs/heads/${branch}`,
    ]);
  },
  long,
);

test(
  "refuses a worker that does not exist, that never had a task, that is at work",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    for (const [args, code, words] of [
      [["restart", "99"], 3, /99/],
      [["restart", "02"], 3, /had no task yet/],
      [["restart", "../01"], 2, /worker/],
    ] as const) {
      const ran = await fleet.cw(args);
      expect([ran.code, ran.stderr]).toEqual([code, expect.stringMatching(words)]);
    }
    await begin(fleet, { worker: "01", body: silent });
    await running(fleet, "01");
    const busy = await fleet.cw(["restart", "01"]);
    expect([busy.code, busy.stderr]).toEqual([4, expect.stringMatching(/worker 01 is busy.*cw stop 01/s)]);
    expect(newest(fleet, "01")).toBe(1);
  },
  long,
);

test(
  "an issue that was given to another meanwhile stays theirs",
  async () => {
    const fleet = await openFleet();
    const rival = await openFleet({ workers: ["r1"], standin: fleet.standin });
    const issue = await atWork(fleet);
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    fleet.standin.advance(32 * 60_000);
    fleet.repo.edit(issue, { body: silent });
    expect((await rival.cw(["dispatch", "-r", "acme/site", "-i", String(issue)])).code).toBe(0);
    const late = await fleet.cw(["restart", "01"]);
    expect([late.code, late.stderr]).toEqual([4, expect.stringContaining("worker r1")]);
    expect((await fleet.claim(issue))[0]).toMatchObject({ state: "held", worker: "r1" });
    expect(fleet.repo.labels(issue)).toEqual(["worker:r1"]);
  },
  long,
);

test(
  "A10: a clone that was replaced by a link is not followed",
  async () => {
    const fleet = await openFleet();
    const issue = await atWork(fleet);
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    const elsewhere = join(fleet.folder, "elsewhere");
    renameSync(clone(fleet), elsewhere);
    symlinkSync(elsewhere, clone(fleet));
    writeFileSync(join(elsewhere, "mine.txt"), "untouched\n");
    const before = readdirSync(elsewhere);
    fleet.repo.edit(issue, { body: "[[scenario:edit]]" });
    expect((await fleet.cw(["restart", "01"])).code).toBe(0);
    await expectDelivered(fleet, issue, 2, 1);
    expect(startOf(fleet, 2)?.resume).toBe(false);
    expect(readdirSync(elsewhere)).toEqual(before);
  },
  long,
);

test(
  "A10: a folder above the clone that was replaced by a link is not followed",
  async () => {
    const fleet = await openFleet();
    const issue = await atWork(fleet);
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    const elsewhere = join(fleet.folder, "elsewhere");
    mkdirSync(elsewhere);
    renameSync(join(fleet.root, "01/github/acme"), join(elsewhere, "acme"));
    rmSync(join(fleet.root, "01/github"), { recursive: true });
    symlinkSync(elsewhere, join(fleet.root, "01/github"));
    fleet.repo.edit(issue, { body: "[[scenario:edit]]" });
    expect((await fleet.cw(["restart", "01"])).code).toBe(0);
    await expectDelivered(fleet, issue, 2, 1);
    expect(readdirSync(join(elsewhere, "acme"))).toEqual(["site"]);
  },
  long,
);
