/** Work that was pushed by an attempt that died before GitHub confirmed its pull request, and people who act before we do. */
import { afterEach, expect, test } from "bun:test";
import { begin, newest, running } from "../support/attempt.ts";
import type { TestFleet } from "../support/fleet.ts";
import { squat } from "../support/squat.ts";
import { api, assign, closeFleets, killedAt, long, openFleet, silent, skipped, taken } from "./fleet-stage.ts";

afterEach(closeFleets, long);

const tick = (fleet: TestFleet) => assign(fleet, "-r", "acme/site");

/** Its pull request is there, and was not confirmed. */
async function opened(fleet: TestFleet): Promise<{ issue: number; number: number }> {
  const issue = await killedAt(fleet, "pull request opened");
  const [pull, ...more] = fleet.repo.pulls();
  if (pull === undefined || more.length > 0) throw new Error(`${more.length} pull requests more than one`);
  return { issue, number: pull.number };
}

const tip = async (fleet: TestFleet, issue: number) => (await fleet.claim(issue))[0];
const quiet = { repaired: [], failed: [] };

test(
  "its pull request was merged and the branch deleted: delivered, by that one",
  async () => {
    const fleet = await openFleet();
    const { issue, number } = await opened(fleet);
    await api(fleet, "PUT", `/repos/acme/site/pulls/${number}/merge`, {});
    fleet.repo.deleteBranch(`issue-${issue}`);
    const first = await tick(fleet);
    expect([first.code, first.json().failed]).toEqual([0, []]);
    expect(await tip(fleet, issue)).toMatchObject({ state: "done", pr: number });
    expect(await fleet.ended("01")).toMatchObject({ outcome: "delivered", pull: { number } });
    expect(fleet.repo.pulls()).toHaveLength(1);
    expect((await tick(fleet)).json()).toMatchObject(quiet);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "its pull request was closed: no other one is opened",
  async () => {
    const fleet = await openFleet();
    const { issue, number } = await opened(fleet);
    fleet.repo.close(number);
    expect((await tick(fleet)).json().failed).toEqual([]);
    expect(await tip(fleet, issue)).toMatchObject({ state: "done", pr: number });
    expect(fleet.repo.pulls()).toHaveLength(1);
    expect((await tick(fleet)).json()).toMatchObject(quiet);
  },
  long,
);

// Torture, github-attempts 43.
test(
  "it is closed between two looks at it: no other one is opened, and the next look settles it",
  async () => {
    const fleet = await openFleet();
    const { issue, number } = await opened(fleet);
    const meanwhile = () => fleet.repo.close(number);
    const path = /^\/repos\/acme\/site\/pulls$/;
    const close = fleet.standin.inject({ method: "GET", path, skip: 2, fault: { meanwhile } });
    await tick(fleet);
    expect([close.fired, fleet.repo.pulls().length]).toEqual([1, 1]);
    expect((await tick(fleet)).json().failed).toEqual([]);
    expect(await tip(fleet, issue)).toMatchObject({ state: "done", pr: number });
    expect(fleet.repo.pulls()).toHaveLength(1);
  },
  long,
);

test(
  "the branch was deleted before there was one: said once, kept as a patch, and the issue can be dispatched again",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "after branch:published");
    fleet.repo.deleteBranch(`issue-${issue}`);
    const first = await tick(fleet);
    expect([first.code, first.json().failed, taken(first)]).toEqual([0, [], []]);
    expect(await fleet.ended("01")).toMatchObject({ outcome: "lost", pull: null });
    expect(await Bun.file(`${fleet.attempt("01", newest(fleet, "01"))}/work.patch`).text()).toStartWith("diff --git ");
    expect(await tip(fleet, issue)).toMatchObject({ state: "failed" });
    const second = await tick(fleet);
    expect(second.json()).toMatchObject(quiet);
    expect(skipped(second)).toEqual([`#${issue} failed before`]);
    expect(await fleet.leftovers()).toEqual([]);

    expect((await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue)])).code).toBe(0);
    expect((await fleet.ended("01", 2)).outcome).toBe("delivered");
  },
  long,
);

test(
  "it was moved on by a person: theirs stays as it is, and reset gives the worker back",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "after branch:published");
    const theirs = await fleet.repo.push({ branch: `issue-${issue}`, files: { "mine.txt": "Mine.\n" } });
    const reset = await fleet.cw(["reset", "01"]);
    expect([reset.code, reset.stdout + reset.stderr]).toEqual([
      0,
      expect.stringContaining("of what 01-1 had pushed (somebody has removed or changed the branch)"),
    ]);
    expect(await tip(fleet, issue)).toMatchObject({ state: "released" });
    expect((await fleet.repo.refs())[`refs/heads/issue-${issue}`]).toBe(theirs);
    expect(fleet.repo.pulls()).toEqual([]);
  },
  long,
);

/** A commit of a person's with the files of that branch. */
async function commit(fleet: TestFleet, branch: string, parent: string): Promise<string> {
  const refs = await fleet.repo.refs();
  const path = `/repos/acme/site/git/commits/${refs[`refs/heads/${branch}`]}`;
  const { tree } = (await (await fetch(`${fleet.standin.url}${path}`)).json()) as { tree: { sha: string } };
  const made = { message: "By hand", tree: tree.sha, parents: [parent] };
  return (await api(fleet, "POST", "/repos/acme/site/git/commits", made)).sha;
}

test.each(["on top of it", "moved to a newer base"])(
  "a person's commit in its pull request, %s: delivered by that one, and no other is opened",
  async (how) => {
    const fleet = await openFleet();
    const { issue, number } = await opened(fleet);
    const branch = `issue-${issue}`;
    if (how === "on top of it") await fleet.repo.push({ branch, files: { "mine.txt": "Mine.\n" } });
    else {
      const base = await fleet.repo.push({ files: { "newer.txt": "Newer.\n" } });
      const sha = await commit(fleet, branch, base);
      await api(fleet, "PATCH", `/repos/acme/site/git/refs/heads/${branch}`, { sha, force: true });
    }
    const theirs = (await fleet.repo.refs())[`refs/heads/${branch}`];
    expect((await tick(fleet)).json().failed).toEqual([]);
    expect(await tip(fleet, issue)).toMatchObject({ state: "done", pr: number });
    expect(await fleet.ended("01")).toMatchObject({ outcome: "delivered", pull: { number } });
    expect([fleet.repo.pulls().length, (await fleet.repo.refs())[`refs/heads/${branch}`]]).toEqual([1, theirs]);
    expect((await tick(fleet)).json()).toMatchObject(quiet);
  },
  long,
);

test(
  "a person took its branch into the default branch: GitHub opens no pull request, which is said, and nothing is stuck",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "after branch:published");
    const sha = (await fleet.repo.refs())[`refs/heads/issue-${issue}`];
    await api(fleet, "PATCH", "/repos/acme/site/git/refs/heads/main", { sha });
    const first = await tick(fleet);
    expect([first.json().failed, first.json().repaired.join("\n")]).toEqual([
      [],
      expect.stringContaining("No commits between main and"),
    ]);
    expect(await tip(fleet, issue)).toMatchObject({ state: "failed" });
    expect((await fleet.cw(["reset", "01"])).code).toBe(0);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

// Torture, github 1.
test(
  "what is refused once the pull request is open takes nothing back: the next look settles it",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "after branch:published");
    const path = /^\/repos\/acme\/site\/pulls\/\d+$/;
    const refused = fleet.standin.inject({ path, times: 1000, fault: { status: 422, body: {} } });
    const first = await tick(fleet);
    expect([fleet.repo.pulls().length, (await tip(fleet, issue))?.state]).toEqual([1, "published"]);
    expect(first.json().failed).toEqual([expect.stringContaining("422")]);
    refused.remove();
    expect((await tick(fleet)).json().failed).toEqual([]);
    expect(await tip(fleet, issue)).toMatchObject({ state: "done", pr: fleet.repo.pulls()[0]?.number });
    expect(fleet.repo.pulls()).toHaveLength(1);
  },
  long,
);

test(
  "the default branch was renamed meanwhile: the pull request is opened against its new name",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "after branch:published");
    fleet.repo.renameDefaultBranch("trunk");
    expect((await tick(fleet)).json().failed).toEqual([]);
    const [pull] = fleet.repo.pulls();
    expect(pull?.base).toBe("trunk");
    expect(await tip(fleet, issue)).toMatchObject({ state: "done", pr: pull?.number });
  },
  long,
);

test(
  "its repository was renamed meanwhile: the pull request is opened there, under its new name",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "after branch:published");
    fleet.repo.rename("site-renamed");
    const reset = await fleet.cw(["reset", "01"]);
    expect([reset.code, reset.stderr]).toEqual([0, ""]);
    const [pull] = fleet.repo.pulls();
    expect(await fleet.ended("01")).toMatchObject({ outcome: "delivered", pull: { number: pull?.number } });
    expect(await tip(fleet, issue)).toMatchObject({ state: "done", pr: pull?.number });
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "its repository was renamed while the agent was at work: the claim and the label are taken back there",
  async () => {
    const fleet = await openFleet();
    const issue = await begin(fleet, { worker: "01", body: silent });
    await running(fleet, "01");
    fleet.repo.rename("site-renamed");
    const reset = await fleet.cw(["reset", "-f", "01"]);
    expect([reset.code, reset.stderr]).toEqual([0, ""]);
    expect(await tip(fleet, issue)).toMatchObject({ state: "released" });
    expect(fleet.repo.labels(issue)).toEqual([]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "renamed, and somebody else has its name by now, with a copy of its claim: finished in the one, nothing told in the other",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "after branch:published");
    const other = await squat(fleet.standin, "site", "worker:01");
    const before = await other.refs();
    expect((await fleet.cw(["reset", "01"])).code).toBe(0);
    expect(await tip(fleet, issue)).toMatchObject({ state: "done", pr: fleet.repo.pulls()[0]?.number });
    expect([await other.refs(), other.pulls(), other.comments(issue)]).toEqual([before, [], []]);
    expect(other.labels(issue)).toEqual(["worker:01"]);
  },
  long,
);

test(
  "the same where GitHub can't be asked by its id: nothing is told or opened",
  async () => {
    const fleet = await openFleet();
    const issue = await killedAt(fleet, "after branch:published");
    const other = await squat(fleet.standin, "site", "worker:01");
    fleet.standin.inject({ path: /^\/repositories\/\d+$/, times: 100, fault: { status: 404, body: {} } });
    expect((await fleet.cw(["reset", "01"])).stderr).toContain("is not the repository that it was");
    expect([other.pulls(), other.comments(issue)]).toEqual([[], []]);
  },
  long,
);
