/** What a supervisor that was killed leaves alive: nobody takes its worker for free, and the next command ends it first. */
import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { heard, newest, supervisorOf } from "../support/attempt.ts";
import { type TestFleet, until } from "../support/fleet.ts";
import { cookiesOf, processesOf } from "../support/leftovers.ts";
import { assign, closeFleets, long, openFleet, silent, taken } from "./fleet-stage.ts";

afterEach(closeFleets, long);

const tick = (fleet: TestFleet) => assign(fleet, "-r", "acme/site");
const alive = (fleet: TestFleet) => processesOf(fleet.root, cookiesOf(fleet.root));
const first = async (fleet: TestFleet) => (await fleet.cw(["status", "--json"])).json().workers[0];

async function killed(fleet: TestFleet): Promise<void> {
  process.kill(supervisorOf(fleet, "01"), "SIGKILL");
  await until(
    "its supervisor is dead",
    async () => /supervisor is dead/.test((await first(fleet)).reason ?? "") || null,
  );
}

test(
  "without a pid namespace an agent outlives its supervisor: assign ends it, saves its work, and the issue goes on",
  async () => {
    const fleet = await openFleet({ isolation: "none" });
    const issue = fleet.repo.openIssue({ title: "Long", body: "[[scenario:edit-hang]]" });
    expect(taken(await tick(fleet))).toEqual([issue]);
    // Who says something to a dead supervisor is ended by that.
    await heard(fleet, "01", "agent:activity", ({ kind }) => kind === "result");
    await killed(fleet);
    expect((await first(fleet)).state).toBe("stopping");
    const left = alive(fleet).map(({ pid }) => pid);
    expect(left).not.toEqual([]);

    fleet.repo.edit(issue, { body: silent });
    const next = await tick(fleet);
    expect(next.json().repaired).toContain("attempt 01-1 was ended as lost: the supervisor vanished");
    expect(taken(next)).toEqual([issue]);
    expect(alive(fleet).filter(({ pid }) => left.includes(pid))).toEqual([]);
    expect(readFileSync(join(fleet.attempt("01", 1), "work.patch"), "utf8")).toContain("+Edited by the fake agent.");
  },
  long,
);

test(
  "a fetch that goes on behind a dead supervisor is something of the attempt, and leaves no refs: torture, crash-requests, seeds 62 and 76",
  async () => {
    const fleet = await openFleet();
    const issue = fleet.repo.openIssue({ title: "Slow", body: silent });
    const slow = fleet.standin.inject({ path: /^\/acme\/site\.git\//, git: "upload", fault: { delayMs: 60_000 } });
    expect(taken(await tick(fleet))).toEqual([issue]);
    await until("git fetches", () => slow.fired > 0 || null);
    await killed(fleet);
    expect(alive(fleet).map(({ command }) => command)).toContainEqual(expect.stringMatching(/git .*fetch/));
    slow.remove();

    const next = await tick(fleet);
    expect(next.json().repaired).toContain("attempt 01-1 was ended as lost: the supervisor vanished");
    expect([taken(next), newest(fleet, "01")]).toEqual([[issue], 2]);
    expect((await fleet.cw(["reset", "-f", "01"])).code).toBe(0);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);
