/** The claim while an attempt runs: renewals that fail, leases that end, issues that change; never two deliveries. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Lease } from "../../src/fleet/lease.ts";
import { GitHub } from "../../src/issues/github.ts";
import type { FleetEvent } from "../../src/model/events.ts";
import { testToken, until } from "../support/fleet.ts";
import { type Case, type CaseOptions, Rig } from "./fault-rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start(2);
});
afterAll(() => rig.close());

/**
 * Renewed every 0.7 s; the project's own gate keeps the attempt going until it is opened. The grace is longer than any machine
 * is slow: nobody but who moves GitHub's clock makes a claim expire.
 */
function gated(options: CaseOptions = {}): { one: Case; open: () => void } {
  const go = join(rig.folder, `go-${crypto.randomUUID()}`);
  // One that nobody opens ends with the folder.
  const gates = [`while [ -d '${rig.folder}' ] && [ ! -e '${go}' ]; do sleep 0.02; done`];
  const repos = Object.fromEntries([0, 1].map((lane) => [`acme/lane${lane}`, { gates }]));
  const one = rig.case({ ...options, config: { claims: { lease: "2s", grace: "60s" }, repos } });
  return { one, open: () => writeFileSync(go, "") };
}
const write = { method: "PATCH", path: /\/git\/refs\// };
const count = (one: Case, type: FleetEvent["type"]) => one.events.filter((event) => event.type === type).length;

async function started(one: Case): Promise<void> {
  const done = await one.dispatch();
  if (done instanceof Error) throw done;
}

test("renewals fail for a while: the agent goes on, and its work is delivered", async () => {
  const { one, open } = gated();
  one.later = [{ method: "POST", path: /\/git\/commits$/, times: 5, fault: { status: 422, body: { message: "No" } } }];
  await started(one);
  await until("it has renewed again", () => (count(one, "claim:renewed") > 0 ? true : null));
  expect(count(one, "claim:renewal-failed")).toBe(5);
  open();
  expect((await one.end()).outcome).toBe("delivered");
  expect((await one.claims())[0]?.state).toBe("done");
});

test("a renewal went through unseen, by a lost reply and a blind spot after it: still ours", async () => {
  const { one, open } = gated();
  one.later = [
    { ...write, fault: "drop-after" },
    // The first one reads what is to be renewed.
    {
      method: "GET",
      path: /\/git\/ref\//,
      skip: 1,
      times: 3,
      fault: { status: 500, body: { message: "Server Error" } },
    },
  ];
  await started(one);
  await until("a renewal fails", () => (count(one, "claim:renewal-failed") > 0 ? true : null));
  open();
  const end = await one.end();
  expect([end.outcome, end.reason]).toEqual(["delivered", expect.stringContaining("/pull/")]);
});

test("A63: cut off past its lease: another fleet takes the issue and delivers; the first is fenced, and publishes nothing", async () => {
  const { one: first, open } = gated();
  first.later = [{ method: "POST", path: /\/git\/commits$/, times: 1000, fault: "drop" }];
  await started(first);
  await until("a renewal fails", () => (count(first, "claim:renewal-failed") > 0 ? true : null));
  const { one: second, open: openSecond } = gated({ issue: first.issue, repo: first.repo });
  openSecond();
  // Not before the lease and its grace have passed on GitHub's clock.
  const early = await second.dispatch();
  expect(early).toMatchObject({ code: "busy", message: expect.stringContaining("is taken: worker 01 (attempt 01-1") });
  rig.standin.advance(70_000);
  await started(second);
  expect((await second.end()).outcome).toBe("delivered");
  first.heal();
  open();
  const end = await first.end();
  expect([end.outcome, end.reason]).toEqual([
    "fenced",
    expect.stringMatching(/claim (?:now belongs to|became another's)/),
  ]);
  expect(second.pulls()).toHaveLength(1);
  expect(Object.keys(await first.repo.refs(`refs/heads/issue-${first.issue}`))).toHaveLength(1);
  expect((await second.claims()).map(({ state, epoch }) => `${state} ${epoch}`).slice(0, 3)).toEqual([
    "done 2",
    "published 2",
    "held 2",
  ]);
  expect(first.comments()).toHaveLength(1);
  expect(first.labels()).toEqual([]);
}, 60_000);

test("another's claim is seen at the next renewal: what runs is ended at once", async () => {
  // Its gate is never opened: who awaits it does not end.
  const { one } = gated();
  await started(one);
  // From then on it knows what stands there, and does not read it again.
  await until("it has renewed", () => (count(one, "claim:renewed") > 0 ? true : null));
  const place = { repo: one.repo.name, issue: one.issue, namespace: "refs/claude-workers/claims" };
  const patience = { requestMs: 5000, retries: 2, backoffMs: 10, longestWaitMs: 1000 };
  rig.standin.addUser({ login: "acme", token: testToken });
  const github = new GitHub({ apiUrl: rig.standin.url, token: testToken, patience });
  const ours = await until("it is taken away", async () => {
    const { tip } = await github.claims.read(place);
    if (!tip?.claim) return null;
    const theirs = { ...tip.claim, host: "elsewhere", worker: "09", attempt: "09-1", nonce: crypto.randomUUID() };
    return (await github.claims.write(place, tip, theirs)).won ? tip.claim : null;
  });
  const end = await one.end();
  expect([end.outcome, end.reason]).toEqual(["fenced", "the claim now belongs to worker 09, attempt 09-1"]);
  expect([one.pulls(), (await one.claims())[0]?.worker, one.labels()]).toEqual([[], "09", ["worker:01"]]);
  // Nor does who reads it for the first time build anything on it.
  const holder = { worker: "01", attempt: ours.attempt, host: ours.host, leaseMs: 2000, graceMs: 60_000 };
  const nothing = () => {};
  const lease = new Lease(github, place, holder, "worker:01", null, nothing, nothing);
  expect(await lease.known().catch((verdict: unknown) => verdict)).toMatchObject({
    outcome: "fenced",
    reason: "the claim now belongs to worker 09, attempt 09-1",
  });
}, 60_000);

const changes: Record<string, (one: Case) => void> = {
  "is closed": (one) => one.repo.close(one.issue),
  "is deleted": (one) => one.repo.delete(one.issue),
  "loses its label": (one) => one.repo.unlabel(one.issue, "worker:01"),
};
for (const [what, change] of Object.entries(changes)) {
  test(`the issue ${what} meanwhile: withdrawn, nothing published, the claim given back`, async () => {
    const { one } = gated();
    await started(one);
    change(one);
    const end = await one.end();
    expect([end.outcome, one.pulls(), (await one.claims())[0]?.state]).toEqual(["withdrawn", [], "released"]);
    if (what !== "is deleted") expect(one.labels()).toEqual([]);
  }, 60_000);
}
