/** When a stranger's text may be worked on: every row of the table. */
import { describe, expect, test } from "bun:test";
import { doubtAfter, type TrustFacts, trustOf } from "../../src/model/trust.ts";

const at = "2026-05-01T12:00:00Z";
const stranger: TrustFacts = {
  author: "eve",
  authorMayWrite: false,
  proposed: false,
  approvalLabel: "approved",
  approval: { by: "ann", at, mayWrite: true },
  editedAt: null,
};

describe("trustOf", () => {
  test.each<[string, Partial<TrustFacts>, boolean, RegExp]>([
    ["a writer's own issue", { authorMayWrite: true, approval: null }, true, /eve may write/],
    ["a writer's own issue, edited since", { authorMayWrite: true, editedAt: "unknown" }, true, /eve may write/],
    [
      "an agent's proposal, by a login that may write",
      { authorMayWrite: true, proposed: true, approval: null },
      false,
      /an agent proposed it, and nobody/,
    ],
    [
      "an agent's proposal that a writer approved",
      { authorMayWrite: true, proposed: true },
      true,
      /ann, who may write, approved it/,
    ],
    ["no approval label configured", { approvalLabel: null, approval: null }, false, /no approval label is configured/],
    ["an approval, but no label configured", { approvalLabel: null }, false, /no approval label is configured/],
    ["nobody approved", { approval: null }, false, /nobody has put the label approved/],
    ["somebody approved who may not write", { approval: { by: "tom", at, mayWrite: false } }, false, /neither may tom/],
    ["approved by a writer, never edited", {}, true, /ann, who may write, approved it/],
    ["edited a second before the approval", { editedAt: "2026-05-01T11:59:59Z" }, true, /approved it/],
    ["edited in the second of the approval", { editedAt: at }, false, /edited after ann approved/],
    ["edited a second after it", { editedAt: "2026-05-01T12:00:01Z" }, false, /edited after ann approved/],
    ["it is not known when it was edited", { editedAt: "unknown" }, false, /not known whether/],
  ])("%s", (_, facts, trusted, why) => {
    expect(trustOf({ ...stranger, ...facts })).toMatchObject({ trusted, why: expect.stringMatching(why) });
  });
});

describe("doubtAfter", () => {
  const approved = (when: string) => trustOf({ ...stranger, approval: { by: "ann", at: when, mayWrite: true } });
  const byWriter = trustOf({ ...stranger, authorMayWrite: true });
  const untrusted = trustOf({ ...stranger, approval: null });
  test.each([
    ["the same approval", approved(at), approved(at), null],
    ["a writer's own, both times", byWriter, byWriter, null],
    ["the author may write by now", approved(at), byWriter, null],
    ["approved anew, maybe another text", approved(at), approved("2026-05-01T12:00:05Z"), /approved while/],
    ["the author may not write any more, and somebody approved", byWriter, approved(at), /approved while/],
    ["not approved any more", approved(at), untrusted, /nobody has put/],
  ])("%s", (_, before, after, doubt) => {
    const found = doubtAfter(before, after);
    if (doubt === null) expect(found).toBeNull();
    else expect(found).toMatch(doubt);
  });
});
