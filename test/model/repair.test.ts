/** What is mended for an attempt that is over: every outcome with every state of its claim. */
import { describe, expect, test } from "bun:test";
import { meaningOf, type Outcome, outcomeNames } from "../../src/model/outcome.ts";
import { type Repair, repairsFor, repairsToGiveBack, type Unsettled } from "../../src/model/repair.ts";

const claimStates = ["held", "published", "done", "failed", "released"] as const;

/** All facts that may come together. */
function* world(): Generator<Unsettled> {
  for (const outcome of outcomeNames) {
    for (const ours of [null, ...claimStates]) {
      for (const stale of [false, true]) {
        for (const labelled of [false, true])
          for (const untold of [false, true]) yield { outcome, ours, stale, labelled, untold };
      }
    }
  }
}

const what = (repairs: readonly Repair[]) =>
  repairs.map((repair) => (repair.do === "finish-claim" ? `claim ${repair.state}` : repair.do));
const over = (outcome: Outcome, ours: Unsettled["ours"], more: Partial<Unsettled> = {}): string[] =>
  what(repairsFor({ outcome, ours, stale: false, labelled: true, untold: false, ...more }));

describe("repairsFor", () => {
  test.each<[Outcome, string[]]>([
    ["delivered", ["remove-label", "claim done", "settle"]],
    ["answered", ["remove-label", "claim done", "settle"]],
    ["simulated", ["remove-label", "claim released", "settle"]],
    ["no-change", ["claim failed", "settle"]],
    ["declined", ["claim failed", "settle"]],
    ["failed", ["claim failed", "settle"]],
    ["timed-out", ["claim failed", "settle"]],
    ["stalled", ["claim failed", "settle"]],
    ["over-budget", ["claim failed", "settle"]],
    ["rejected", ["claim failed", "settle"]],
    ["refused", ["remove-label", "claim released", "settle"]],
    ["limited", ["remove-label", "claim released", "settle"]],
    ["stopped", []],
    ["withdrawn", ["remove-label", "claim released", "settle"]],
    ["fenced", ["claim released", "settle"]],
    ["lost", ["remove-label", "claim released", "settle"]],
  ])("%s, its claim still held: %j", (outcome, repairs) => {
    expect(over(outcome, "held")).toEqual(repairs);
  });

  test("every outcome is in that table", () => {
    expect(outcomeNames).toHaveLength(16);
  });

  test("a stopped attempt keeps its claim, renewed when half of the lease has passed, until it is another's", () => {
    expect(over("stopped", "held")).toEqual([]);
    expect(over("stopped", "held", { stale: true })).toEqual(["renew"]);
    expect(over("stopped", null)).toEqual(["settle"]);
    expect(over("stopped", "released")).toEqual(["settle"]);
  });

  test.each([...outcomeNames])("pushed work is finished whatever the outcome was: %s", (outcome) => {
    expect(over(outcome, "published")).toEqual(["finish-pull", "remove-label", "settle"]);
    expect(over(outcome, "published", { labelled: false })).toEqual(["finish-pull", "settle"]);
  });

  test("how pushed work failed is told where it did: no pull request of it will be there, and nobody said so", () => {
    const orTell = (outcome: Outcome, untold: boolean) =>
      repairsFor({ outcome, ours: "published", stale: false, labelled: false, untold }).find(
        (one) => one.do === "finish-pull",
      )?.orTell;
    expect([orTell("rejected", true), orTell("timed-out", true)]).toEqual([true, true]);
    expect([orTell("rejected", false), orTell("delivered", true), orTell("lost", true)]).toEqual([false, false, false]);
  });

  test("nothing outside is ever done without our claim", () => {
    for (const facts of world()) {
      if (facts.ours !== null) continue;
      expect(what(repairsFor(facts)).filter((one) => one !== "settle")).toEqual([]);
    }
  });

  test("whatever the facts: settled last, no finished claim is touched, no label that is not there", () => {
    const kept = (outcome: Outcome) => meaningOf(outcome).label !== "removed" && outcome !== "lost";
    for (const facts of world()) {
      const repairs = what(repairsFor(facts));
      expect([-1, repairs.length - 1]).toContain(repairs.indexOf("settle"));
      if (facts.ours !== "held") expect(repairs.join()).not.toMatch(/claim|renew/);
      if (facts.ours !== "published") expect(repairs).not.toContain("finish-pull");
      if (!facts.labelled) expect(repairs).not.toContain("remove-label");
      if (facts.ours !== "published" && kept(facts.outcome)) expect(repairs).not.toContain("remove-label");
    }
  });

  test("what was mended needs no mending again", () => {
    const after: Record<string, Unsettled["ours"]> = {
      "finish-pull": "done",
      "claim released": "released",
      "claim failed": "failed",
      "claim done": "done",
    };
    for (const facts of world()) {
      const repairs = what(repairsFor(facts));
      if (!repairs.includes("settle")) continue;
      const next: Unsettled = {
        outcome: facts.outcome,
        ours: repairs.reduce((ours, repair) => after[repair] ?? ours, facts.ours),
        stale: false,
        labelled: facts.labelled && !repairs.includes("remove-label"),
        untold: facts.untold && !repairs.includes("tell"),
      };
      expect(what(repairsFor(next))).toEqual(["settle"]);
    }
  });
});

describe("what an issue was not told", () => {
  const untold = (outcome: Outcome, ours: Unsettled["ours"]) => over(outcome, ours, { labelled: false, untold: true });

  test.each<[Outcome, Unsettled["ours"], string[]]>([
    ["answered", "done", ["tell", "settle"]],
    ["answered", "held", ["claim done", "tell", "settle"]],
    ["delivered", "done", ["tell", "settle"]],
    ["delivered", "published", ["finish-pull", "tell", "settle"]],
    ["simulated", "released", ["tell", "settle"]],
    ["declined", "failed", ["tell", "settle"]],
    ["failed", "held", ["claim failed", "tell", "settle"]],
  ])("%s, its claim %s: %j", (outcome, ours, repairs) => {
    expect(untold(outcome, ours)).toEqual(repairs);
  });

  test.each<[Outcome, Unsettled["ours"], string]>([
    ["answered", null, "the issue is another's by now"],
    ["failed", "released", "it was given back"],
    ["rejected", "published", "its pull request is opened after all"],
    ["rejected", "done", "it was"],
  ])("%s, its claim %s: not told any more, since %s", (outcome, ours) => {
    expect(untold(outcome, ours)).not.toContain("tell");
  });

  test("reset tells it only where the claim stays done: else the issue is free, whatever the attempt came to", () => {
    for (const facts of world()) {
      const repairs = what(repairsToGiveBack(facts));
      const stays = facts.ours === "done" && meaningOf(facts.outcome).claim === "done";
      expect(repairs.includes("tell")).toBe(facts.untold && stays);
    }
  });
});

describe("repairsToGiveBack", () => {
  const given = (more: Partial<Unsettled>) =>
    what(repairsToGiveBack({ outcome: "failed", ours: null, stale: false, labelled: true, untold: false, ...more }));

  test.each<[Unsettled["ours"], string[]]>([
    [null, ["settle"]],
    ["held", ["remove-label", "claim released", "settle"]],
    ["failed", ["remove-label", "claim released", "settle"]],
    ["published", ["finish-pull", "remove-label", "settle"]],
    ["done", ["remove-label", "settle"]],
    ["released", ["remove-label", "settle"]],
  ])("its claim %s, labelled: %j", (ours, repairs) => {
    expect(given({ ours })).toEqual(repairs);
    const bare = given({ ours, stale: true, labelled: false });
    expect(bare).toEqual(repairs.filter((one) => one !== "remove-label"));
  });

  test("a claim that may have run out is renewed before the label is touched, here as in reconcile", () => {
    const facts = { ours: "held", stale: true, labelled: true } as const;
    expect(given(facts)).toEqual(["renew", "remove-label", "claim released", "settle"]);
    expect(over("lost", "held", facts)).toEqual(["renew", "remove-label", "claim released", "settle"]);
    expect(over("failed", "held", facts)).toEqual(["claim failed", "settle"]);
  });
});
