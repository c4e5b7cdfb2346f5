/** Many dispatches at once: of one worker, of one issue, and of two fleets that know nothing of each other. */
import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Ran, type TestFleet, testFleet } from "../support/fleet.ts";
import { attemptsOf } from "../support/leftovers.ts";

const fleets: TestFleet[] = [];
afterEach(async () => {
  for (const fleet of fleets.splice(0).reverse()) await fleet.close();
});

async function open(...args: Parameters<typeof testFleet>): Promise<TestFleet> {
  const fleet = await testFleet(...args);
  fleets.push(fleet);
  return fleet;
}

const issues = (fleet: TestFleet, count: number, body: string) =>
  Array.from({ length: count }, (_, index) => fleet.repo.openIssue({ title: `Issue ${index + 1}`, body }));
const dispatch = (fleet: TestFleet, issue: number, ...more: string[]): Promise<Ran> =>
  fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "--json", ...more]);
const born = (fleet: TestFleet) =>
  attemptsOf(fleet.root).filter((folder) => existsSync(join(folder, "processes.jsonl")));

test("twenty issues for one worker at once: one attempt, nineteen are told that it is busy", async () => {
  const fleet = await open();
  const all = issues(fleet, 20, "[[scenario:silent]]");
  const ran = await Promise.all(all.map((issue) => dispatch(fleet, issue, "-w", "01")));
  const codes = ran.map(({ code }) => code).toSorted();
  expect(codes).toEqual([0, ...Array(19).fill(4)]);
  const won = ran.findIndex(({ code }) => code === 0);
  expect(ran[won]?.json()).toMatchObject({ worker: "01", attempt: "01-1", issue: all[won] ?? 0 });
  for (const [index, { code, stdout, stderr }] of ran.entries()) {
    if (index === won) continue;
    expect(stdout).toBe("");
    expect(JSON.parse(stderr.trim().split("\n").at(-1) ?? "")).toMatchObject({ error: { code: "busy" } });
    expect([code, fleet.repo.labels(all[index] ?? 0), await fleet.claim(all[index] ?? 0)]).toEqual([4, [], []]);
  }
  expect(attemptsOf(fleet.root)).toHaveLength(1);
  expect(fleet.repo.labels(all[won] ?? 0)).toEqual(["worker:01"]);
  expect((await fleet.cw(["reset", "-f", "01"])).code).toBe(0);
  expect(await fleet.leftovers()).toEqual([]);
}, 90_000);

test("one issue for a fleet of three, twenty times at once: one attempt, and everybody is told which, or that it is busy", async () => {
  const fleet = await open({ workers: ["01", "02", "03"] });
  const [issue = 0] = issues(fleet, 1, "[[scenario:silent]]");
  const ran = await Promise.all(Array.from({ length: 20 }, () => dispatch(fleet, issue)));
  expect(ran.filter(({ code }) => code !== 0 && code !== 4).map(({ stderr }) => stderr)).toEqual([]);
  const told = new Set(ran.filter(({ code }) => code === 0).map((one) => one.json().attempt));
  expect(told.size).toBe(1);
  expect(attemptsOf(fleet.root)).toHaveLength(1);
  const held = await fleet.claim(issue);
  expect(held.map(({ state, attempt }) => [state, attempt])).toEqual([["held", [...told][0]]]);
  expect(fleet.repo.labels(issue)).toEqual([`worker:${held[0]?.worker}`]);
  expect((await fleet.cw(["reset", "-f", held[0]?.worker ?? ""])).code).toBe(0);
  expect(await fleet.leftovers()).toEqual([]);
}, 90_000);

test("two fleets and the same six issues at once: each has one pull request", async () => {
  const names = ["1", "2", "3", "4", "5", "6"];
  const one = await open({ workers: names.map((name) => `a${name}`) });
  const two = await open({ workers: names.map((name) => `b${name}`), standin: one.standin });
  const all = issues(one, 6, "[[scenario:edit]]");
  const ran = await Promise.all(all.flatMap((issue) => [dispatch(one, issue), dispatch(two, issue)]));
  expect(ran.filter(({ code }) => code !== 0 && code !== 4).map(({ stderr }) => stderr)).toEqual([]);
  const won = ran.filter(({ code }) => code === 0).map((each) => each.json());
  expect(won.map(({ issue }) => issue).toSorted((a, b) => a - b)).toEqual(all);
  for (const { worker } of won) {
    const end = await (worker.startsWith("a") ? one : two).ended(worker);
    expect({ outcome: end.outcome, reason: end.reason }).toMatchObject({ outcome: "delivered" });
  }
  expect(born(one).length + born(two).length).toBe(6);
  for (const issue of all) {
    const pulls = one.repo.pulls().filter(({ body }) => body?.includes(`Closes #${issue}`));
    expect(pulls.map(({ head }) => head)).toEqual([`issue-${issue}`]);
    expect((await one.claim(issue))[0]).toMatchObject({ state: "done", pr: pulls[0]?.number ?? 0 });
    expect([one.repo.labels(issue), one.repo.comments(issue).length]).toEqual([[], 1]);
  }
  expect([...(await one.leftovers()), ...(await two.leftovers())]).toEqual([]);
}, 120_000);
