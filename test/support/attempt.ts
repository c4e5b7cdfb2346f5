/** One issue from dispatch to its end, and everything that an outcome promises about what is left of it. */
import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { End } from "../../src/model/attempt.ts";
import type { FleetEvent } from "../../src/model/events.ts";
import { meaningOf, type Outcome } from "../../src/model/outcome.ts";
import { type RunOptions, type TestFleet, until } from "./fleet.ts";

export interface Play {
  readonly worker: string;
  /** Text of the issue: names the scenario of the fake agent. */
  readonly body: string;
  /** Default acme/site. */
  readonly repo?: string;
  readonly flags?: readonly string[];
  readonly env?: RunOptions["env"];
}

/** Opens an issue and dispatches it. @returns its number */
export async function begin(fleet: TestFleet, play: Play): Promise<number> {
  const repo = play.repo ?? "acme/site";
  const issue = fleet.standin.repo(repo).openIssue({ title: `For worker ${play.worker}`, body: play.body });
  const args = ["dispatch", "-r", repo, "-i", String(issue), "-w", play.worker, ...(play.flags ?? [])];
  const ran = await fleet.cw(args, play.env ? { env: play.env } : {});
  expect({ code: ran.code, stderr: ran.code === 0 ? "" : ran.stderr }).toEqual({ code: 0, stderr: "" });
  return issue;
}

export interface Left {
  readonly outcome: Outcome;
  readonly reason: RegExp;
  readonly labels: readonly string[];
  /** State of the claim's tip, or whose worker it is where it became another's. */
  readonly claim: string;
  readonly comments: 0 | 1;
  /** An open pull request for the issue. */
  readonly pull: boolean;
  readonly patch: boolean;
}

/** Awaits the end and holds it against what the outcome promises. */
export async function expectEnd(fleet: TestFleet, play: Play, issue: number, left: Left): Promise<End> {
  const { worker } = play;
  const repo = fleet.standin.repo(play.repo ?? "acme/site");
  const end = await fleet.ended(worker);
  expect({ outcome: end.outcome, reason: end.reason }).toEqual({
    outcome: left.outcome,
    reason: expect.stringMatching(left.reason),
  });
  expect(repo.labels(issue).toSorted()).toEqual(left.labels.toSorted());
  const [tip] = await fleet.claim(issue, play.repo);
  expect(tip?.state === "held" && tip.worker !== worker ? `held by ${tip.worker}` : tip?.state).toBe(left.claim);
  const comments = repo.comments(issue);
  expect(comments).toHaveLength(left.comments);
  if (left.comments === 1) expect(comments[0]?.body).toContain(`**${left.outcome}**`);
  const pulls = repo.pulls().filter(({ head }) => head === `issue-${issue}` || head.startsWith(`issue-${issue}-`));
  expect(pulls).toHaveLength(left.pull ? 1 : 0);
  expect(end.pull).toEqual(left.pull ? { number: pulls[0]?.number ?? 0, url: expect.stringMatching(/^http/) } : null);
  const patch = join(fleet.attempt(worker, Number(end.attempt.split("-").at(-1))), "work.patch");
  expect(existsSync(patch)).toBe(left.patch);
  if (left.patch) expect(readFileSync(patch, "utf8")).toStartWith("diff --git ");

  const { version: _, ...shown } = end;
  const [watched, history, status] = await Promise.all([
    fleet.cw(["watch", worker, "--json"]),
    fleet.cw(["history", worker, "--limit", "1", "--json"]),
    fleet.cw(["status", worker, "--json"]),
  ]);
  expect(watched.code).toBe(meaningOf(left.outcome).good ? 0 : 8);
  expect(watched.json()).toEqual([shown]);
  expect(history.json()).toEqual([shown]);
  expect(status.json().workers).toEqual([{ id: worker, state: "idle", reason: null, task: null, attempt: null }]);
  return end;
}

/** Lets at most so many go at once: more than that only make each other late on a small machine. */
export function lanes(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

/** Awaits an event of the newest attempt of a worker. */
export async function heard<T extends FleetEvent["type"]>(
  fleet: TestFleet,
  worker: string,
  type: T,
  fits: (event: Extract<FleetEvent, { type: T }>) => boolean = () => true,
): Promise<Extract<FleetEvent, { type: T }>> {
  return await until(`worker ${worker} says ${type}`, () =>
    events(fleet, worker).find(
      (event): event is Extract<FleetEvent, { type: T }> =>
        event.type === type && fits(event as Extract<FleetEvent, { type: T }>),
    ),
  );
}

/** All events so far of the newest attempt, or of attempt n. */
export function events(fleet: TestFleet, worker: string, n = newest(fleet, worker)): FleetEvent[] {
  const file = join(fleet.attempt(worker, n), "events.jsonl");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as FleetEvent);
}

export function newest(fleet: TestFleet, worker: string): number {
  let n = 0;
  while (existsSync(fleet.attempt(worker, n + 1))) n++;
  return n;
}

/** The agent has begun to speak. */
export const running = (fleet: TestFleet, worker: string) => heard(fleet, worker, "agent:ready");

/** Process number of the newest attempt's agent: what runs outside of its namespace. */
export function agentOf(fleet: TestFleet, worker: string): number {
  const file = join(fleet.attempt(worker, newest(fleet, worker)), "processes.jsonl");
  return JSON.parse(readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "").monitor.pid;
}

/** Process number of the supervisor. */
export function supervisorOf(fleet: TestFleet, worker: string): number {
  const birth = JSON.parse(readFileSync(join(fleet.attempt(worker, newest(fleet, worker)), "birth.json"), "utf8"));
  return birth.process.pid;
}
