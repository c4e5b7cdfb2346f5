/** Many ticks at once: on one host, and of fleets that know nothing of each other. */
import { afterEach, expect, test } from "bun:test";
import type { TestFleet } from "../support/fleet.ts";
import { attemptsOf } from "../support/leftovers.ts";
import { assign, closeFleets, long, openFleet, taken } from "./fleet-stage.ts";

afterEach(closeFleets, long);

/** All ticks at once, over and over, until every issue is done. @returns how often each issue was said to be taken up */
async function untilDone(issues: readonly number[], ticks: readonly TestFleet[]): Promise<Map<number, number>> {
  const said = new Map<number, number>();
  const [first] = ticks;
  for (let round = 0; round < 20; round++) {
    const ran = await Promise.all(ticks.map((fleet) => assign(fleet, "-r", "acme/site")));
    for (const one of ran) {
      expect([one.code, one.json().failed]).toEqual([0, []]);
      for (const issue of taken(one)) said.set(issue, (said.get(issue) ?? 0) + 1);
    }
    for (const fleet of new Set(ticks)) {
      const watched = await fleet.cw(["watch", "--all", "--json"], { timeoutMs: 120_000 });
      expect([0, 3]).toContain(watched.code);
    }
    const tips = await Promise.all(issues.map(async (issue) => (await first?.claim(issue))?.[0]?.state));
    if (tips.every((state) => state === "done")) return said;
  }
  throw new Error("the issues were not done after twenty rounds");
}

async function expectOnce(fleets: readonly TestFleet[], issues: readonly number[], said: Map<number, number>) {
  const [first] = fleets;
  if (!first) return;
  expect([...said].toSorted(([a], [b]) => a - b)).toEqual(issues.map((issue) => [issue, 1]));
  for (const issue of issues) {
    const pulls = first.repo.pulls().filter(({ body }) => new RegExp(`Closes #${issue}\\b`).test(body ?? ""));
    expect(pulls.map(({ head }) => head)).toEqual([`issue-${issue}`]);
    expect((await first.claim(issue))[0]).toMatchObject({ state: "done", pr: pulls[0]?.number ?? 0 });
    expect([first.repo.labels(issue), first.repo.comments(issue).length]).toEqual([[], 1]);
  }
  for (const fleet of fleets) {
    const { stdout } = await fleet.cw(["history", "--limit", "100", "--json"]);
    const odd = JSON.parse(stdout).filter(({ outcome }: { outcome: string }) => !/delivered|refused/.test(outcome));
    expect(odd).toEqual([]);
    expect(await fleet.leftovers()).toEqual([]);
  }
}

test("three ticks at once on one host, twelve issues, six workers: one pull request each", async () => {
  const fleet = await openFleet({ workers: ["01", "02", "03", "04", "05", "06"] });
  const issues = Array.from({ length: 12 }, (_, n) =>
    fleet.repo.openIssue({ title: `Issue ${n + 1}`, body: "[[scenario:edit]]" }),
  );
  const said = await untilDone(issues, [fleet, fleet, fleet]);
  await expectOnce([fleet], issues, said);
  expect(attemptsOf(fleet.root).length).toBeGreaterThanOrEqual(12);
}, 300_000);

test("three fleets, forty issues, twelve workers: one pull request each", async () => {
  const one = await openFleet({ workers: ["a1", "a2", "a3", "a4"] });
  const two = await openFleet({ workers: ["b1", "b2", "b3", "b4"], standin: one.standin });
  const three = await openFleet({ workers: ["c1", "c2", "c3", "c4"], standin: one.standin });
  const issues = Array.from({ length: 40 }, (_, n) =>
    one.repo.openIssue({ title: `Issue ${n + 1}`, body: "[[scenario:edit]]" }),
  );
  const said = await untilDone(issues, [one, two, three]);
  await expectOnce([one, two, three], issues, said);
}, 600_000);
