/** An attempt that was cut off for longer than its lease, and ends without having noticed that another has its issue. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeOut } from "../../src/fleet/close-out.ts";
import { endAttempt, noFigures } from "../../src/fleet/end-attempt.ts";
import { renew } from "../../src/fleet/hold.ts";
import { reconcile } from "../../src/fleet/reconcile.ts";
import { giveBack } from "../../src/fleet/settle.ts";
import { takeUp } from "../../src/fleet/take-up.ts";
import { statusOf } from "../../src/model/attempt.ts";
import { meaningOf, type Outcome, outcomeNames } from "../../src/model/outcome.ts";
import { now } from "../../src/system/clock.ts";
import { type Case, Rig } from "./fault-rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start(1);
});
afterAll(() => rig.close());

const config = { claims: { lease: "60s", grace: "5s" } };

async function began(one: Case): Promise<void> {
  const done = await one.dispatch();
  if (done instanceof Error) throw done;
}

async function ends(one: Case, outcome: Outcome): Promise<boolean> {
  const task = one.fleet.store.attempts.task("01", 1);
  if (task === null) throw new Error("no task");
  const attempt = await takeUp(one.fleet, task, () => {});
  const settled = await closeOut(attempt, { outcome, reason: "as the test wants it" });
  endAttempt(one.fleet, task, { outcome, reason: "as the test wants it" });
  return settled;
}

const outcomes = outcomeNames.filter((name) => !["held", "untouched"].includes(meaningOf(name).claim));

// Torture, hosts, seed 138. Both have a worker 01, as most fleets do.
test.each(outcomes)("%s: what the new holder has put stays, and nothing is added", async (outcome) => {
  const late = rig.case({ supervisor: "born", config });
  await began(late);
  rig.standin.advance(120_000);
  const holder = rig.case({ supervisor: "born", config, repo: late.repo, issue: late.issue });
  await began(holder);
  await ends(late, outcome);
  expect((await reconcile(late.fleet)).failed).toEqual([]);
  expect([late.labels(), late.repo.comments(late.issue)]).toEqual([["worker:01"], []]);
  const host = holder.fleet.store.workers.fleetId();
  expect((await late.claims())[0]).toMatchObject({ state: "held", host, attempt: "01-1" });
});

test.each(outcomes.filter((name) => meaningOf(name).label === "removed"))(
  "%s: the label goes before the claim, since then another may put the same one",
  async (outcome) => {
    const one = rig.case({ supervisor: "born", config });
    await began(one);
    rig.standin.journal.clear();
    expect(await ends(one, outcome)).toBe(true);
    const writes = one.calls().filter(({ method, path }) => method === "DELETE" || /\/git\/refs\//.test(path));
    expect(writes.map(({ method }) => method)).toEqual(["DELETE", "PATCH"]);
    expect(one.labels()).toEqual([]);
  },
);

test("where GitHub does not say whose it is, the label is left to whoever settles it", async () => {
  const one = rig.case({ supervisor: "born", config });
  await began(one);
  one.inject({ method: "GET", path: /\/git\/ref\//, times: 1000, fault: { status: 500, body: {} } });
  expect(await ends(one, "limited")).toBe(false);
  one.heal();
  expect((await reconcile(one.fleet)).failed).toEqual([]);
  expect([one.labels(), (await one.claims())[0]?.state]).toEqual([[], "released"]);
});

test("an attempt ends long after its lease, and nobody has taken over: renewed, then the label goes, then the claim", async () => {
  const one = rig.case({ supervisor: "born", config });
  await began(one);
  rig.standin.advance(120_000);
  rig.standin.journal.clear();
  expect(await ends(one, "limited")).toBe(true);
  const writes = one.calls().filter(({ method, path }) => method === "DELETE" || /\/git\/refs\//.test(path));
  expect(writes.map(({ method }) => method)).toEqual(["PATCH", "DELETE", "PATCH"]);
  expect((await one.claims()).map(({ state }) => state)).toEqual(["released", "held", "held"]);
});

test("without its claim, which somebody has deleted, the label may be anybody's: it stays", async () => {
  const one = rig.case({ supervisor: "born", config });
  await began(one);
  const ref = `claude-workers/claims/issue-${one.issue}`;
  const headers = { authorization: "token ghp_token_of_acme_XXXXXXX" };
  await fetch(`${rig.standin.url}/repos/${one.repo.name}/git/refs/${ref}`, { method: "DELETE", headers });
  expect([await one.claims(), await ends(one, "limited"), one.labels()]).toEqual([[], true, ["worker:01"]]);
});

test("settled long after its lease: proved to be ours still, then the label goes, then the claim", async () => {
  const one = rig.case({ supervisor: "born", config });
  await began(one);
  const task = one.fleet.store.attempts.task("01", 1);
  if (task === null) throw new Error("no task");
  endAttempt(one.fleet, task, { outcome: "lost", reason: "as the test wants it" });
  rig.standin.advance(120_000);
  rig.standin.journal.clear();
  expect((await reconcile(one.fleet)).failed).toEqual([]);
  const writes = one.calls().filter(({ method, path }) => method === "DELETE" || /\/git\/refs\//.test(path));
  expect(writes.map(({ method }) => method)).toEqual(["PATCH", "DELETE", "PATCH"]);
  expect((await one.claims()).map(({ state }) => state)).toEqual(["released", "held", "held"]);
  expect(one.labels()).toEqual([]);
});

test("given back while another command renews it: it is its own claim that was faster, and it is given back", async () => {
  const one = rig.case({ supervisor: "born", config });
  await began(one);
  const task = one.fleet.store.attempts.task("01", 1);
  if (task === null) throw new Error("no task");
  endAttempt(one.fleet, task, { outcome: "stopped", reason: "as the test wants it" });
  const github: typeof one.fleet.github = async (credentials) => {
    const reached = await one.fleet.github(credentials);
    const { claims } = reached;
    const write = claims.write.bind(claims);
    claims.write = async (place, parent, claim) => {
      claims.write = write;
      const { lease } = await takeUp(one.fleet, task, () => {});
      if (lease === null) throw new Error("no lease");
      await renew(claims, lease.place, lease.holder, await lease.known());
      return await write(place, parent, claim);
    };
    return reached;
  };
  await giveBack({ ...one.fleet, github }, task);
  expect((await one.claims()).map(({ state }) => state)).toEqual(["released", "held", "held"]);
  expect(one.labels()).toEqual([]);
});

const odd = "\u0001".repeat(4000);
const vast = { ...noFigures({ model: "" }), model: odd.repeat(500), files: Array<string>(1000).fill(odd) };
test("an end is never too long to be read again, whatever an agent calls things", async () => {
  const one = rig.case({ supervisor: "born", config });
  await began(one);
  const { attempts, journal } = one.fleet.store;
  const task = attempts.task("01", 1);
  if (task === null) throw new Error("no task");
  endAttempt(one.fleet, task, { outcome: "answered", reason: odd.repeat(500) }, { figures: vast });
  expect(statusOf(attempts.facts("01"), now())).toMatchObject({ state: "idle" });
  expect(journal.recent("01", 1).at(-1)?.type).toBe("attempt:ended");
  expect((await reconcile(one.fleet)).failed).toEqual([]);
});

test("a host that shuts down before its supervisor listens: lost, without an agent", async () => {
  const one = rig.case({ supervisor: "unwanted" });
  expect(await one.dispatch()).not.toBeInstanceOf(Error);
  expect(await one.end()).toMatchObject({ outcome: "lost", reason: "the host shut the supervisor down" });
  expect(one.events.filter(({ type }) => type === "agent:started")).toEqual([]);
});
