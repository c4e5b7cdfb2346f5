/** Fleets on disk as the store writes them, without its fsyncs: ten thousand workers would take minutes. */
import { mkdirSync, writeFileSync } from "node:fs";
import type { Birth, End } from "../src/model/attempt.ts";
import type { FleetEvent } from "../src/model/events.ts";
import { type AttemptPaths, type FleetPaths, fleetPaths } from "../src/model/paths.ts";
import type { ProcessIdentity } from "../src/model/process.ts";
import { attemptId, type Task } from "../src/model/task.ts";
import { toText } from "../src/store/records.ts";
import { now } from "../src/system/clock.ts";
import { self } from "../src/system/process.ts";
import { aTask } from "../test/model/records.ts";

export type Kind = "idle" | "busy" | "crashed";

/** Of ten workers seven are idle, two busy, one crashed. */
export function mixed(count: number): Kind[] {
  const ten: readonly Kind[] = ["idle", "idle", "busy", "idle", "idle", "crashed", "idle", "busy", "idle", "idle"];
  return Array.from({ length: count }, (_, at) => ten[at % 10] ?? "idle");
}

/** Workers w00000 and on, with one attempt each. @returns where those lie */
export function makeFleet(root: string, kinds: readonly Kind[]): AttemptPaths[] {
  const paths = fleetPaths(root);
  return kinds.map((kind, at) => makeWorker(paths, `w${String(at).padStart(5, "0")}`, kind));
}

function makeWorker(paths: FleetPaths, id: string, kind: Kind): AttemptPaths {
  const at = paths.attempt(id, 1);
  mkdirSync(at.folder, { recursive: true, mode: 0o700 });
  const write = (file: string, text: string) => writeFileSync(file, text, { mode: 0o600 });
  const author = { name: id, email: `${id}@example.com`, template: "worker", createdAt: now().at };
  write(paths.identity(id), toText({ version: 1, worker: id, ...author }));
  write(paths.latest(id), "1");
  write(at.task, toText(task(id)));
  write(at.snapshot, toText(snapshot));
  if (kind === "idle") {
    write(at.end, toText(end(id, 1)));
    write(at.birth, toText(birth(self())));
  } else write(at.birth, toText(birth(kind === "busy" ? self() : { ...self(), startTime: "1" })));
  write(
    at.events,
    `${events(id)
      .map((event) => JSON.stringify(event))
      .join("\n")}\n`,
  );
  return at;
}

function birth(process: ProcessIdentity): Birth {
  return { version: 1, by: "supervisor", process, bornAt: now(), reason: null };
}

function task(worker: string): Task {
  const own = { sessionId: crypto.randomUUID(), cookie: crypto.randomUUID(), reservedAt: now(), reservedBy: self() };
  return { ...aTask, worker, ...own };
}

const snapshot = {
  version: 1,
  readAt: "2026-11-01T00:00:00.000Z",
  repository: { nodeId: "R_1", fullName: "acme/site", defaultBranch: "main", private: false },
  issue: null,
};

export function end(worker: string, n: number): End {
  return {
    version: 1,
    attempt: attemptId(worker, n),
    worker,
    repo: "acme/site",
    issue: 22,
    outcome: "delivered",
    reason: "https://github.com/acme/site/pull/23",
    startedAt: "2026-11-01T00:00:00.000Z",
    endedAt: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
    durationMs: 600_000,
    model: "claude-sonnet-5-5",
    turns: 12,
    tokens: { input: 14_400, output: 960, cacheRead: 400_000, cacheWrite: 20_000 },
    costUsd: 0.42,
    branch: "issue-22",
    commits: 2,
    added: 40,
    removed: 12,
    files: ["README.md", "src/site.ts"],
    pull: { number: 23, url: "https://github.com/acme/site/pull/23" },
  };
}

/** A few minutes of work. */
function events(worker: string): FleetEvent[] {
  const of = { worker, attempt: attemptId(worker, 1), at: "2026-11-01T00:00:00.000Z" };
  const tokens = { input: 1200, output: 80, cacheRead: 3000, cacheWrite: 200 };
  return [
    { ...of, type: "attempt:born", pid: process.pid },
    { ...of, type: "step:started", step: "agent", deadlineMs: null },
    ...Array.from({ length: 10 }, (_, turn): FleetEvent[] => [
      { ...of, type: "agent:activity", kind: "tool", text: `Bash npm test -- --filter site-${turn}` },
      { ...of, type: "agent:activity", kind: "result", text: "12 passed, 0 failed" },
      { ...of, type: "agent:usage", turns: turn + 1, tokens, costUsd: 0.01 * turn },
    ]).flat(),
  ];
}
