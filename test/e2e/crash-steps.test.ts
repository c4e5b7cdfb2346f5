/** What `npm run torture` found at single steps, and fail points themselves: off unless asked, refused where there is no such step. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, linkSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { begin } from "../support/attempt.ts";
import type { TestFleet } from "../support/fleet.ts";
import { assign, closeFleets, killedAt, long, openFleet, untilNothingLives } from "./fleet-stage.ts";

afterEach(closeFleets, long);

const history = async (fleet: TestFleet): Promise<string[]> =>
  (await fleet.cw(["history", "--json"]))
    .json()
    .map(({ attempt, outcome }: Record<string, string>) => `${attempt} ${outcome}`);

test(
  "killed between its end and the history: the next command adds it, once",
  async () => {
    const fleet = await openFleet();
    await killedAt(fleet, "end taken");
    expect([(await fleet.ended("01")).outcome, await history(fleet)]).toEqual(["delivered", []]);
    for (let times = 0; times < 2; times++) {
      expect((await assign(fleet, "-r", "acme/site")).json().failed).toEqual([]);
      expect(await history(fleet)).toEqual(["01-1 delivered"]);
    }
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "killed before the end's first name was removed: gone with the next command: torture, crash-calls, seeds 558 and 653",
  async () => {
    const fleet = await openFleet();
    await killedAt(fleet, "end taken");
    const folder = fleet.attempt("01", 1);
    linkSync(join(folder, "end.json"), join(folder, `.new-${crypto.randomUUID()}-end.json`));
    expect((await assign(fleet, "-r", "acme/site")).json().failed).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
    expect((await fleet.ended("01")).outcome).toBe("delivered");
  },
  long,
);

test(
  "the same without an issue",
  async () => {
    const fleet = await openFleet();
    const env = { CW_FAILPOINT: "end taken" };
    const ran = await fleet.cw(["dispatch", "-r", "acme/site", "-p", "[[scenario:answer]]"], { env });
    expect(ran.code).toBe(0);
    expect((await fleet.ended("01")).outcome).toBe("answered");
    expect(await history(fleet)).toEqual([]);
    expect((await assign(fleet, "-r", "acme/site")).code).toBe(0);
    expect(await history(fleet)).toEqual(["01-1 answered"]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "killed before its clone was made: nothing can be saved, and its refs do not stay in the mirror",
  async () => {
    const fleet = await openFleet();
    await killedAt(fleet, "base noted");
    const reset = await fleet.cw(["reset", "01"]);
    expect([reset.code, reset.stdout]).toEqual([0, expect.stringContaining("could not be saved")]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "a file for the agent's words that can't be made: the attempt ends so, and its supervisor with it: torture, errors, seed 88",
  async () => {
    const fleet = await openFleet({ isolation: "none" });
    const folder = fleet.attempt("01", 1);
    const meanwhile = () => mkdirSync(join(folder, "stderr.log"));
    const cloned = fleet.standin.inject({ git: "advertise", fault: { meanwhile } });
    await begin(fleet, { worker: "01", body: "[[scenario:edit]]" });
    const { outcome, reason } = await fleet.ended("01");
    expect([cloned.fired, outcome, reason]).toEqual([1, "failed", expect.stringContaining("EISDIR")]);
    await untilNothingLives(fleet);
    expect((await fleet.cw(["reset", "01"])).code).toBe(0);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "a step that does not exist is refused before anything is done; without the variable nobody dies",
  async () => {
    const fleet = await openFleet();
    const issue = fleet.repo.openIssue({ title: "A task", body: "[[scenario:answer]]" });
    const dispatch = ["dispatch", "-r", "acme/site", "-i", String(issue)];
    const refused = await fleet.cw(dispatch, { env: { CW_FAILPOINT: "after lunch" } });
    expect([refused.code, refused.stderr]).toEqual([9, expect.stringContaining("there is no fail point after lunch")]);
    expect(existsSync(join(fleet.attempt("01", 1)))).toBe(false);
    const killed = await fleet.cw(dispatch, { env: { CW_FAILPOINT: "claim written" } }).catch((error) => String(error));
    expect(killed).toContain("took too long");
    expect((await fleet.claim(issue)).map(({ state }) => state)).toEqual(["held"]);
    expect((await fleet.cw(["reset", "-f", "01"])).code).toBe(0);
    expect((await fleet.cw(dispatch)).code).toBe(0);
    expect((await fleet.ended("01")).outcome).toBe("answered");
  },
  long,
);
