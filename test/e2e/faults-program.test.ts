/** The same through the program: its exit codes, its patience, and what an interrupt leaves. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Fault } from "../../src/standin/faults.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { unprintable } from "./refused.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await testFleet({ isolation: "none" });
});
afterAll(async () => {
  expect(await fleet.leftovers()).toEqual([]);
  await fleet.close();
});

const dispatch = (issue: number) => ["dispatch", "-r", "acme/site", "-i", String(issue)];
const refs = { method: "POST", path: /\/git\/refs$/ };

test("lost replies at every write of the whole way: one claim, one pull request, one comment, exit 0", async () => {
  const issue = fleet.repo.openIssue({ title: "Lossy", body: "[[scenario:edit]]" });
  const writes: Fault[] = [
    { ...refs, fault: "drop-after" },
    { method: "POST", path: /\/labels$/, fault: "drop-after" },
    { method: "POST", path: /\/pulls$/, fault: "drop-after" },
    { method: "PATCH", path: /\/git\/refs\//, fault: "drop-after" },
    { method: "POST", path: /\/comments$/, fault: "drop-after" },
    { method: "DELETE", path: /\/labels\//, fault: "drop-after" },
    { git: "receive", fault: "drop-after" },
  ];
  const handles = writes.map((fault) => fleet.standin.inject(fault));
  const ran = await fleet.cw(dispatch(issue));
  expect([ran.code, ran.stderr.includes("bug")]).toEqual([0, false]);
  const end = await fleet.ended("01");
  expect([end.outcome, end.reason]).toEqual(["delivered", expect.stringContaining("/pull/")]);
  expect(handles.map(({ fired }) => fired)).toEqual(writes.map(() => 1));
  expect(fleet.repo.pulls().filter(({ head }) => head === `issue-${issue}`)).toHaveLength(1);
  expect(fleet.repo.comments(issue)).toHaveLength(1);
  expect((await fleet.claim(issue)).map(({ state }) => state)).toEqual(["done", "published", "held"]);
  expect(fleet.repo.labels(issue)).toEqual([]);
});

test("what stays broken is said in one line with a hint, within seconds; the next dispatch goes through", async () => {
  const issue = fleet.repo.openIssue({ title: "Broken", body: "[[scenario:answer]]" });
  const cases: [Fault, number, RegExp][] = [
    [
      { path: /\/issues\/\d+$/, fault: { status: 503, body: { message: "Unavailable" } } },
      7,
      /GitHub failed \(503.*try again/,
    ],
    [{ ...refs, fault: "drop" }, 7, /no answer from GitHub for claim.*connection/],
    [
      { ...refs, fault: { status: 422, body: { message: "Rule violations" } } },
      7,
      /Rule violations.*claims\.namespace/,
    ],
    [
      { method: "POST", path: /\/labels$/, fault: { status: 403, body: { message: "No" } } },
      6,
      /forbids it.*read and write/,
    ],
  ];
  for (const [fault, code, message] of cases) {
    const handle = fleet.standin.inject({ ...fault, times: 1000 });
    const before = performance.now();
    const ran = await fleet.cw(dispatch(issue));
    handle.remove();
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([code, "", expect.stringMatching(message)]);
    expect([ran.stderr.trimEnd().split("\n").length, unprintable.test(ran.stderr)]).toEqual([1, false]);
    expect(performance.now() - before).toBeLessThan(20_000);
    expect([fleet.repo.labels(issue), (await fleet.claim(issue))[0]?.state ?? "released"]).toEqual([[], "released"]);
  }
  expect((await fleet.cw(dispatch(issue))).code).toBe(0);
  expect((await fleet.ended("01")).outcome).toBe("answered");
});

const moments: [string, Pick<Fault, "method" | "path">][] = [
  ["reading the issue", { method: "GET", path: /\/issues\/\d+$/ }],
  ["claiming", refs],
  ["labelling", { method: "POST", path: /\/labels$/ }],
];
for (const [what, match] of moments) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} while ${what}: everything is undone, and said`, async () => {
      const issue = fleet.repo.openIssue({ title: "Interrupted" });
      const delay = fleet.standin.inject({ ...match, fault: { delayMs: 1000 } });
      const child = fleet.start(dispatch(issue));
      await until("the request is under way", () => (delay.fired > 0 ? true : null));
      child.kill(signal);
      const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
      expect([code, stderr]).toEqual([5, expect.stringMatching(/^interrupted/)]);
      expect([fleet.repo.labels(issue), (await fleet.claim(issue))[0]?.state ?? "released"]).toEqual([[], "released"]);
      expect((await fleet.cw(["status", "--json"])).json().workers[0].state).toBe("idle");
    });
  }
}
