/** An account at its usage limit: attempts wait for it or give the issue back, and nobody starts on it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { begin, events, expectEnd, heard, lanes, newest, type Play } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";

const turn = lanes(3);
let first: TestFleet;
/** One for each test: a limit holds for all workers of a fleet. */
const own: TestFleet[] = [];
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
  first = await testFleet();
});
afterAll(async () => {
  for (const fleet of [...own, first]) await fleet?.close();
});

async function ownFleet(): Promise<TestFleet> {
  const fleet = await testFleet({ standin: first.standin });
  own.push(fleet);
  return fleet;
}

describe.concurrent("the usage limit of the account", () => {
  const seconds = (ahead: number) => Math.floor(Date.now() / 1000) + ahead;

  test(
    "soon over: the attempt waits, goes on with its session, and delivers",
    () =>
      turn(async () => {
        const fleet = await ownFleet();
        const play: Play = { worker: "01", body: `[[scenario:limited]] [[resets:${seconds(1)}]]` };
        const issue = await begin(fleet, play);
        await expectEnd(fleet, play, issue, delivered);
        const starts = events(fleet, "01").flatMap((event) => (event.type === "agent:started" ? [event] : []));
        expect(starts.map(({ resume }) => resume)).toEqual([false, true]);
        expect(new Set(starts.map(({ sessionId }) => sessionId)).size).toBe(1);
        expect(events(fleet, "01").filter(({ type }) => type === "agent:parked")).toHaveLength(1);
        const second = await begin(fleet, { worker: "01", body: "[[scenario:edit]]" });
        expect(await fleet.ended("01", 2)).toMatchObject({ outcome: "delivered", issue: second });
      }),
    slow,
  );

  test(
    "over within the longest wait: parked until then, and nobody else starts on the account",
    () =>
      turn(async () => {
        const fleet = await testFleet({ standin: first.standin, workers: ["01", "02"] });
        own.push(fleet);
        await begin(fleet, { worker: "01", body: `[[scenario:limited]] [[resets:${seconds(3600)}]]` });
        const parked = await heard(fleet, "01", "agent:parked");
        const status = (await fleet.cw(["status", "01", "--json"])).json().workers[0];
        expect(status).toMatchObject({ state: "busy", attempt: { parkedUntil: parked.until } });
        const second = fleet.repo.openIssue({ title: "Second" });
        const args = ["dispatch", "-r", "acme/site", "-i", String(second)];
        const refused = await fleet.cw(args);
        expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("usage limit until")]);
        expect([newest(fleet, "02"), fleet.repo.labels(second), await fleet.claim(second)]).toEqual([0, [], []]);
        const other = await fleet.cw(args, { env: { ANTHROPIC_API_KEY: "key-of-another-account-0123456789" } });
        expect([other.code, (await fleet.ended("02")).outcome]).toEqual([0, "delivered"]);
        expect((await fleet.cw(["stop", "01", "--json"])).json()).toMatchObject({ outcome: "stopped" });
        expect((await fleet.cw(["reset", "01"])).code).toBe(0);
      }),
    slow,
  );

  test(
    "over already by our clock: it is waited all the same, and not asked again and again",
    () =>
      turn(async () => {
        const fleet = await ownFleet();
        await begin(fleet, { worker: "01", body: `[[scenario:limited]] [[resets:${seconds(-3600)}]]` });
        const parked = await heard(fleet, "01", "agent:parked");
        expect(Date.parse(parked.until) - Date.parse(parked.at)).toBeGreaterThan(50_000);
        expect((await fleet.cw(["stop", "01", "--json"])).json()).toMatchObject({ outcome: "stopped" });
        expect((await fleet.cw(["reset", "01"])).code).toBe(0);
      }),
    slow,
  );

  test(
    "reached in the middle: what it had said counts after the wait",
    () =>
      turn(async () => {
        const fleet = await ownFleet();
        const play = {
          worker: "01",
          body: `[[scenario:limited-later]] [[resets:${seconds(1)}]]`,
          flags: ["--mode", "issue"],
        };
        await begin(fleet, play);
        expect(await fleet.ended("01")).toMatchObject({
          outcome: "answered",
          reason: expect.stringMatching(/Filed: #\d+/),
        });
      }),
    slow,
  );

  test(
    "reached in the middle, and then the agent is not there any more: its work is kept",
    () =>
      turn(async () => {
        const fleet = await testFleet({ standin: first.standin, isolation: "none" });
        own.push(fleet);
        await begin(fleet, { worker: "01", body: `[[scenario:limited-later]] [[resets:${seconds(5)}]]` });
        await heard(fleet, "01", "agent:parked");
        unlinkSync(fleet.env["CW_CLAUDE"] ?? "");
        expect(await fleet.ended("01")).toMatchObject({ outcome: "refused" });
        expect(readFileSync(join(fleet.attempt("01", 1), "work.patch"), "utf8")).toContain("Edited by the fake agent.");
      }),
    slow,
  );

  test.each([
    ["far away", () => `[[resets:${seconds(7 * 3600)}]]`, 6 * 60],
    ["in no time that there is", () => "[[resets:99999999999999]]", 6 * 60],
    ["of unknown length", () => "", 15],
  ])(
    "%s: limited, the issue is given back, and the account left alone for a while",
    (_, resets, minutes) =>
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
        const next = await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue)]);
        const until = /usage limit until (\S+)/.exec(next.stderr)?.[1] ?? "";
        expect([next.code, Math.round((Date.parse(until) - Date.now()) / 60_000 / minutes)]).toEqual([4, 1]);
      }),
    slow,
  );
});

test("nothing is left that should not be", async () => {
  for (const fleet of own) expect(await fleet.leftovers()).toEqual([]);
}, 60_000);
