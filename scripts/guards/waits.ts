/** What waits, for a usage limit or for its turn, and what must not wait for ever. */
import type { Guard } from "./guard.ts";

export const waitGuards: readonly Guard[] = [
  {
    name: "a limit that is over already is waited for",
    file: "src/fleet/park.ts",
    text: "(end > at ? end : at + leastMs)",
    instead: "(end > 0 ? end : at + leastMs)",
    test: "test/e2e/usage-limit.test.ts",
    only: "over already by our clock",
  },
  {
    name: "no account is left alone for longer than some hours",
    file: "src/fleet/park.ts",
    text: "Math.min(until, at + longestPauseMs)",
    instead: "until",
    test: "test/e2e/usage-limit.test.ts",
    only: "account left alone for a while",
  },
  {
    name: "the last word on a limit counts",
    file: "src/agents/claude-stream.ts",
    text: 'limited = status === "rejected" && isUsingOverage !== true;',
    instead: 'limited ||= status === "rejected";',
    test: "test/agents/claude-stream.test.ts",
    only: "a limit that is over",
  },
  {
    name: "a parked attempt's transcript is bounded as a whole",
    file: "src/fleet/transcript.ts",
    text: "fstatSync(this.file).size",
    instead: "0 * fstatSync(this.file).size",
    test: "test/fleet/transcript.test.ts",
  },
  {
    name: "a repository in trouble keeps no other waiting",
    file: "src/model/selection.ts",
    text: ">= mostTroubles",
    instead: "> 999",
    test: "test/e2e/fleet-assign.test.ts",
    only: "issue after issue",
  },
  {
    name: "what was refused lately comes last",
    file: "src/model/selection.ts",
    text: "refused.has(keyOf(one)) ? wanted.length + 1",
    instead: "refused.has(keyOf(one)) ? 0",
    test: "test/model/selection.test.ts",
  },
  {
    name: "work before a wait is kept when the agent can't be started after it",
    file: "src/fleet/supervise.ts",
    text: " && attempt.figures.turns === 0)",
    instead: ")",
    test: "test/e2e/usage-limit.test.ts",
    only: "not there any more",
  },
  {
    name: "what was said before a wait counts",
    file: "src/fleet/supervise.ts",
    text: "proposals: [...before.proposals, ...after.proposals]",
    instead: "proposals: after.proposals",
    test: "test/e2e/usage-limit.test.ts",
    only: "what it had said counts",
  },
];
