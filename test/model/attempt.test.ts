import { describe, expect, test } from "bun:test";
import {
  type AttemptFacts,
  isAbandoned,
  mayEndForIt,
  nextAttempt,
  type State,
  statusOf,
} from "../../src/model/attempt.ts";
import type { Liveness } from "../../src/model/process.ts";
import { aBirth, aMoment, anEnd, aStop, aTask, later, working } from "./records.ts";

const read = <T>(value: T) => ({ ok: true, value }) as const;
const broken = (name: string) => ({ ok: false, reason: `${name} is a link` }) as const;
const unborn = { birth: null, supervisor: "dead" } as const;
const cancelled = { birth: read({ ...aBirth, by: "cancellation" as const }), supervisor: "dead" } as const;

const table: [what: string, facts: Partial<AttemptFacts>, afterMs: number, state: State, reason: RegExp | null][] = [
  ["ended", { end: read(anEnd) }, 0, "idle", null],
  [
    "ended, and everything else can't be read",
    { end: read(anEnd), task: broken("t"), birth: broken("b"), stop: broken("s") },
    0,
    "idle",
    null,
  ],
  ["ended, though a process still lives", { end: read(anEnd), processes: "alive" }, 0, "idle", null],
  ["reserved just now", unborn, 0, "starting", null],
  ["reserved, a moment before the deadline", unborn, 29_999, "starting", null],
  ["reserved, at the deadline", unborn, 30_000, "crashed", /never started/],
  ["reserved, past the deadline, dispatch still at it", { ...unborn, reserver: "alive" }, 90_000, "starting", null],
  [
    "reserved, past the deadline, dispatch can't be told",
    { ...unborn, reserver: "unknown" },
    90_000,
    "crashed",
    /never started/,
  ],
  ["reserved, and the clock seems to go backwards", unborn, -1, "crashed", /never started/],
  ["reserved, stop wished", { ...unborn, stop: read(aStop) }, 0, "starting", null],
  ["cancelled", cancelled, 0, "crashed", /end is missing/],
  ["born", {}, 0, "busy", null],
  ["born, in spite of what other processes do", { processes: "unknown" }, 0, "busy", null],
  ["stop wished", { stop: read(aStop) }, 0, "stopping", null],
  ["supervisor dead, agent alive", { supervisor: "dead", processes: "alive" }, 0, "stopping", /still live/],
  ["supervisor dead, agent can't be told", { supervisor: "dead", processes: "unknown" }, 0, "unknown", /can't tell/],
  [
    "supervisor dead, notes on its processes not readable",
    { supervisor: "dead", processes: "unknown", unread: "x: EIO" },
    0,
    "unknown",
    /x: EIO/,
  ],
  ["all dead", { supervisor: "dead" }, 0, "crashed", /vanished/],
  ["all dead, stop wished", { supervisor: "dead", stop: read(aStop) }, 0, "crashed", /vanished/],
  ["supervisor can't be told", { supervisor: "unknown" }, 0, "unknown", /another machine/],
  ["task can't be read", { task: broken("task.json") }, 0, "unknown", /^task.json is a link$/],
  ["birth can't be read", { birth: broken("birth.json") }, 0, "unknown", /^birth.json is a link$/],
  ["stop can't be read", { stop: broken("stop.json") }, 0, "unknown", /^stop.json is a link$/],
  ["end can't be read", { end: broken("end.json") }, 0, "unknown", /^end.json is a link$/],
  [
    "end can't be read, all dead",
    { end: broken("end.json"), supervisor: "dead" },
    0,
    "unknown",
    /^end.json is a link$/,
  ],
];

describe("statusOf", () => {
  test("no attempt yet", () => expect(statusOf(null, aMoment)).toEqual({ state: "idle", reason: null }));
  test.each(table)("%s", (_, facts, afterMs, state, reason) => {
    const status = statusOf({ ...working, ...facts }, later(afterMs));
    expect(status.state).toBe(state);
    if (reason === null) expect(status.reason).toBeNull();
    else expect(status.reason).toMatch(reason);
  });
  test("after a reboot: what was not born never will be", () => {
    const rebooted = { ...aMoment, bootId: "boot-2", uptimeMs: 1 };
    expect(statusOf({ ...working, ...unborn }, rebooted).state).toBe("crashed");
    expect(statusOf({ ...working, supervisor: "dead" }, rebooted).state).toBe("crashed");
  });
});

/** All facts that may come together. */
function* everything(): Generator<AttemptFacts> {
  const lives: Liveness[] = ["alive", "dead", "unknown"];
  for (const task of [read(aTask), broken("t")])
    for (const birth of [null, read(aBirth), cancelled.birth, broken("b")])
      for (const stop of [null, read(aStop), broken("s")])
        for (const end of [null, read(anEnd), broken("e")])
          for (const reserver of lives)
            for (const supervisor of lives)
              for (const processes of lives)
                yield { n: 3, task, birth, stop, end, reserver, supervisor, processes, unread: null };
}

describe("whatever the facts", () => {
  const all = [...everything()];

  test("idle means an end that can be read, and nothing else does", () => {
    for (const facts of all)
      for (const at of [aMoment, later(60_000)])
        expect(statusOf(facts, at).state === "idle").toBe(facts.end?.ok === true);
  });
  test("the next attempt is there exactly when the worker is idle", () => {
    expect(nextAttempt(null)).toBe(1);
    for (const facts of all) expect(nextAttempt(facts)).toBe(statusOf(facts, aMoment).state === "idle" ? 4 : null);
  });
  test("what is unknown or crashed says why", () => {
    for (const facts of all) {
      const { state, reason } = statusOf(facts, later(60_000));
      if (state === "unknown" || state === "crashed") expect(reason).toMatch(/\w/);
    }
  });
  test("abandoned is what crashed, and what a dead supervisor has left alive", () => {
    for (const facts of all)
      for (const at of [aMoment, later(60_000)]) {
        const { state } = statusOf(facts, at);
        const left = facts.supervisor === "dead" && facts.processes === "alive";
        expect(isAbandoned(facts, at)).toBe(state === "crashed" || (state === "stopping" && left));
      }
  });
  test("nobody ends for a supervisor that may live, or what can't be read", () => {
    for (const facts of all) {
      const may = mayEndForIt(facts);
      if (facts.end || !facts.task.ok || facts.birth?.ok === false) expect(may).toBe("no");
      else if (facts.birth === null) expect(may).toBe("cancel-first");
      else {
        const dead = facts.birth.value.by === "cancellation" || facts.supervisor === "dead";
        expect(may).toBe(dead && facts.processes === "dead" ? "yes" : "no");
      }
    }
  });
});
