/**
 * The exhaustive check of the life of an attempt: every interleaving, with processes and the host dying at any point,
 * decided by the product's own functions. That the check can find a hole is shown by breaking one rule at a time.
 */
import { describe, expect, test } from "bun:test";
import { mayEndForIt, nextAttempt, statusOf } from "../../src/model/attempt.ts";
import { type Actor, type Rules, search } from "./attempt-world.ts";

const product: Rules = {
  statusOf,
  nextAttempt,
  mayEndForIt,
  createOnce: true,
  loserExits: true,
  cancelsFirst: true,
  provesDead: true,
  cancelsBeforeUndo: true,
  endsAlone: true,
};

/** Four at a time, since all six at once are hundreds of millions of states; supervisors and agents come on top. */
const casts: readonly (readonly [cast: readonly Actor[], crashes: number])[] = [
  [["dispatch", "second dispatch", "restart", "stop"], 2],
  [["dispatch", "second dispatch", "restart", "reset -f"], 2],
  [["dispatch", "second dispatch", "reset -f", "reconcile"], 2],
  [["dispatch", "restart", "stop", "reset -f"], 2],
  [["dispatch", "restart", "stop", "reconcile"], 2],
  [["dispatch", "stop", "reset -f", "reconcile"], 2],
];

describe("every interleaving", () => {
  let states = 0;
  for (const [cast, crashes] of casts) {
    test(`${cast.join(", ")}, ${crashes} crashes`, () => {
      const found = search(product, cast, crashes);
      expect(found.violation).toBeNull();
      // A model in which hardly anything happens would prove nothing.
      expect(found.states).toBeGreaterThan(50_000);
      states += found.states;
    }, 60_000);
  }
  test("how much that was", () => {
    expect(states).toBeGreaterThan(1_000_000);
    console.log(`model check: ${states} states`);
  });
});

describe("a broken rule is found", () => {
  const everybody: Actor[] = ["dispatch", "second dispatch", "reset -f", "reconcile"];
  const mutants: readonly (readonly [rule: string, mutant: Partial<Rules>, wrong: RegExp])[] = [
    [
      "a next attempt in spite of a missing end",
      { nextAttempt: (facts) => (facts?.n ?? 0) + 1 },
      /two attempts are open/,
    ],
    ["an end while processes live", { provesDead: false }, /^I8|not claimed/],
    ["a birth that overwrites", { createOnce: false }, /no supervisor's/],
    ["a supervisor that lost its birth and goes on", { loserExits: false }, /no supervisor's/],
    ["an end for the unborn without a cancellation", { cancelsFirst: false }, /^I8/],
    ["an undo before the cancellation", { cancelsBeforeUndo: false }, /not claimed/],
    ["two who save the work of the dead at once", { endsAlone: false }, /^I8/],
    [
      "a dead supervisor whose agent lives taken for idle",
      {
        statusOf: (facts, now) => {
          const status = statusOf(facts, now);
          return facts?.supervisor === "dead" && facts.processes === "alive" ? { ...status, state: "idle" } : status;
        },
      },
      /^I8/,
    ],
    [
      "a cancelled attempt taken for idle",
      {
        statusOf: (facts, now) =>
          facts?.birth?.ok && facts.birth.value.by === "cancellation"
            ? { state: "idle", reason: null }
            : statusOf(facts, now),
      },
      /never have an end/,
    ],
    [
      "an end for whoever has a birth",
      { mayEndForIt: (facts) => (facts.birth ? "yes" : "cancel-first") },
      /^I8|not claimed/,
    ],
    [
      "an end for a dead supervisor whose agent lives",
      { mayEndForIt: (facts) => mayEndForIt({ ...facts, processes: "dead" }) },
      /^I8|not claimed/,
    ],
    [
      "nobody may end for a dead supervisor",
      { mayEndForIt: (facts) => (facts.birth ? "no" : "cancel-first") },
      /never/,
    ],
  ];
  for (const [rule, mutant, wrong] of mutants) {
    test(rule, () => {
      const { violation } = search({ ...product, ...mutant }, everybody, 2);
      expect(violation?.what).toMatch(wrong);
      expect(violation?.trace.length).toBeGreaterThan(3);
    }, 60_000);
  }
});
