/** What a dispatch undoes is as it was before: also what an earlier attempt, and people, had left on the issue. */
import { afterEach, expect, test } from "bun:test";
import type { TestFleet } from "../support/fleet.ts";
import { until } from "../support/fleet.ts";
import { assign, closeFleets, long, openFleet, skipped, taken } from "./fleet-stage.ts";

afterEach(closeFleets, long);

const dispatch = (issue: number) => ["dispatch", "-r", "acme/site", "-i", String(issue)];
/** Label set: the last request before the supervisor. */
const labelling = { method: "POST", path: /\/issues\/\d+\/labels$/ };

/** An issue that worker 01 has finished so. */
async function after(fleet: TestFleet, scenario: string, outcome: string): Promise<number> {
  const issue = fleet.repo.openIssue({ title: "With a history", body: `[[scenario:${scenario}]]` });
  expect((await fleet.cw([...dispatch(issue), "-w", "01"])).code).toBe(0);
  expect((await fleet.ended("01")).outcome as string).toBe(outcome);
  return issue;
}

/** What people and ticks go by. */
async function left(fleet: TestFleet, issue: number) {
  const [{ nonce: _, epoch: __, ...tip } = {} as never] = (await fleet.claim(issue)) as object[] &
    { nonce: string; epoch: number }[];
  return { tip, labels: fleet.repo.labels(issue).toSorted() };
}

/** Dispatched by a person for another worker, and interrupted while the label is being set. */
async function interrupt(fleet: TestFleet, issue: number, worker: string, signal: NodeJS.Signals = "SIGINT") {
  const slow = fleet.standin.inject({ ...labelling, fault: { delayMs: 1000 } });
  const child = fleet.start([...dispatch(issue), "-w", worker]);
  await until("the label is being set", () => slow.fired || null);
  child.kill(signal);
  const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  slow.remove();
  return { stderr, code };
}

const histories: [scenario: string, outcome: string, labels: string[], skipped: string][] = [
  ["decline", "declined", ["blocked", "worker:01"], "blocked"],
  ["exit-1", "failed", ["worker:01"], "labelled"],
  ["answer", "answered", [], "done"],
];
for (const [scenario, outcome, labels, why] of histories) {
  for (const worker of ["01", "02"]) {
    test(
      `interrupted on an issue that was ${outcome}, by worker ${worker}: as it was, and no tick takes it`,
      async () => {
        const fleet = await openFleet({ workers: ["01", "02"] });
        const issue = await after(fleet, scenario, outcome);
        const before = await left(fleet, issue);
        expect(before.labels).toEqual(labels);
        const { code, stderr } = await interrupt(fleet, issue, worker);
        expect([code, stderr]).toEqual([5, expect.stringContaining("interrupted: everything was undone")]);
        expect(await left(fleet, issue)).toEqual(before);
        const ticked = await assign(fleet, "-r", "acme/site");
        expect([taken(ticked), skipped(ticked)]).toEqual([[], [`#${issue} ${why}`]]);
        expect(await fleet.leftovers()).toEqual(labels.includes("worker:01") ? await kept(fleet) : []);
        // A person may still have it.
        fleet.repo.edit(issue, { body: "[[scenario:answer]]" });
        expect((await fleet.cw([...dispatch(issue), "-w", "02"])).code).toBe(0);
        expect((await fleet.ended("02")).outcome).toBe("answered");
        expect(fleet.repo.labels(issue)).toEqual([]);
      },
      long,
    );
  }
}

/** The label that such an outcome leaves for people. */
const kept = async (fleet: TestFleet) => (await fleet.leftovers()).filter((one) => one.includes("worker:01"));

test(
  "killed instead: the next command sets it right, and says so",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    const issue = await after(fleet, "decline", "declined");
    const before = await left(fleet, issue);
    fleet.configure({ limits: { ready: "2s" } });
    expect((await interrupt(fleet, issue, "02", "SIGKILL")).code).toBe(137);
    expect((await left(fleet, issue)).tip).toMatchObject({ state: "held", worker: "02" });
    const ticked = await until("nobody can be born any more", async () => {
      const ran = await assign(fleet, "-r", "acme/site");
      return ran.json().repaired.length > 0 ? ran : null;
    });
    expect(ticked.json()).toMatchObject({ dispatched: [], failed: [] });
    expect(ticked.json().repaired).toContain(`acme/site#${issue} was given back as 02-1 had found it: failed by 01-1`);
    expect(await left(fleet, issue)).toEqual(before);
    expect(skipped(await assign(fleet, "-r", "acme/site"))).toEqual([`#${issue} blocked`]);
  },
  long,
);

test(
  "killed after a person had taken `blocked` away: the issue stays free",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    const issue = await after(fleet, "decline", "declined");
    fleet.repo.unlabel(issue, "blocked");
    fleet.configure({ limits: { ready: "2s" } });
    expect((await interrupt(fleet, issue, "02", "SIGKILL")).code).toBe(137);
    await until("it is mended", async () => {
      const ran = await assign(fleet, "-r", "acme/site", "--limit", "1", "--reserve", "2");
      return ran.json().repaired.length > 0 || null;
    });
    expect((await left(fleet, issue)).labels).toEqual(["worker:01"]);
    fleet.repo.edit(issue, { body: "[[scenario:answer]]" });
    expect(taken(await assign(fleet, "-r", "acme/site"))).toEqual([issue]);
  },
  long,
);

test(
  "interrupted after its machine has slept for longer than the lease: what another fleet's worker of that name has put stays",
  async () => {
    const fleet = await openFleet();
    const rival = await openFleet({ standin: fleet.standin });
    const issue = fleet.repo.openIssue({ title: "Slept over", body: "[[scenario:silent]]" });
    const slow = fleet.standin.inject({ ...labelling, fault: { delayMs: 1000 } });
    const child = fleet.start([...dispatch(issue), "-w", "01"]);
    await until("the label is being set", () => slow.fired || null);
    child.kill("SIGSTOP");
    fleet.standin.advance(32 * 60_000);
    expect((await rival.cw([...dispatch(issue), "-w", "01"])).code).toBe(0);
    const before = await left(fleet, issue);
    expect(before).toMatchObject({ tip: { state: "held", attempt: "01-1" }, labels: ["worker:01"] });
    child.kill("SIGINT");
    child.kill("SIGCONT");
    expect([await child.exited, await new Response(child.stderr).text()]).toEqual([
      5,
      expect.stringContaining("interrupted: everything was undone"),
    ]);
    expect(await left(fleet, issue)).toEqual(before);
  },
  long,
);

test(
  "refused after the claim was made: as it was",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    const issue = await after(fleet, "decline", "declined");
    const before = await left(fleet, issue);
    const no = fleet.standin.inject({ ...labelling, fault: { status: 422, body: { message: "No" } } });
    const refused = await fleet.cw([...dispatch(issue), "-w", "02"]);
    no.remove();
    expect([refused.code, refused.stderr]).toEqual([7, expect.stringContaining("No")]);
    expect(await left(fleet, issue)).toEqual(before);
    expect(skipped(await assign(fleet, "-r", "acme/site"))).toEqual([`#${issue} blocked`]);
  },
  long,
);

test(
  "interrupted over what somebody had stopped: it stays stopped",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    const issue = fleet.repo.openIssue({ title: "Stopped", body: "[[scenario:silent]]" });
    expect((await fleet.cw([...dispatch(issue), "-w", "01"])).code).toBe(0);
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    const before = await left(fleet, issue);
    expect(before).toMatchObject({ tip: { state: "held", attempt: "01-1" }, labels: ["worker:01"] });
    expect((await interrupt(fleet, issue, "02")).code).toBe(5);
    expect(await left(fleet, issue)).toEqual(before);
    expect(skipped(await assign(fleet, "-r", "acme/site"))).toEqual([`#${issue} labelled`]);
  },
  long,
);
