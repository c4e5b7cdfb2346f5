import { describe, expect, test } from "bun:test";
import {
  acquireDecision,
  branchNames,
  type Claim,
  claimBefore,
  claimRef,
  claimSchema,
  parseClaim,
  type Tip,
} from "../../src/model/claim.ts";

const held: Claim = {
  v: 1,
  issue: 22,
  state: "held",
  worker: "01",
  host: "11111111-aaaa",
  attempt: "01-7",
  epoch: 3,
  leaseMs: 1_800_000,
  nonce: "n",
};
const at = { serverNow: 10_000_000, graceMs: 60_000, host: "22222222-bbbb", again: false };
const ago = (ms: number, claim: Claim | null = held): Tip => ({
  sha: "c",
  tree: "t",
  claim,
  committedAt: at.serverNow - ms,
});
const of = (change: Partial<Claim>) => ago(0, { ...held, ...change });

describe("acquireDecision", () => {
  const table: [what: string, tip: Tip | null, asked: Partial<typeof at> & { labels?: string[] }, decision: object][] =
    [
      ["never claimed", null, {}, { kind: "free", epoch: 1 }],
      [
        "not ours to understand",
        ago(0, null),
        {},
        { kind: "taken", why: expect.stringMatching(/newer or another program/) },
      ],
      ["not ours to understand, by number", ago(0, null), { again: true }, { kind: "taken" }],
      ["released", of({ state: "released" }), {}, { kind: "free", epoch: 4 }],
      ["answered", of({ state: "done" }), {}, { kind: "taken", why: "it was answered" }],
      ["answered, by number", of({ state: "done" }), { again: true }, { kind: "free", epoch: 4 }],
      ["delivered", of({ state: "done", pr: 5 }), {}, { kind: "taken", why: expect.stringMatching(/#5/) }],
      ["delivered, by number", of({ state: "done", pr: 5 }), { again: true }, { kind: "delivered", epoch: 4, pr: 5 }],
      ["failed", of({ state: "failed" }), {}, { kind: "taken", why: expect.stringMatching(/01-7 failed/) }],
      ["failed, by number", of({ state: "failed" }), { again: true }, { kind: "free", epoch: 4 }],
      ["declined, still blocked", of({ state: "failed", blocked: true }), { labels: ["Blocked"] }, { kind: "taken" }],
      ["declined, labels not known", of({ state: "failed", blocked: true }), {}, { kind: "taken" }],
      [
        "declined, unblocked by a person",
        of({ state: "failed", blocked: true }),
        { labels: [] },
        { kind: "free", epoch: 4 },
      ],
      ["failed, never blocked", of({ state: "failed" }), { labels: [] }, { kind: "taken" }],
      ["published", of({ state: "published", head: "h" }), { again: true }, { kind: "unfinished" }],
      ["published by us", of({ state: "published", host: at.host }), {}, { kind: "unfinished", ranOut: false }],
      [
        "published long ago",
        ago(1e9, { ...held, state: "published" }),
        { again: true },
        { kind: "unfinished", ranOut: true },
      ],
      ["held by us", of({ host: at.host }), {}, { kind: "retake", epoch: 4, attempt: "01-7", ranOut: false }],
      ["held by us, expired", ago(1_860_001, { ...held, host: at.host }), {}, { kind: "retake", ranOut: true }],
      ["held by another", ago(0), {}, { kind: "taken", why: expect.stringMatching(/01-7, fleet 11111111/) }],
      ["held by another, by number", ago(0), { again: true }, { kind: "taken" }],
      ["its lease is over, not its grace", ago(1_860_000), {}, { kind: "taken" }],
      ["expired", ago(1_860_001), {}, { kind: "free", epoch: 4 }],
      ["held by another, whose clock or ours is wrong", ago(-5000), {}, { kind: "taken" }],
    ];
  test.each(table)("%s", (_, tip, asked, decision) =>
    expect(acquireDecision(tip, { ...at, ...asked })).toMatchObject(decision),
  );
});

describe("claimBefore", () => {
  const table: [what: string, before: Tip | null, kept: Claim["state"] | null][] = [
    ["nothing", null, null],
    ["not ours to understand", ago(0, null), null],
    ["a failure, however long ago", ago(1e9, { ...held, state: "failed", blocked: true }), "failed"],
    ["an answer", of({ state: "done" }), "done"],
    ["a delivery", of({ state: "done", pr: 5 }), "done"],
    ["given back", of({ state: "released" }), "released"],
    ["a stop of our own", of({ host: at.host }), "held"],
    ["a hold at the end of its grace", ago(1_860_000), "held"],
    ["a hold that had run out", ago(1_860_001), null],
  ];
  test.each(table)("%s", (_, before, kept) => {
    const found = claimBefore(before, at);
    expect(found).toEqual(kept === null ? null : (before?.claim ?? null));
    expect(found?.state ?? null).toBe(kept);
  });
});

describe("claimSchema", () => {
  test("a claim survives its message, unknown fields too", () => {
    const claim = { ...held, later: { more: 1 } };
    expect(parseClaim(JSON.stringify(claim))).toEqual(claim);
  });
  const wrong: [string, unknown][] = [
    ["a newer version", { ...held, v: 2 }],
    ["another state", { ...held, state: "mine" }],
    ["no nonce", { ...held, nonce: undefined }],
    ["a number as text", { ...held, epoch: "3" }],
    ["nothing", null],
    ["a list", []],
  ];
  test.each(wrong)("%s is refused", (_, claim) => expect(claimSchema.safeParse(claim).success).toBe(false));
  for (const text of ["", "{", "null", "Merge branch 'x'", "[1]"]) {
    test(`message ${JSON.stringify(text)}`, () => expect(parseClaim(text)).toBeNull());
  }
});

test("A6: branches and refs come from numbers alone", () => {
  expect(branchNames(22, 3, "6f1f4f64-91a1")).toEqual(["issue-22", "issue-22-e3"]);
  expect(branchNames(null, 1, "6f1f4f64-91a1")).toEqual(["task-6f1f4f64", "task-6f1f4f64-1"]);
  expect(claimRef("refs/claude-workers/claims", 22)).toBe("refs/claude-workers/claims/issue-22");
});
