/** What stands on GitHub after a pull request was opened counts, not what was sent: others are at work there, too. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestFleet, testFleet } from "../support/fleet.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await testFleet({ isolation: "none" });
});
afterAll(async () => {
  expect(await fleet.leftovers()).toEqual([]);
  await fleet.close();
});

/** Works on an issue; right before the pull request is read back somebody changes it. */
async function delivered(change: (pull: number, branch: string) => void) {
  const issue = fleet.repo.openIssue({ title: "Read", body: "[[scenario:edit]]" });
  const newest = () => fleet.repo.pulls().at(-1);
  const path = /^\/repos\/acme\/site\/pulls\/\d+$/;
  const meanwhile = () => change(newest()?.number ?? 0, `issue-${issue}`);
  const fault = fleet.standin.inject({ method: "GET", path, fault: { meanwhile } });
  expect((await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue)])).code).toBe(0);
  const end = await fleet.ended("01");
  expect(fault.fired).toBe(1);
  await fleet.cw(["reset", "01"]);
  return { issue, end, pull: newest() };
}

test("one that is not open is not delivered", async () => {
  const { end, pull } = await delivered((number) => fleet.repo.close(number));
  expect([end.outcome, end.reason]).toEqual([
    "rejected",
    `pull request #${pull?.number} is not as it should be: it is not open`,
  ]);
});

test("one of other commits is not delivered", async () => {
  const { end } = await delivered((_, branch) => {
    const moved = ["git", "--git-dir", fleet.repo.dir, "update-ref", `refs/heads/${branch}`, "refs/heads/main"];
    expect(Bun.spawnSync(moved).exitCode).toBe(0);
  });
  expect([end.outcome, end.reason]).toEqual(["rejected", expect.stringMatching(/its head is \w{12}, not our \w{12}$/)]);
});

test("one that does not close its issue any more is made to", async () => {
  const { issue, end, pull } = await delivered((number) => fleet.repo.edit(number, { body: "Mine." }));
  expect([end.outcome, pull?.body]).toEqual(["delivered", expect.stringContaining(`Closes #${issue}`)]);
});
