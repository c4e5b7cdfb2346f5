/** Records that are as they should be, for tests that change one thing about them. */
import type { AttemptFacts, Birth, End, Stop } from "../../src/model/attempt.ts";
import type { Snapshot } from "../../src/model/issue.ts";
import type { Instant, ProcessIdentity } from "../../src/model/process.ts";
import type { Task } from "../../src/model/task.ts";
import type { Identity } from "../../src/model/worker.ts";

export const aProcess: ProcessIdentity = {
  bootId: "boot-1",
  machineId: "machine-1",
  pidNamespace: "pid:[4026531836]",
  pid: 4242,
  startTime: "1234567",
};

export const aMoment: Instant = { at: "2026-11-20T10:00:00.000Z", bootId: "boot-1", uptimeMs: 100_000 };

export function later(ms: number): Instant {
  return { ...aMoment, uptimeMs: aMoment.uptimeMs + ms };
}

export const aTask: Task = {
  version: 1,
  worker: "01",
  n: 1,
  repo: "acme/site",
  issue: 22,
  agent: "claude",
  isolation: "bubblewrap",
  innerSandbox: false,
  model: "sonnet",
  mode: "update",
  limits: {
    startMs: 120_000,
    silenceMs: 900_000,
    wallMs: 7_200_000,
    graceMs: 10_000,
    parkedMs: 21_600_000,
    budgetUsd: 5,
    turns: 100,
    transcriptBytes: 1 << 20,
  },
  sessionId: "6f1f4f64-91a1-4b55-a4b5-0b7d1f0f9a10",
  cookie: "11111111-2222-4333-8444-555555555555",
  resumes: null,
  reservedAt: aMoment,
  reservedBy: aProcess,
  bornWithinMs: 30_000,
};

export const aBirth: Birth = { version: 1, by: "supervisor", process: aProcess, bornAt: aMoment, reason: null };
export const aStop: Stop = { version: 1, by: "stop", at: aMoment.at };

export const anEnd: End = {
  version: 1,
  attempt: "01-1",
  worker: "01",
  repo: "acme/site",
  issue: 22,
  outcome: "delivered",
  reason: "https://github.com/acme/site/pull/23",
  startedAt: "2026-11-20T10:00:00.000Z",
  endedAt: "2026-11-20T10:12:05.000Z",
  durationMs: 725_000,
  model: "sonnet",
  turns: 14,
  tokens: { input: 1200, output: 3400, cacheRead: 56_000, cacheWrite: 7800 },
  costUsd: 0.4321,
  branch: "issue-22",
  commits: 2,
  added: 30,
  removed: 4,
  files: ["src/a.ts", "src/b.ts"],
  pull: { number: 23, url: "https://github.com/acme/site/pull/23" },
};

export const aSnapshot: Snapshot = {
  version: 1,
  readAt: aMoment.at,
  repository: { nodeId: "R_1", fullName: "acme/site", defaultBranch: "main", private: false },
  issue: null,
};

export const anIdentity: Identity = {
  version: 1,
  worker: "01",
  name: "Worker 01",
  email: "01@example.com",
  template: "worker",
  createdAt: aMoment.at,
};

/** An attempt that works: its supervisor lives. */
export const working: AttemptFacts = {
  n: 1,
  task: { ok: true, value: aTask },
  birth: { ok: true, value: aBirth },
  stop: null,
  end: null,
  reserver: "dead",
  supervisor: "alive",
  processes: "dead",
  unread: null,
};

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed that is printed, so that a failure can be had again: `CW_TEST_SEED=123`. */
export function seed(): number {
  const given = Number(process.env["CW_TEST_SEED"]);
  const chosen = Number.isSafeInteger(given) && given > 0 ? given : Math.floor(Math.random() * 2 ** 31);
  console.log(`CW_TEST_SEED=${chosen}`);
  return chosen;
}
