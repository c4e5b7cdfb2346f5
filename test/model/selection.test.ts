/** Which issues a tick takes up, in which order, and why not the others. */
import { describe, expect, test } from "bun:test";
import type { Claim } from "../../src/model/claim.ts";
import {
  blockersIn,
  type Candidate,
  rulesFor,
  type SelectionFacts,
  type SelectionRules,
  select,
} from "../../src/model/selection.ts";

function issue(number: number, more: Partial<Candidate> = {}): Candidate {
  return {
    repo: "acme/site",
    number,
    createdAt: "2026-05-01T12:00:00Z",
    author: "ann",
    proposed: false,
    labels: [],
    isPullRequest: false,
    blockedBy: [],
    openBlockers: 0,
    ...more,
  };
}
function claim(state: Claim["state"], more: Partial<Claim> = {}): Claim {
  const by = { worker: "07", host: "another-fleet", attempt: "07-3", epoch: 1, leaseMs: 1_800_000, nonce: "n" };
  return { v: 1, issue: 1, state, ...by, ...more };
}

const nothing = {
  claims: new Map(),
  running: new Map(),
  untrusted: new Map(),
  lost: new Map(),
  passed: new Set<string>(),
};
const free: SelectionRules = { priorityLabels: [], reserve: 0, limit: null, perRepo: null };
function choose(
  facts: Partial<SelectionFacts> & Pick<SelectionFacts, "candidates">,
  rules: Partial<SelectionRules> = {},
) {
  const all = { ...nothing, idle: 99, ...facts };
  const { picked, skipped } = select(all, { ...free, ...rules });
  expect(picked.length + skipped.length).toBe(facts.candidates.length - all.passed.size);
  return {
    picked: picked.map((one) => one.number),
    skipped: skipped.map(({ candidate, why, detail }) => `${candidate.number} ${why}${detail ? `: ${detail}` : ""}`),
  };
}
const held = (one: Claim | null, expired = false) => ({ claims: new Map([["acme/site#1", { claim: one, expired }]]) });

describe("what speaks against an issue", () => {
  test.each<[string, Partial<Candidate>, Partial<SelectionFacts>, string | null]>([
    ["nothing", {}, {}, null],
    ["labels of people", { labels: ["bug", "unblocked", "workers"] }, {}, null],
    ["it is a pull request", { isPullRequest: true }, {}, "1 pull request"],
    ["blocked", { labels: ["blocked"] }, {}, "1 blocked: label blocked"],
    ["Blocked", { labels: ["Blocked"] }, {}, "1 blocked: label Blocked"],
    ["a worker's label without a claim", { labels: ["worker:07"] }, {}, "1 labelled: label worker:07"],
    ["held by another", {}, held(claim("held")), "1 claimed: worker 07, attempt 07-3"],
    ["held by another, expired", {}, held(claim("held"), true), null],
    ["the same, its own label still there", { labels: ["Worker:07"] }, held(claim("held"), true), null],
    [
      "held by another, its own label there",
      { labels: ["worker:07"] },
      held(claim("held")),
      "1 labelled: label worker:07",
    ],
    [
      "expired, and a person's label beside its own",
      { labels: ["worker:07", "worker:08"] },
      held(claim("held"), true),
      "1 labelled: label worker:08",
    ],
    [
      "pushed long ago, its own label there",
      { labels: ["worker:07"] },
      held(claim("published"), true),
      "1 labelled: label worker:07",
    ],
    [
      "pushed, not yet confirmed",
      {},
      held(claim("published")),
      "1 claimed: worker 07, attempt 07-3, whose work is pushed",
    ],
    [
      "pushed, however long ago",
      {},
      held(claim("published"), true),
      "1 claimed: worker 07, attempt 07-3, whose work is pushed",
    ],
    ["delivered", {}, held(claim("done", { pr: 5 })), "1 done: pull request #5"],
    ["answered", {}, held(claim("done")), "1 done: it was answered"],
    ["failed", {}, held(claim("failed")), "1 failed before: worker 07, attempt 07-3"],
    [
      "failed without a mark, not blocked",
      { labels: ["bug"] },
      held(claim("failed", { blocked: false })),
      "1 failed before: worker 07, attempt 07-3",
    ],
    [
      "declined, still blocked",
      { labels: ["blocked"] },
      held(claim("failed", { blocked: true })),
      "1 blocked: label blocked",
    ],
    ["declined, the mark taken away", {}, held(claim("failed", { blocked: true })), null],
    ["the same, its own label still there", { labels: ["worker:07"] }, held(claim("failed", { blocked: true })), null],
    [
      "the same, and another's label",
      { labels: ["worker:08"] },
      held(claim("failed", { blocked: true })),
      "1 labelled: label worker:08",
    ],
    ["released", {}, held(claim("released")), null],
    ["a claim by a newer program", {}, held(null), "1 claimed: by a newer or another program"],
    ["lost once", {}, { lost: new Map([["acme/site#1", 1]]) }, null],
    ["lost twice", {}, { lost: new Map([["acme/site#1", 2]]) }, "1 lost twice"],
    ["a stranger's", {}, { untrusted: new Map([["acme/site#1", "eve may not"]]) }, "1 untrusted: eve may not"],
    ["GitHub's dependencies", { openBlockers: 2 }, {}, "1 waits for another issue: 2 by GitHub's dependencies"],
    ["the same number elsewhere", {}, { lost: new Map([["acme/other#1", 2]]) }, null],
    ["written in another case", { repo: "Acme/Site" }, { lost: new Map([["acme/site#1", 2]]) }, "1 lost twice"],
  ])("%s", (_, candidate, facts, skipped) => {
    const found = choose({ candidates: [issue(1, candidate)], ...facts });
    expect(found).toEqual(skipped === null ? { picked: [1], skipped: [] } : { picked: [], skipped: [skipped] });
  });

  test("an issue waits for the open ones that it names; closed ones, pull requests and other repositories do not count", () => {
    const candidates = [
      issue(1, { blockedBy: [2, 3, 77] }),
      issue(2),
      issue(3),
      issue(4, { isPullRequest: true }),
      issue(5, { blockedBy: [4] }),
      issue(6, { repo: "acme/other", blockedBy: [2] }),
      issue(7, { blockedBy: [7] }),
    ];
    expect(choose({ candidates })).toEqual({
      picked: [6, 2, 3, 5],
      skipped: ["1 waits for another issue: #2, #3", "4 pull request", "7 waits for another issue: #7"],
    });
  });

  test("what was dealt with in this tick is not named again, and others still wait for it", () => {
    const candidates = [issue(1), issue(2, { blockedBy: [1] }), issue(3)];
    expect(choose({ candidates, passed: new Set(["acme/site#1"]) })).toEqual({
      picked: [3],
      skipped: ["2 waits for another issue: #1"],
    });
  });

  test("explain hears every rule, also those behind the first that says no", () => {
    const one = issue(1, { labels: ["blocked", "worker:07"], openBlockers: 1 });
    const facts = { claims: held(claim("held")).claims, lost: new Map([["acme/site#1", 2]]) };
    const rules = rulesFor(one, facts, new Set(["acme/site#1"]));
    expect(rules.map(({ ok, answer }) => `${ok} ${answer}`)).toEqual([
      "true yes",
      "false blocked (label blocked)",
      "false labelled (label worker:07)",
      "false claimed (worker 07, attempt 07-3)",
      "false waits for another issue (1 by GitHub's dependencies)",
      "false lost twice",
    ]);
  });
});

describe("order", () => {
  test("priority labels in their order, whatever their case, then age, then number", () => {
    const at = (day: number) => ({ createdAt: `2026-05-0${day}T00:00:00Z` });
    const candidates = [
      issue(1, at(3)),
      issue(2, { ...at(9), labels: ["bug"] }),
      issue(3, { ...at(9), labels: ["Urgent", "bug"] }),
      issue(4, { ...at(2), labels: ["bug"] }),
      issue(6, at(1)),
      issue(5, at(1)),
      issue(7, { ...at(1), labels: ["elsewhere"] }),
    ];
    const { picked } = choose({ candidates }, { priorityLabels: ["urgent", "Bug"] });
    expect(picked).toEqual([3, 4, 2, 5, 6, 7, 1]);
    const refused = new Set(["acme/site#4", "acme/site#1"]);
    const others = choose({ candidates, refused }, { priorityLabels: ["urgent", "Bug"] }).picked;
    expect(others.slice(0, 5)).toEqual([3, 2, 5, 6, 7]);
    expect(others.slice(5).sort()).toEqual([1, 4]);
    expect(choose({ candidates: candidates.toReversed() }, { priorityLabels: ["urgent", "Bug"] }).picked).toEqual(
      picked,
    );
  });
});

describe("room", () => {
  const three = [issue(1), issue(2), issue(3)];
  test.each<[string, number, Partial<SelectionRules>, number[], string[]]>([
    ["two idle", 2, {}, [1, 2], ["3 no idle worker"]],
    ["nobody idle", 0, {}, [], ["1 no idle worker", "2 no idle worker", "3 no idle worker"]],
    ["one in reserve", 2, { reserve: 1 }, [1], ["2 no idle worker", "3 no idle worker"]],
    ["more in reserve than idle", 2, { reserve: 5 }, [], ["1 no idle worker", "2 no idle worker", "3 no idle worker"]],
    ["a limit", 9, { limit: 1 }, [1], ["2 limit reached", "3 limit reached"]],
    ["a limit beyond the idle", 1, { limit: 2 }, [1], ["2 no idle worker", "3 no idle worker"]],
    ["a limit that is used up", 9, { limit: 0 }, [], ["1 limit reached", "2 limit reached", "3 limit reached"]],
  ])("%s", (_, idle, rules, picked, skipped) => {
    expect(choose({ candidates: three, idle }, rules)).toEqual({ picked, skipped });
  });

  test("a repository's limit counts what runs there already, and leaves room to the others", () => {
    const candidates = [...three, issue(4, { repo: "acme/other" }), issue(5, { repo: "acme/other" })];
    const running = new Map([["acme/site", 1]]);
    expect(choose({ candidates, running, idle: 3 }, { perRepo: 2 })).toEqual({
      picked: [4, 5, 1],
      skipped: ["2 limit reached: 2 attempts run in acme/site", "3 limit reached: 2 attempts run in acme/site"],
    });
  });

  test("what may not be taken up takes no room", () => {
    const candidates = [issue(1, { labels: ["blocked"] }), issue(2)];
    expect(choose({ candidates, idle: 1 }, { limit: 1, perRepo: 1 }).picked).toEqual([2]);
  });
});

describe("blockersIn", () => {
  test.each<[string, number[]]>([
    ["", []],
    ["Blocked by #1, #2 and #3", [1, 2, 3]],
    ["Blocked by #1, #2, and #3.", [1, 2, 3]],
    ["blocked by: #12", [12]],
    ["- Blocked by #4\n- blocked by #5", [4, 5]],
    ["> Blocked by #6", [6]],
    ["Text.\r\n\r\n  * BLOCKED BY: #7 #8\r\nMore #9.", [7, 8]],
    ["Blocked by #7, #7", [7]],
    ["**Blocked by:** #10", [10]],
    ["**Blocked by** #10 and #11", [10, 11]],
    ["It was blocked by #1 last year.", []],
    ["unblocked by #1", []],
    ["blocked by the weather, see #1", []],
    ["blocked by acme/other#3", []],
  ])("%j", (body, numbers) => {
    expect(blockersIn(body)).toEqual(numbers);
  });

  test("a long text does not take long", () => {
    const began = performance.now();
    blockersIn(`${"> - * ".repeat(10_000)}\nblocked by #1${", #1".repeat(15_000)} !`);
    blockersIn(" \n".repeat(30_000));
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
