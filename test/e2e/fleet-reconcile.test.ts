/** Reconcile, at the start of dispatch, assign and restart: what was left by the dead is mended, what is others' is left alone. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { begin, events, heard, newest, running, supervisorOf } from "../support/attempt.ts";
import { type TestFleet, until } from "../support/fleet.ts";
import { assign, closeFleets, kill, killedAt, long, openFleet, silent, taken } from "./fleet-stage.ts";

afterEach(closeFleets, long);

/** A tick over a repository without issues: it reconciles, and does nothing else. */
async function quietTick(fleet: TestFleet): Promise<string[]> {
  const ran = await assign(fleet, "-r", "acme/quiet");
  expect([ran.code, taken(ran), ran.json().failed]).toEqual([0, [], []]);
  const { repaired } = ran.json();
  expect(ran.stderr.trim().split("\n").filter(Boolean)).toEqual(repaired);
  return repaired;
}
const quietRepo = (fleet: TestFleet) =>
  fleet.standin.addRepo({ name: "acme/quiet", files: { "README.md": "# Quiet\n" } });

test(
  "a supervisor that was killed at work: ended as lost, its work kept, its issue given back; a rehearsal mends nothing",
  async () => {
    const fleet = await openFleet();
    await quietRepo(fleet);
    const issue = await begin(fleet, { worker: "01", body: "[[scenario:edit-hang]]" });
    await heard(fleet, "01", "agent:activity", ({ kind }) => kind === "result");
    await kill(fleet);
    const rehearsal = await assign(fleet, "-r", "acme/quiet", "--dry-run");
    expect([rehearsal.code, rehearsal.json().repaired]).toEqual([0, []]);
    expect(existsSync(join(fleet.attempt("01", 1), "end.json"))).toBe(false);
    expect(await quietTick(fleet)).toEqual([
      expect.stringMatching(/^its work was saved: .*work\.patch$/),
      "attempt 01-1 was ended as lost: the supervisor vanished",
      `the label worker:01 was removed from acme/site#${issue}`,
      `the claim of 01-1 on acme/site#${issue} was released`,
    ]);
    expect((await fleet.ended("01")).outcome).toBe("lost");
    expect([(await fleet.claim(issue))[0]?.state, fleet.repo.labels(issue)]).toEqual(["released", []]);
    expect(await quietTick(fleet)).toEqual([]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

// Torture, crash-steps 88.
test(
  "a supervisor that was killed before its clone stood: ended as lost, and nothing of it stays, in the mirror either",
  async () => {
    const fleet = await openFleet();
    await quietRepo(fleet);
    const issue = await killedAt(fleet, "home made");
    await quietTick(fleet);
    expect([(await fleet.ended("01")).outcome, (await fleet.claim(issue))[0]?.state]).toEqual(["lost", "released"]);
    // Which the worker's next attempt removes.
    expect(await fleet.leftovers()).toEqual(["trash of 01"]);
  },
  long,
);

test(
  "a dispatch that was killed before its claim, and one between claim and label",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    await quietRepo(fleet);
    fleet.configure({ limits: { ready: "1s" } });
    const commits = { method: "POST", path: /\/git\/commits$/, fault: { delayMs: 60_000 } };
    const labels = { method: "POST", path: /\/issues\/\d+\/labels$/, fault: { status: 403, body: {} } };
    // Both are killed in the end: with the first one dead, the second could mend it before anybody looks.
    const begun: [dispatch: ReturnType<typeof fleet.start>, issue: number, held: readonly string[]][] = [];
    for (const [worker, faults, held] of [
      ["01", [commits], []],
      // The label is refused; the claim that is then given back never is.
      ["02", [labels, { ...commits, skip: 1 }], ["held"]],
    ] as const) {
      const issue = fleet.repo.openIssue({ title: `For ${worker}`, body: silent });
      const armed = faults.map((fault) => fleet.standin.inject(fault));
      const dispatch = fleet.start(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", worker]);
      await until(`the dispatch for ${worker} has come that far`, () => armed.every(({ fired }) => fired > 0) || null);
      begun.push([dispatch, issue, held]);
    }
    for (const [dispatch, issue, held] of begun) {
      dispatch.kill("SIGKILL");
      await dispatch.exited;
      expect((await fleet.claim(issue)).map(({ state }) => state)).toEqual([...held]);
    }
    fleet.configure({});
    await until("both have crashed", async () => {
      const workers = (await fleet.cw(["status", "--json"])).json().workers;
      return workers.every(({ state }: { state: string }) => state === "crashed") ? true : null;
    });
    expect(await quietTick(fleet)).toEqual([
      "attempt 01-1 was ended as refused: the supervisor never started",
      "attempt 02-1 was ended as refused: the supervisor never started",
      "the claim of 02-1 on acme/site#2 was released",
    ]);
    expect([await fleet.claim(1), (await fleet.claim(2))[0]?.state]).toEqual([[], "released"]);
    expect([fleet.repo.labels(1), fleet.repo.labels(2)]).toEqual([[], []]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "killed between push and pull request: the next command opens it and finishes the claim, without an agent",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    const path = /^\/repos\/acme\/site\/pulls$/;
    const failing = fleet.standin.inject({ method: "POST", path, times: 100, fault: { status: 502, body: {} } });
    const issue = await begin(fleet, { worker: "01", body: "[[scenario:edit]]" });
    await until("a pull request is refused", () => (failing.fired > 0 ? true : null));
    await kill(fleet);
    expect((await fleet.claim(issue))[0]?.state).toBe("published");
    expect(fleet.repo.pulls()).toEqual([]);

    // As long as GitHub fails it is said, and nothing is lost.
    const other = fleet.repo.openIssue({ title: "Other", body: silent });
    const early = await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(other), "-w", "02"]);
    expect([early.code, early.stderr]).toEqual([0, expect.stringContaining("attempt 01-1")]);
    expect((await fleet.claim(issue))[0]?.state).toBe("published");
    failing.remove();

    const ran = await assign(fleet, "-r", "acme/site");
    const [pull] = fleet.repo.pulls();
    expect([ran.code, taken(ran)]).toEqual([0, []]);
    expect(ran.json().repaired).toContain(`the pushed work of 01-1 became pull request #${pull?.number}`);
    expect(pull).toMatchObject({ head: `issue-${issue}`, body: expect.stringContaining(`Closes #${issue}`) });
    expect(fleet.repo.pulls()).toHaveLength(1);
    expect((await fleet.claim(issue))[0]).toMatchObject({ state: "done", pr: pull?.number ?? 0 });
    expect([fleet.repo.labels(issue), newest(fleet, "01")]).toEqual([[], 1]);
    expect(events(fleet, "01").filter(({ type }) => type === "agent:started")).toHaveLength(1);
    await fleet.cw(["reset", "-f", "02"]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "killed after the pull request was opened: adopted, not opened again",
  async () => {
    const fleet = await openFleet();
    await quietRepo(fleet);
    const slow = fleet.standin.inject({
      method: "GET",
      path: /^\/repos\/acme\/site\/pulls\/\d+$/,
      fault: { delayMs: 3000 },
    });
    const issue = await begin(fleet, { worker: "01", body: "[[scenario:edit]]" });
    await until("the pull request is read back", () => (slow.fired > 0 ? true : null));
    await kill(fleet);
    expect((await fleet.claim(issue))[0]?.state).toBe("published");
    expect((await quietTick(fleet))[0]).toMatch(
      new RegExp(`^attempt 01-1 was ended as delivered: .*/pull/${fleet.repo.pulls()[0]?.number}$`),
    );
    expect((await fleet.ended("01", 1)).pull?.number).toBe(fleet.repo.pulls()[0]?.number);
    expect(fleet.repo.pulls()).toHaveLength(1);
    expect((await fleet.claim(issue))[0]?.state).toBe("done");
    expect(fleet.repo.labels(issue)).toEqual([]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "killed while it closed out: the label that was left is removed",
  async () => {
    const fleet = await openFleet();
    await quietRepo(fleet);
    const label = fleet.standin.inject({ method: "DELETE", path: /\/labels\//, fault: { status: 403, body: {} } });
    const slow = fleet.standin.inject({ method: "POST", path: /\/issues\/\d+\/comments$/, fault: { delayMs: 3000 } });
    const issue = await begin(fleet, { worker: "01", body: "[[scenario:edit]]" });
    await until("the comment is being posted", () => (slow.fired > 0 ? true : null));
    await kill(fleet);
    label.remove();
    expect([(await fleet.claim(issue))[0]?.state, fleet.repo.labels(issue)]).toEqual(["done", ["worker:01"]]);
    expect(await quietTick(fleet)).toEqual([
      expect.stringMatching(/^attempt 01-1 was ended as delivered: /),
      `the label worker:01 was removed from acme/site#${issue}`,
    ]);
    expect(fleet.repo.labels(issue)).toEqual([]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "what another fleet took over, and what a person marked, is left alone",
  async () => {
    const fleet = await openFleet();
    await quietRepo(fleet);
    const rival = await openFleet({ workers: ["r1"], standin: fleet.standin });
    const person = fleet.repo.openIssue({ title: "By hand", body: silent, labels: ["worker:01"] });
    const issue = await begin(fleet, { worker: "01", body: silent });
    await running(fleet, "01");
    await kill(fleet);
    fleet.standin.advance(32 * 60_000);
    expect((await rival.cw(["dispatch", "-r", "acme/site", "-i", String(issue)])).code).toBe(0);
    // Its own name put by a person, beside the claim of another.
    fleet.repo.label(issue, "worker:01");
    expect(await quietTick(fleet)).toEqual(["attempt 01-1 was ended as lost: the supervisor vanished"]);
    expect((await fleet.claim(issue))[0]).toMatchObject({ state: "held", worker: "r1" });
    expect(fleet.repo.labels(issue)).toEqual(["worker:r1", "worker:01"]);
    expect(fleet.repo.labels(person)).toEqual(["worker:01"]);
    const ran = await assign(fleet, "-r", "acme/site");
    expect([taken(ran), ran.json().repaired]).toEqual([[], []]);
    expect(fleet.repo.labels(person)).toEqual(["worker:01"]);
  },
  long,
);

test(
  "a stopped attempt keeps its claim, renewed when half of the lease has passed, until reset",
  async () => {
    const fleet = await openFleet();
    await quietRepo(fleet);
    const issue = await begin(fleet, { worker: "01", body: silent });
    await running(fleet, "01");
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    const held = (await fleet.claim(issue)).length;
    expect(await quietTick(fleet)).toEqual([]);
    fleet.standin.advance(14 * 60_000);
    expect(await quietTick(fleet)).toEqual([]);
    expect(await fleet.claim(issue)).toHaveLength(held);
    fleet.standin.advance(2 * 60_000);
    const renewed = [`the claim of 01-1 on acme/site#${issue} was renewed`];
    expect(await quietTick(fleet)).toEqual(renewed);
    expect(await quietTick(fleet)).toEqual([]);
    fleet.standin.advance(16 * 60_000);
    expect(await quietTick(fleet)).toEqual(renewed);
    expect((await fleet.claim(issue)).map(({ state }) => state)).toEqual(Array(held + 2).fill("held"));
    expect(fleet.repo.labels(issue)).toEqual(["worker:01"]);
    const mine = await assign(fleet, "-r", "acme/site");
    expect(taken(mine)).toEqual([]);
    // What was read at its start is not missed.
    rmSync(join(fleet.attempt("01", 1), "snapshot.json"));
    expect((await fleet.cw(["reset", "01"])).code).toBe(0);
    expect([fleet.repo.labels(issue), (await fleet.claim(issue))[0]?.state]).toEqual([[], "released"]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "what was stopped is given back by a reset of its worker after another task, too",
  async () => {
    const fleet = await openFleet();
    const stopped = await begin(fleet, { worker: "01", body: silent });
    await running(fleet, "01");
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    const other = await begin(fleet, { worker: "01", body: "[[scenario:answer]]" });
    expect((await fleet.ended("01", 2)).outcome).toBe("answered");
    expect([fleet.repo.labels(stopped), (await fleet.claim(stopped))[0]?.state]).toEqual([["worker:01"], "held"]);
    const reset = await fleet.cw(["reset", "01", "--json"]);
    expect([reset.code, reset.json().done]).toEqual([
      0,
      [
        `the label worker:01 was removed from acme/site#${stopped}`,
        `the claim of 01-1 on acme/site#${stopped} was released`,
      ],
    ]);
    expect([fleet.repo.labels(stopped), (await fleet.claim(stopped))[0]?.state]).toEqual([[], "released"]);
    expect((await fleet.claim(other))[0]).toMatchObject({ state: "done", attempt: "01-2" });
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "two reconciles at once mend each thing once",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    await quietRepo(fleet);
    const issues: number[] = [];
    for (const worker of ["01", "02"]) {
      issues.push(await begin(fleet, { worker, body: silent }));
      await running(fleet, worker);
    }
    process.kill(supervisorOf(fleet, "01"), "SIGKILL");
    await kill(fleet, "02");
    const repaired = (await Promise.all([quietTick(fleet), quietTick(fleet), quietTick(fleet)])).flat();
    expect(repaired.filter((one) => one.includes("was ended as lost"))).toHaveLength(2);
    expect(new Set(repaired).size).toBe(repaired.length);
    for (const issue of issues) {
      const chain = (await fleet.claim(issue)).map(({ state }) => state);
      expect([chain, fleet.repo.labels(issue)]).toEqual([["released", "held"], []]);
    }
    const history = (await fleet.cw(["history", "--json"])).json();
    expect(history.map(({ outcome }: { outcome: string }) => outcome)).toEqual(["lost", "lost"]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);
