/** What an issue is told of an attempt, also where GitHub, or the supervisor, fails just then. */
import { afterEach, expect, test } from "bun:test";
import type { Fault } from "../../src/standin/faults.ts";
import { begin } from "../support/attempt.ts";
import type { TestFleet } from "../support/fleet.ts";
import { assign, closeFleets, killedAt, long, openFleet, untilNothingLives } from "./fleet-stage.ts";

afterEach(closeFleets, long);

const path = /\/issues\/\d+\/comments$/;
/** Longer than anything waits for; it holds for everything that the process still asks. */
const limit: Fault = {
  method: "POST",
  path,
  fault: {
    status: 403,
    headers: { "retry-after": "200" },
    body: { message: "You have exceeded a secondary rate limit." },
  },
};
const locked: Fault = {
  method: "POST",
  path,
  times: 100,
  fault: { status: 403, body: { message: "Unable to create comment because issue is locked." } },
};

const tick = async (fleet: TestFleet) => {
  const ran = await assign(fleet, "-r", "acme/site");
  const { repaired, failed, dispatched } = ran.json();
  return { code: ran.code, repaired, failed, dispatched };
};
const quiet = { code: 0, repaired: [], failed: [], dispatched: [] };
const words = (fleet: TestFleet, issue: number) => fleet.repo.comments(issue).map(({ body }) => body);
const state = async (fleet: TestFleet, issue: number) => (await fleet.claim(issue))[0]?.state;
const asked = (fleet: TestFleet) => fleet.standin.journal.calls({ path });

async function ends(fleet: TestFleet, scenario: string, fault?: Fault): Promise<number> {
  if (fault) fleet.standin.inject(fault);
  const issue = await begin(fleet, { worker: "01", body: `[[scenario:${scenario}]]` });
  await fleet.ended("01");
  await untilNothingLives(fleet);
  return issue;
}

test.each([
  ["answer", "done", /\*\*answered\*\*[\s\S]*The answer is 42\./],
  ["decline", "failed", /\*\*declined\*\*/],
  ["edit", "done", /\*\*delivered\*\*[\s\S]*Pull request: #\d/],
])(
  "%s: a comment that GitHub does not take is posted by the next tick, once",
  async (scenario, claim, text) => {
    const fleet = await openFleet();
    const issue = await ends(fleet, scenario, limit);
    expect(words(fleet, issue)).toEqual([]);
    expect((await tick(fleet)).failed).toEqual([]);
    expect(words(fleet, issue)).toEqual([expect.stringMatching(text)]);
    expect(await state(fleet, issue)).toBe(claim);
    fleet.standin.journal.clear();
    expect(await tick(fleet)).toEqual(quiet);
    expect(asked(fleet)).toEqual([]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "an answer that is not posted yet is posted before reset gives the worker back",
  async () => {
    const fleet = await openFleet();
    const issue = await ends(fleet, "answer", { ...locked, times: 1 });
    const reset = await fleet.cw(["reset", "01"]);
    expect([reset.code, reset.stderr]).toEqual([0, ""]);
    expect([await state(fleet, issue), words(fleet, issue).length]).toEqual(["done", 1]);
  },
  long,
);

test(
  "killed as its claim ends: by then the issue has its answer",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "before claim:finished", "[[scenario:answer]]");
    expect([await state(fleet, issue), words(fleet, issue).length]).toEqual(["done", 1]);
    expect((await tick(fleet)).failed).toEqual([]);
    expect(words(fleet, issue)).toEqual([expect.stringContaining("The answer is 42.")]);
  },
  long,
);

test(
  "killed after its end, with the comment posted: nobody looks for it",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "end taken", "[[scenario:answer]]");
    fleet.standin.journal.clear();
    expect(await tick(fleet)).toEqual(quiet);
    expect(asked(fleet)).toEqual([]);
    expect(words(fleet, issue)).toHaveLength(1);
  },
  long,
);

test(
  "an issue on which GitHub lets nobody comment: said once, and not asked for ever",
  async () => {
    const fleet = await openFleet();
    const issue = await ends(fleet, "answer", locked);
    const first = await tick(fleet);
    expect([first.code, first.failed, first.repaired]).toEqual([0, [], [expect.stringContaining("issue is locked")]]);
    expect(await state(fleet, issue)).toBe("done");
    fleet.standin.journal.clear();
    expect(await tick(fleet)).toEqual(quiet);
    expect(asked(fleet)).toEqual([]);
  },
  long,
);
