/** What the tests of the fleet's everyday commands share: issues that stay at work, claims by others, pull requests. */
import { existsSync } from "node:fs";
import type { Claim } from "../../src/model/claim.ts";
import { begin, supervisorOf } from "../support/attempt.ts";
import { type Ran, type TestFleet, testFleet, until } from "../support/fleet.ts";
import { cookiesOf, processesOf } from "../support/leftovers.ts";

export const long = 180_000;
/** An attempt that stays at work until somebody ends it. */
export const silent = "[[scenario:silent]]";

const open: TestFleet[] = [];

export async function openFleet(...args: Parameters<typeof testFleet>): Promise<TestFleet> {
  const fleet = await testFleet(...args);
  open.push(fleet);
  return fleet;
}

/** Ends what is at work, then all fleets of this test, newest first. */
export async function closeFleets(): Promise<void> {
  for (const fleet of open.splice(0).reverse()) {
    await endAll(fleet);
    await fleet.close();
  }
}

export async function endAll(fleet: TestFleet): Promise<void> {
  const workers: { id: string; state: string }[] = (await fleet.cw(["status", "--json"])).json().workers;
  for (const { id, state } of workers) if (state !== "idle") await fleet.cw(["reset", "-f", id]);
}

export async function untilNothingLives(fleet: TestFleet, timeoutMs?: number): Promise<void> {
  const alive = () => processesOf(fleet.root, cookiesOf(fleet.root));
  await until("nothing of it lives", () => alive().length === 0 || null, timeoutMs);
}

/** Kills a worker's supervisor, and awaits that nothing of the fleet lives. */
export async function kill(fleet: TestFleet, worker = "01"): Promise<void> {
  process.kill(supervisorOf(fleet, worker), "SIGKILL");
  await untilNothingLives(fleet, 5000);
}

/** Dispatches for worker 01, and awaits that the supervisor has killed itself at that fail point. @returns the issue */
export async function killedAt(fleet: TestFleet, point: string, body = "[[scenario:edit]]"): Promise<number> {
  const issue = await begin(fleet, { worker: "01", body, env: { CW_FAILPOINT: point } });
  const pid = supervisorOf(fleet, "01");
  await until(`the supervisor dies at ${point}`, () => !existsSync(`/proc/${pid}`) || null);
  await untilNothingLives(fleet);
  return issue;
}

export async function assign(fleet: TestFleet, ...more: string[]): Promise<Ran> {
  return await fleet.cw(["assign", ...more, "--json"], { timeoutMs: 120_000 });
}

/** `#2 blocked`, by number. */
export function skipped(ran: Ran): string[] {
  const list: { issue: number; why: string }[] = ran.json().skipped;
  return list.toSorted((a, b) => a.issue - b.issue).map(({ issue, why }) => `#${issue} ${why}`);
}

/** Numbers, in the order in which they were taken up. */
export function taken(ran: Ran): number[] {
  return ran.json().dispatched.map((one: { issue: number }) => one.issue);
}

/** As the owner of acme. @throws Error with GitHub's words when it refuses */
export async function api(fleet: TestFleet, method: string, path: string, body: object): Promise<{ sha: string }> {
  const headers = { authorization: `token ${fleet.token}`, "content-type": "application/json" };
  const answer = await fetch(`${fleet.standin.url}${path}`, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as { sha: string };
}

/** A claim on an issue of acme/site as another fleet would write it. */
export async function claimBy(fleet: TestFleet, issue: number, more: Partial<Claim>): Promise<void> {
  const claim: Claim = {
    v: 1,
    issue,
    state: "held",
    worker: "77",
    host: "another-fleet",
    attempt: "77-1",
    epoch: 1,
    leaseMs: 1_800_000,
    nonce: crypto.randomUUID(),
    ...more,
  };
  const main = (await fleet.repo.refs())["refs/heads/main"] ?? "";
  const git = "/repos/acme/site/git";
  const tree = Bun.spawnSync(["git", "--git-dir", fleet.repo.dir, "rev-parse", `${main}^{tree}`], {
    env: { PATH: "/usr/bin:/bin", GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "safe.directory", GIT_CONFIG_VALUE_0: "*" },
  });
  const message = JSON.stringify(claim);
  const { sha } = await api(fleet, "POST", `${git}/commits`, {
    message,
    tree: tree.stdout.toString().trim(),
    parents: [],
  });
  await api(fleet, "POST", `${git}/refs`, { ref: `refs/claude-workers/claims/issue-${issue}`, sha });
}

export async function openPull(fleet: TestFleet, branch: string, body = ""): Promise<number> {
  await fleet.repo.push({ branch, files: { [`${branch}.md`]: "By hand\n" } });
  await api(fleet, "POST", "/repos/acme/site/pulls", { title: `From ${branch}`, head: branch, base: "main", body });
  return Math.max(...fleet.repo.pulls().map(({ number }) => number));
}
