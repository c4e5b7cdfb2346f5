/** What keeps work, claims and pushes right whatever crashes, races or lies. */
import type { Guard } from "./guard.ts";

const claim = { file: "src/model/claim.ts", test: "test/model/claim.test.ts" };
const lease = { file: "src/fleet/lease.ts", test: "test/e2e/faults-claim.test.ts" };
const claims = { file: "src/issues/claims.ts", test: "test/issues/claims.test.ts" };

export const claimGuards: readonly Guard[] = [
  {
    name: "another's lease counts",
    ...claim,
    text: "at.serverNow - tip.committedAt > claim.leaseMs + at.graceMs",
    instead: "at.serverNow - tip.committedAt > at.graceMs",
  },
  {
    name: "a lease has its grace",
    ...claim,
    text: "at.serverNow - tip.committedAt > claim.leaseMs + at.graceMs",
    instead: "at.serverNow - tip.committedAt > claim.leaseMs",
  },
  {
    name: "whose the issue is by now is asked before it is marked",
    file: "src/fleet/close-out.ts",
    text: "const ours = ends ? await lease.stillOurs() : true;",
    instead: "const ours = (ends ? true : true) as boolean | null;",
    test: "test/e2e/close-out.test.ts",
    only: "what the new holder has put stays",
  },
  {
    name: "a label goes before its claim",
    file: "src/fleet/close-out.ts",
    text: '    label !== "removed" ||\n      (ours === true &&',
    instead: '    label !== "removed" ||\n      (await lease.finish({ state: "released" }), ours === true &&',
    test: "test/e2e/close-out.test.ts",
    only: "the label goes before",
  },
  {
    name: "an answer is posted before its claim is done",
    file: "src/fleet/close-out.ts",
    text: '    ours === true &&\n      (await tried(attempt, "comment on the issue"',
    instead:
      '    (await lease.finish({ state: "done" }), ours === true) &&\n      (await tried(attempt, "comment on the issue"',
    test: "test/e2e/told.test.ts",
    only: "killed as its claim ends",
  },
  {
    name: "what GitHub did not take is told later",
    file: "src/model/repair.ts",
    text: '  if (facts.untold && isTrueStill(facts)) repairs.push({ do: "tell" });\n',
    instead: "",
    test: "test/e2e/told.test.ts",
    only: "posted by the next tick",
  },
  {
    name: "pushed work is nobody's to do again",
    ...claim,
    text: '      return { kind: "unfinished", claim };',
    instead: '      return { kind: "free", epoch };',
  },
  {
    name: "a claim moves forward only",
    ...claims,
    text: "sha, force: false });",
    instead: "sha, force: true });",
  },
  {
    name: "a claim stands on the tip that was read",
    ...claims,
    text: "parents: parent ? [parent.sha] : [],",
    instead: "parents: [],",
  },
  {
    name: "a lost reply is read back",
    ...claims,
    text: "        if (tip?.sha === commit.sha) return { won: true, tip: commit };\n",
    instead: "",
  },
  {
    name: "a claim that GitHub misplaced is not absent",
    ...claims,
    text: "listed?.object.sha ?? null",
    instead: "listed && place.issue < 0 ? listed.object.sha : null",
  },
  {
    name: "no two claims are one commit",
    file: "src/fleet/hold.ts",
    text: "nonce: crypto.randomUUID() };",
    instead: 'nonce: "00000000-0000-4000-8000-000000000000" };',
    test: "test/fleet/claim-nonce.test.ts",
  },
  {
    name: "a push has its lease",
    file: "src/store/mirror.ts",
    text: '["push", "--porcelain", "--atomic", ...leases, this.url(), ...specs]',
    instead: '["push", "--porcelain", "--atomic", "--force", this.url(), ...specs]',
    test: "test/store/mirror.test.ts",
    only: "a lease",
  },
  {
    name: "branch and claim are pushed both or neither",
    file: "src/store/mirror.ts",
    text: '"--porcelain", "--atomic", ...leases',
    instead: '"--porcelain", ...leases',
    test: "test/store/mirror.test.ts",
    only: "a lease",
  },
  {
    name: "a write is sent once",
    file: "src/issues/octokit.ts",
    text: "if (!repeatable || n > retries",
    instead: "if (n > retries",
    test: "test/issues/github.test.ts",
  },
  {
    name: "what is to be settled is noted before it is claimed",
    file: "src/fleet/dispatch.ts",
    text: "  fleet.store.attempts.unsettle(task.worker, task.n);\n",
    instead: "",
    test: "test/torture/crash/steps.test.ts",
    only: "order",
  },
  {
    name: "a claim comes before the agent",
    file: "src/fleet/dispatch.ts",
    text: "      await take(fleet, github, task, work, again, undo, say);\n",
    instead:
      "      await start(fleet, task, credentialsOf(fleet, task.worker), say, signal);\n      await take(fleet, github, task, work, again, undo, say);\n",
    test: "test/torture/crash/steps.test.ts",
    only: "order",
  },
  {
    name: "a write whose reply is lost is looked for",
    file: "src/issues/ask.ts",
    text: "if (found !== undefined) return found;",
    instead: "if (found !== undefined && tries > 99) return found;",
    test: "test/issues/github.test.ts",
    only: "one pull request",
  },
  {
    name: "a claim that can't be read is another's",
    ...claim,
    text: 'return { kind: "taken", why: "its claim was written by a newer or another program" };',
    instead: 'return { kind: "free", epoch: 1 };',
  },
  {
    name: "a renewal that another was faster than ends the attempt",
    ...lease,
    text: "      if (!written.won) throw this.lost(written.tip);\n",
    instead: "",
    only: "another's claim is seen",
  },
  {
    name: "a renewal that failed may have gone through",
    ...lease,
    text: "      this.tip = null;\n",
    instead: "",
    only: "went through unseen",
  },
  {
    name: "nothing is built on another's claim",
    ...lease,
    text: "if (tip === null || !isOurs(tip.claim, this.holder))",
    instead: "if (tip === null)",
    only: "A63",
  },
  {
    name: "a pull request that nobody could look at is not given up",
    file: "src/fleet/close-out.ts",
    text: ' || (state === "failed" && unconfirmed)',
    instead: " && !unconfirmed",
    test: "test/e2e/faults-delivery.test.ts",
    only: "a fault that stays, at each request",
  },
];
