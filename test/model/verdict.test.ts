import { describe, expect, test } from "bun:test";
import { overdue, type Pace } from "../../src/model/deadline.ts";
import { FleetError } from "../../src/model/errors.ts";
import { meaningOf, type Outcome, outcomeNames } from "../../src/model/outcome.ts";
import {
  type AgentEnd,
  type FinalWord,
  Verdict,
  verdictOfAgent,
  verdictOfError,
  verdictWithoutChange,
} from "../../src/model/verdict.ts";
import { aTask } from "./records.ts";

const well: AgentEnd = {
  code: 0,
  signal: null,
  result: { ok: true, kind: "done", text: "Done." },
  words: { complete: null, answer: null, fail: null },
  worked: true,
};
const result = (kind: FinalWord["kind"], text = "said") => ({ result: { ok: kind === "done", kind, text } }) as const;
const said = (words: Partial<AgentEnd["words"]>) => ({ words: { ...well.words, ...words } }) as const;

describe("verdictOfAgent", () => {
  const table: [what: string, end: Partial<AgentEnd>, outcome: Outcome | null, reason?: RegExp][] = [
    ["ended well", {}, null],
    ["ended well, completed", said({ complete: "x" }), null],
    ["ended well, answered", said({ answer: "x" }), null],
    ["says that it can't", said({ fail: "no such file" }), "declined", /^no such file$/],
    ["says that it can't, then breaks", { ...said({ fail: "no" }), result: null, code: 1 }, "declined", /^no$/],
    ["says that it can't, and that it is done", said({ fail: "no", complete: "yes" }), "declined"],
    ["wrong credentials", { ...result("auth"), code: 1 }, "refused", /refuses the credentials: said/],
    ["wrong credentials, whatever it says", { ...result("auth"), ...said({ fail: "no" }) }, "refused"],
    ["usage limit", { ...result("limited"), code: 1 }, "limited", /^said$/],
    ["too many turns", { ...result("turns"), code: 1 }, "over-budget"],
    ["too much money", { ...result("budget"), code: 0 }, "over-budget"],
    ["an error", { ...result("error"), code: 1 }, "failed", /^said$/],
    ["an error without a word", { ...result("error", ""), code: 1 }, "failed", /reported an error/],
    ["a good result, a bad exit code", { code: 3 }, "failed", /exit code 3/],
    ["a good result, then killed", { code: null, signal: "SIGKILL" }, "failed", /signal SIGKILL/],
    ["no result, exit code 0", { result: null }, "failed", /without a result \(exit code 0\)/],
    ["no result, killed", { result: null, code: null, signal: "SIGSEGV" }, "failed", /signal SIGSEGV/],
  ];
  for (const [what, end, outcome, reason] of table) {
    test(what, () => {
      const verdict = verdictOfAgent({ ...well, ...end });
      expect(verdict?.outcome ?? null).toBe(outcome);
      if (reason) expect(verdict?.reason).toMatch(reason);
    });
  }
});

describe("verdictWithoutChange", () => {
  const table: [what: string, end: Partial<AgentEnd>, hasIssue: boolean, outcome: Outcome, reason?: string][] = [
    ["an answer", said({ answer: "42" }), true, "answered", "42"],
    ["an answer without an issue", said({ answer: "42" }), false, "answered", "42"],
    ["no word for an issue", {}, true, "no-change"],
    ["it claims to be complete", said({ complete: "all done" }), true, "no-change"],
    ["without an issue its summary is the answer", said({ complete: "all done" }), false, "answered", "all done"],
    ["without an issue its result is", {}, false, "answered", "Done."],
    ["without an issue and without a word", { ...result("done", " \n") }, false, "no-change"],
  ];
  for (const [what, end, hasIssue, outcome, reason] of table) {
    test(what, () => {
      const verdict = verdictWithoutChange({ ...well, ...end }, hasIssue);
      expect(verdict.outcome).toBe(outcome);
      if (reason) expect(verdict.reason).toBe(reason);
    });
  }
});

describe("verdictOfError", () => {
  test("a verdict stays what it is, a bug is not explained away", () => {
    const verdict = new Verdict("stopped", "someone asked");
    expect(verdictOfError(verdict, "agent")).toBe(verdict);
    const bug = new TypeError("x is not a function");
    expect(() => verdictOfError(bug, "publish")).toThrow(bug);
  });
  const table: [FleetError["code"], "agent" | "publish", Outcome][] = [
    ["github", "agent", "refused"],
    ["auth", "agent", "refused"],
    ["environment", "agent", "refused"],
    ["github", "publish", "rejected"],
    ["auth", "publish", "rejected"],
    ["environment", "publish", "failed"],
  ];
  test.each(table)("%s before %s: %s", (code, before, outcome) =>
    expect(verdictOfError(new FleetError(code, "words"), before)).toMatchObject({ outcome, reason: "words" }),
  );
});

describe("overdue", () => {
  const { limits } = aTask;
  const pace: Pace = { startedMs: 0, readyMs: 5_000, heardMs: 10_000, turns: 1, costUsd: 0.1 };
  const table: [what: string, pace: Partial<Pace>, nowMs: number, outcome: Outcome | null, reason?: RegExp][] = [
    ["at work", {}, 20_000, null],
    ["not ready, in time", { readyMs: null, heardMs: 0 }, 119_999, null],
    ["never ready", { readyMs: null, heardMs: 0 }, 120_000, "stalled", /first 120 s/],
    ["never ready, in spite of noise", { readyMs: null, heardMs: 119_999 }, 120_000, "stalled", /first/],
    ["silent as long as healthy ones are", {}, 10_000 + 405_000, null],
    ["silent a moment less than too long", {}, 909_999, null],
    ["silent for too long", {}, 910_000, "stalled", /nothing for 900 s/],
    ["busy until the wall", { heardMs: 7_199_999 }, 7_200_000, "timed-out", /7200 s/],
    ["silent at the wall", {}, 7_200_000, "timed-out"],
    ["one turn over, which the agent itself counts", { turns: 101 }, 20_000, null],
    ["more turns", { turns: 102 }, 20_000, "over-budget", /100 turns/],
    ["a little over its money", { costUsd: 7.5 }, 20_000, null],
    ["far over its money", { costUsd: 7.51 }, 20_000, "over-budget", /5 US dollars/],
    ["nobody knows what it costs", { costUsd: null }, 20_000, null],
  ];
  for (const [what, change, nowMs, outcome, reason] of table) {
    test(what, () => {
      const verdict = overdue({ ...pace, ...change }, limits, nowMs);
      expect(verdict?.outcome ?? null).toBe(outcome);
      if (reason) expect(verdict?.reason).toMatch(reason);
    });
  }
  test("without limits nothing is too much", () => {
    const endless = { ...limits, turns: null, budgetUsd: null };
    expect(overdue({ ...pace, turns: 1e6, costUsd: 1e6 }, endless, 20_000)).toBeNull();
  });
});

describe("outcomes", () => {
  const promised: [Outcome, string, string, boolean][] = [
    ["delivered", "removed", "done", true],
    ["answered", "removed", "done", true],
    ["simulated", "removed", "released", true],
    ["no-change", "kept", "failed", false],
    ["declined", "kept, blocked added", "failed", false],
    ["failed", "kept", "failed", false],
    ["timed-out", "kept", "failed", false],
    ["stalled", "kept", "failed", false],
    ["over-budget", "kept", "failed", false],
    ["rejected", "kept", "failed", false],
    ["refused", "removed", "released", false],
    ["limited", "removed", "released", false],
    ["stopped", "kept", "held", false],
    ["withdrawn", "removed", "released", false],
    ["fenced", "untouched", "untouched", false],
    ["lost", "untouched", "untouched", false],
  ];
  test.each(promised)("%s: label %s, claim %s", (outcome, label, claim, good) =>
    expect(meaningOf(outcome)).toMatchObject({ label, claim, good, meaning: expect.stringMatching(/^[a-z].{5,}/) }),
  );
  test("there are no others", () => expect(outcomeNames.toSorted()).toEqual(promised.map(([name]) => name).toSorted()));
});
