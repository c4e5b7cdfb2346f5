/**
 * Records that are not what was written: cut off, foreign, newer, of another kind, noise. Whatever they are, a worker is never
 * idle while its attempt has no end, nothing of ours crashes, and the reason names the file and what is wrong with it.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { snapshot } from "../../src/fleet/snapshot.ts";
import { mayEndForIt, statusOf } from "../../src/model/attempt.ts";
import { FleetError } from "../../src/model/errors.ts";
import { fleetPaths } from "../../src/model/paths.ts";
import type { ProcessIdentity } from "../../src/model/process.ts";
import { eventLine } from "../../src/reports/event-line.ts";
import { historyLines } from "../../src/reports/history.ts";
import { statusLines } from "../../src/reports/status.ts";
import { openStore } from "../../src/store/store.ts";
import { now } from "../../src/system/clock.ts";
import { identify } from "../../src/system/process.ts";
import { aBirth, anEnd, anIdentity, aSnapshot, aStop, aTask } from "../model/records.ts";
import { edits, type RecordName, swaps, write, wrongWith } from "./mutations.ts";
import type { Random } from "./random.ts";
import type { Harm, Suite } from "./suite.ts";

/** Which records of its first attempt a worker has, and whose process its supervisor is. */
const situations: Readonly<Record<string, { has: readonly RecordName[]; supervisor: "alive" | "dead" }>> = {
  starting: { has: ["task"], supervisor: "alive" },
  busy: { has: ["task", "birth"], supervisor: "alive" },
  stopping: { has: ["task", "birth", "stop"], supervisor: "alive" },
  crashed: { has: ["task", "birth"], supervisor: "dead" },
  ended: { has: ["task", "birth", "stop", "end"], supervisor: "dead" },
};

/** Other files of the fleet, whose damage changes no state: readers go on. */
const beside = ["latest", "events", "processes", "snapshot", "history", "secrets"] as const;

/** A worker whose records are spoilt. */
export class Fuzzed {
  readonly store;
  private readonly paths;
  /** What was done, for whoever wants it again. */
  readonly done: string[] = [];
  situation = "";
  private has: readonly RecordName[] = [];

  constructor(
    root: string,
    readonly worker: string,
    private readonly supervisor: ProcessIdentity,
  ) {
    this.store = openStore(root);
    this.paths = fleetPaths(root);
  }

  /** Path of a record. */
  at(name: RecordName | (typeof beside)[number]): string {
    const { worker, paths } = this;
    if (name === "identity" || name === "latest" || name === "secrets") return paths[name](worker);
    return name === "history" ? paths.history : paths.attempt(worker, 1)[name];
  }

  /** The worker anew, in one of the situations, with nothing wrong. */
  private arrange(random: Random): void {
    this.situation = random.pick(Object.keys(situations));
    const { has, supervisor } = situations[this.situation] ?? { has: [], supervisor: "dead" };
    const { worker } = this;
    this.has = has;
    rmSync(this.paths.worker(worker), { recursive: true, force: true });
    mkdirSync(this.paths.attempt(worker, 1).folder, { recursive: true, mode: 0o700 });
    for (const name of [...has, "identity" as const, ...beside])
      write(this.at(name), this.text(name, worker, supervisor));
  }

  private text(name: RecordName | (typeof beside)[number], worker: string, state: "alive" | "dead"): string {
    const one = state === "alive" ? this.supervisor : { ...this.supervisor, startTime: "1" };
    const at = now();
    // Long gone: where the process that reserved it is dead, nobody waits for its supervisor.
    const earlier = { ...at, uptimeMs: at.uptimeMs - 3_600_000 };
    const whole: Record<RecordName | (typeof beside)[number], unknown> = {
      task: { ...aTask, worker, reservedAt: earlier, reservedBy: one },
      birth: { ...aBirth, attempt: `${worker}-1`, process: one, bornAt: earlier },
      stop: aStop,
      end: { ...anEnd, worker, attempt: `${worker}-1` },
      identity: { ...anIdentity, worker },
      latest: 1,
      events: {
        at: at.at,
        worker,
        attempt: `${worker}-1`,
        type: "agent:usage",
        turns: 3,
        tokens: anEnd.tokens,
        costUsd: 0.1,
      },
      processes: { monitor: { ...one, startTime: "1" }, first: null },
      snapshot: aSnapshot,
      history: { ...anEnd, worker, attempt: `${worker}-1` },
      secrets: { version: 1, githubToken: "ghp_0123456789", provider: { ANTHROPIC_API_KEY: "sk-0123456789" } },
    };
    return `${JSON.stringify(whole[name])}\n`;
  }

  /** Arranges a situation and does something to one or two of its records, or beside them. */
  spoil(random: Random): void {
    this.arrange(random);
    this.done.length = 0;
    for (let count = random.next() < 0.25 ? 2 : 1; count > 0; count--) {
      const aside = random.next() < 0.2;
      const name = aside ? random.pick(beside) : random.pick([...this.has, "identity" as const]);
      if (!aside && random.next() < 0.1) this.swap(name as RecordName, random);
      else this.edit(name, random);
    }
  }

  private swap(name: RecordName, random: Random): void {
    const how = random.pick(Object.keys(swaps));
    if (!existsSync(this.at(name)) || this.done.some((done) => done.startsWith(name))) return;
    swaps[how]?.[1](this.at(name));
    this.done.push(`${name}: ${how}`);
  }

  private edit(name: RecordName | (typeof beside)[number], random: Random): void {
    if (this.done.some((done) => done.startsWith(name))) return;
    const how = random.pick(Object.keys(edits));
    const foreign =
      random.next() < 0.5
        ? this.text(name, "02", "alive")
        : this.text(random.pick([...this.has, ...beside]), this.worker, "alive");
    write(
      this.at(name),
      edits[how]?.(this.text(name, this.worker, situations[this.situation]?.supervisor ?? "dead"), random, foreign) ??
        "",
    );
    this.done.push(`${name}: ${how}`);
  }

  private wrong(name: RecordName): RegExp | null {
    const swapped = this.done.find((done) => done.startsWith(`${name}: `) && done.slice(name.length + 2) in swaps);
    if (swapped) {
      if (swapped.endsWith("missing") && name !== "task" && name !== "identity") return null;
      return swaps[swapped.slice(name.length + 2)]?.[0] ?? null;
    }
    return existsSync(this.at(name)) ? wrongWith(this.worker, name, this.at(name)) : null;
  }

  untouched(names: readonly RecordName[]): boolean {
    return !this.done.some((done) => names.some((name) => done.startsWith(`${name}: `)));
  }

  /** What may be said of the worker: idle, or unknown for one of these reasons, or anything but those two. */
  expected(): "idle" | "neither" | readonly { path: string; said: RegExp }[] {
    const bad = (names: readonly RecordName[]) =>
      names.flatMap((name) => {
        const said = this.wrong(name);
        return said === null ? [] : [{ path: this.at(name), said }];
      });
    const ended = this.has.includes("end") && !this.done.includes("end: missing") && this.wrong("end") === null;
    const wrong = ended ? bad(["identity"]) : bad(this.has);
    return wrong.length > 0 ? wrong : ended ? "idle" : "neither";
  }
}

/** A process that stands for a supervisor: what a spoilt record makes us do to it is to be seen. */
let supervisor: Bun.Subprocess;
const perRound = 100;

/** What must be so of a worker, whoever asks. @returns what is wrong */
export function judge(one: Fuzzed, state: string, reason: string | null): string | null {
  const expected = one.expected();
  if (expected === "idle") return state === "idle" ? null : `${state} (${reason}), though it has its end`;
  if (expected === "neither")
    // Another machine's, namespace's or boot's identity is a record that fits: whether it lives can't be told.
    return state !== "idle" && (state !== "unknown" || /can't tell|another machine/.test(reason ?? ""))
      ? null
      : `${state} (${reason})`;
  if (state !== "unknown") return `${state}, though ${expected[0]?.path} ${expected[0]?.said}`;
  return expected.some(({ path, said }) => reason?.startsWith(path) && said.test(reason))
    ? null
    : `the reason is ${reason}`;
}

/** Each reader of the fleet. @returns what crashed; a FleetError is none */
function crashOf(one: Fuzzed): string | null {
  const { store, worker } = one;
  const readers: readonly (() => unknown)[] = [
    () => statusLines("/", snapshot({ store }), 100),
    () => historyLines([...store.history.newestFirst()]),
    () => store.journal.recent(worker, 1).map(eventLine),
    () => [store.workers.secrets(worker), store.attempts.request(worker, 1), store.attempts.base(worker, 1)],
    () => [store.workers.identity(worker), store.attempts.started(worker, 1), store.attempts.unsettled()],
  ];
  for (const reader of readers) {
    try {
      reader();
    } catch (error) {
      if (!(error instanceof FleetError)) return `${error instanceof Error ? error.stack : error}`;
    }
  }
  return null;
}

/** One case in this process, through the real store. */
function inProcess(one: Fuzzed, random: Random): { kind: Harm; what: string } | null {
  one.spoil(random);
  const { store, worker } = one;
  let facts: ReturnType<typeof store.attempts.facts>;
  try {
    facts = store.attempts.facts(worker);
  } catch (error) {
    return { kind: "false", what: `facts: ${error instanceof Error ? error.stack : error}` };
  }
  const { state, reason } = statusOf(facts, now());
  const wrong = judge(one, state, reason);
  if (wrong !== null) return { kind: "false", what: wrong };
  if (
    facts !== null &&
    situations[one.situation]?.supervisor === "alive" &&
    one.untouched(["task", "birth"]) &&
    mayEndForIt(facts) === "yes"
  )
    return { kind: "doubled", what: "it may be ended although its supervisor lives" };
  const crash = crashOf(one);
  if (crash !== null) return { kind: "false", what: crash };
  const taken = store.attempts.reserve(worker, (n) => ({ ...aTask, worker, n }), aSnapshot, null);
  if (taken !== null && state !== "idle")
    return { kind: "doubled", what: `it was reserved again while it was ${state}` };
  return null;
}

export async function openSupervisor() {
  const own = Bun.spawn(["/bin/sleep", "1000000"], { env: {}, stdio: ["ignore", "ignore", "ignore"] });
  supervisor = own;
  return {
    close: async () => {
      own.kill("SIGKILL");
      await own.exited;
    },
  };
}

export function supervisorNow(): ProcessIdentity {
  const found = identify(supervisor.pid);
  if (found === null) throw new Error("the process that stands for the supervisor is gone");
  return found;
}

export const records: Suite = {
  name: "records",
  shows: "records cut off, foreign, newer, of another kind, or noise: never idle, never a crash, the exact reason",
  full: 1000,
  quick: 12,
  open: openSupervisor,
  round: async ({ folder, random }) => {
    const one = new Fuzzed(folder, "01", supervisorNow());
    const harm: { kind: Harm; detail: string }[] = [];
    for (let at = 0; at < perRound; at++) {
      const found = inProcess(one, random);
      if (found !== null)
        harm.push({ kind: found.kind, detail: `case ${at}, ${one.situation}; ${one.done.join("; ")}: ${found.what}` });
    }
    return { tried: perRound, harm };
  },
};
