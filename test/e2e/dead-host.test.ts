/** What is left by a fleet that never comes back, or by a worker that was moved out: the lease decides, by GitHub's clock. */
import { afterEach, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { newest, running } from "../support/attempt.ts";
import type { TestFleet } from "../support/fleet.ts";
import { assign, closeFleets, kill, killedAt, long, openFleet, silent, skipped, taken } from "./fleet-stage.ts";

afterEach(closeFleets, long);

const claims = { claims: { lease: "30m", grace: "1m" } };
const leaseMs = 31 * 60_000;

/** Takes an issue up, and dies; no command of it comes after that. */
async function dead(fleet: TestFleet): Promise<number> {
  fleet.configure(claims);
  const issue = fleet.repo.openIssue({ title: "Left behind", body: silent });
  expect(taken(await assign(fleet, "-r", "acme/site"))).toEqual([issue]);
  await running(fleet, "01");
  await kill(fleet);
  return issue;
}
const verdict = async (fleet: TestFleet, issue: number): Promise<string> =>
  (await fleet.cw(["explain", `acme/site#${issue}`, "--json"])).json().verdict;

test(
  "another fleet's tick takes up what a dead one holds, once its lease has run out; not where a person has put a label",
  async () => {
    const gone = await openFleet({ workers: ["01"] });
    const issue = await dead(gone);
    const fleet = await openFleet({ workers: ["b1"], standin: gone.standin });
    fleet.configure({ ...claims, repos: { "acme/site": {} } });
    expect(fleet.repo.labels(issue)).toEqual(["worker:01"]);
    expect(skipped(await assign(fleet))).toEqual([`#${issue} labelled`]);
    // Not before its grace has passed as well.
    fleet.standin.advance(leaseMs - 60_000);
    expect(skipped(await assign(fleet))).toEqual([`#${issue} labelled`]);
    fleet.standin.advance(120_000);
    fleet.standin.journal.clear();
    expect(await verdict(fleet, issue)).toBe("the next assign takes it up");
    const rehearsal = await assign(fleet, "--dry-run");
    expect([taken(rehearsal), rehearsal.json().requests.total]).toEqual([[issue], 3]);

    gone.repo.label(issue, "worker:09");
    expect(skipped(await assign(fleet))).toEqual([`#${issue} labelled`]);
    expect(await verdict(fleet, issue)).toContain("labelled (label worker:09)");
    gone.repo.unlabel(issue, "worker:09");

    expect(taken(await assign(fleet))).toEqual([issue]);
    expect((await fleet.claim(issue))[0]).toMatchObject({ state: "held", worker: "b1", attempt: "b1-1" });
    expect(fleet.repo.labels(issue)).toEqual(["worker:b1"]);
    // Should it come back: the issue is another's.
    expect((await assign(gone, "-r", "acme/site")).json().failed).toEqual([]);
    expect((await fleet.claim(issue))[0]).toMatchObject({ state: "held", worker: "b1" });
    expect(fleet.repo.labels(issue)).toEqual(["worker:b1"]);
  },
  long,
);

test(
  "a worker that was moved out of .fleet: its issue is free once the lease has run out, and status says so",
  async () => {
    const fleet = await openFleet({ workers: ["02", "03"] });
    fleet.configure({ ...claims, repos: { "acme/site": {} } });
    const issue = fleet.repo.openIssue({ title: "Moved out", body: silent });
    expect((await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "03"])).code).toBe(0);
    await running(fleet, "03");
    await kill(fleet, "03");
    renameSync(join(fleet.root, ".fleet/03"), join(fleet.folder, "moved-out"));

    const held = await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue)]);
    expect([held.code, held.stderr]).toEqual([4, expect.stringContaining("attempt 03-1 of this fleet has it")]);
    const said = await fleet.cw(["status", "--github"]);
    expect(said.stdout).toContain("claim held by attempt 03-1, of which no record is left here");
    expect(said.stdout).not.toContain("cw reset 03");
    expect(skipped(await assign(fleet))).toEqual([`#${issue} labelled`]);
    fleet.standin.advance(leaseMs + 60_000);
    expect(await verdict(fleet, issue)).toBe("the next assign takes it up");
    expect(taken(await assign(fleet))).toEqual([issue]);
    expect((await fleet.claim(issue))[0]).toMatchObject({ state: "held", worker: "02" });
    expect(fleet.repo.labels(issue)).toEqual(["worker:02"]);
  },
  long,
);

test(
  "an attempt whose number comes again is not taken for the one that was moved out",
  async () => {
    const fleet = await openFleet({ workers: ["03"] });
    fleet.configure(claims);
    const dispatch = (issue: number) => fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "03"]);
    const issue = fleet.repo.openIssue({ title: "Moved out", body: silent });
    expect((await dispatch(issue)).code).toBe(0);
    await running(fleet, "03");
    await kill(fleet, "03");
    renameSync(fleet.attempt("03", 1), join(fleet.folder, "moved-out"));

    expect((await dispatch(issue)).code).toBe(4);
    expect([newest(fleet, "03"), (await fleet.claim(issue)).map(({ state }) => state)]).toEqual([1, ["held"]]);
    expect(fleet.repo.labels(issue)).toEqual(["worker:03"]);
    fleet.standin.advance(leaseMs + 60_000);
    expect((await dispatch(issue)).code).toBe(0);
    expect((await fleet.claim(issue))[0]).toMatchObject({ state: "held", attempt: "03-2" });
  },
  long,
);

test(
  "what somebody has stopped is this fleet's own, however long nothing of it has run: a rehearsal leaves it too",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    fleet.configure({ ...claims, repos: { "acme/site": {} } });
    const issue = fleet.repo.openIssue({ title: "Stopped", body: silent });
    expect((await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "01"])).code).toBe(0);
    await running(fleet, "01");
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    fleet.standin.advance(leaseMs + 60_000);
    const rehearsal = await assign(fleet, "--dry-run");
    expect([taken(rehearsal), skipped(rehearsal)]).toEqual([[], [`#${issue} labelled`]]);
    expect(await verdict(fleet, issue)).toContain("assign leaves it");
    const real = await assign(fleet);
    expect([taken(real), skipped(real)]).toEqual([[], [`#${issue} labelled`]]);
    expect((await fleet.claim(issue))[0]).toMatchObject({ state: "held", attempt: "01-1" });
  },
  long,
);

test(
  "what a dead fleet had pushed goes to the configured base, not to the repository's default branch",
  async () => {
    const gone = await openFleet({ workers: ["01"] });
    await gone.repo.push({ branch: "next", files: { "next.txt": "Next.\n" } });
    const based = { ...claims, repos: { "acme/site": { base: "next" } } };
    gone.configure(based);
    const issue = await killedAt(gone, "after branch:published");
    const fleet = await openFleet({ workers: ["b1"], standin: gone.standin });
    fleet.configure(based);
    fleet.standin.advance(leaseMs + 60_000);
    expect((await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue)])).code).toBe(4);
    expect(fleet.repo.pulls()).toMatchObject([{ head: `issue-${issue}`, base: "next" }]);
  },
  long,
);

test(
  "what a dead fleet had pushed is finished by another, when a person says so after the lease: no agent does it again",
  async () => {
    const gone = await openFleet({ workers: ["01"] });
    gone.configure(claims);
    const issue = await killedAt(gone, "after branch:published");
    expect([(await gone.claim(issue))[0]?.state, gone.repo.pulls()]).toEqual(["published", []]);
    const fleet = await openFleet({ workers: ["b1"], standin: gone.standin });
    fleet.configure(claims);
    const dispatch = () => fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue)]);

    const early = await dispatch();
    expect([early.code, early.stderr]).toEqual([
      4,
      expect.stringMatching(/where that worker lives; or this again, after/),
    ]);
    expect((await gone.claim(issue))[0]).toMatchObject({ state: "published", worker: "01" });
    fleet.standin.advance(leaseMs + 60_000);
    expect(skipped(await assign(fleet, "-r", "acme/site"))).toEqual([`#${issue} labelled`]);
    const done = await dispatch();
    const [pull, ...more] = fleet.repo.pulls();
    expect(done.stderr).toMatch(
      /attempt 01-1 had pushed its work and did not come back; the pushed work of b1-2 became pull request #\d+/,
    );
    expect([done.code, pull?.head, more]).toEqual([4, `issue-${issue}`, []]);
    expect((await fleet.claim(issue))[0]).toMatchObject({ state: "done", pr: pull?.number ?? 0 });
    expect([fleet.repo.labels(issue), (await fleet.ended("b1")).outcome]).toEqual([[], "refused"]);
    expect((await dispatch()).stderr).toContain(`pull request #${pull?.number} is open`);
    // Should it come back: there is nothing left to do.
    const back = await assign(gone, "-r", "acme/site");
    expect([back.json().failed, fleet.repo.pulls().length]).toEqual([[], 1]);
    expect([...(await gone.leftovers()), ...(await fleet.leftovers())]).toEqual([]);
  },
  long,
);
