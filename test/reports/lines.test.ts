/** What people read on a terminal: one line per item, nothing but printable characters, no wider than there is room. */
import { describe, expect, test } from "bun:test";
import type { FleetEvent, Said } from "../../src/model/events.ts";
import { eventLine } from "../../src/reports/event-line.ts";
import { count, dollars, duration } from "../../src/reports/figures.ts";
import { historyLines } from "../../src/reports/history.ts";
import { planLines } from "../../src/reports/plan.ts";
import { progressOf } from "../../src/reports/progress.ts";
import { type Shown, statusLines, strayLines } from "../../src/reports/status.ts";
import { cut, table } from "../../src/reports/table.ts";
import { anEnd } from "../model/records.ts";

const hostile = [
  "\u001b[2J\u001b[1;1Howned",
  "\u001b]0;title\u0007\u001b]52;c;cm0=\u0007",
  "\u009b31mred\u0090q\u009c",
  "a\nb\r\nc\u2028d\te\u0000\u0008\u007f",
  "\u202egnp.exe\u2066",
  "\u200b\u{e0041}\ufe0f",
  "x".repeat(100_000),
  "日本語".repeat(50),
  "💥👩‍👩‍👧🇩🇪".repeat(30),
];
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;

const busy: Shown = {
  id: "01",
  state: "busy",
  reason: null,
  task: { repo: "acme/site", issue: 22, title: "Page is blank", elapsedMs: 125_000 },
  attempt: {
    step: "agent",
    turns: 3,
    tokens: { input: 1, output: 2000, cacheRead: 30_000, cacheWrite: 0 },
    costUsd: 0.05,
    lastActivity: "Bash: ls",
    parkedUntil: null,
  },
};
const idle: Shown = { id: "02", state: "idle", reason: null, task: null, attempt: null };

describe("status", () => {
  test("a table", () => {
    expect(statusLines("/r", [busy, idle], 120)).toEqual([
      "WORKER  STATE  TASK          STEP   TIME    TURNS  TOKENS  COST     LAST",
      "01      busy   acme/site#22  agent  2m 05s  3      32k     $0.0500  Bash: ls",
      "02      idle",
    ]);
  });
  test("no workers, and what to do then", () =>
    expect(statusLines("/r", [], 80)).toEqual(["no workers in /r (cw init 01)"]));
  test("what is shown last: the reason, the wait, the activity, the title", () => {
    const attempt = busy.attempt ?? (null as never);
    const last = (shown: Partial<Shown>) => statusLines("/r", [{ ...busy, ...shown }], 200)[1]?.split("$0.0500  ")[1];
    expect(last({ reason: "its supervisor vanished" })).toBe("its supervisor vanished");
    expect(last({ attempt: { ...attempt, parkedUntil: "2026-11-20T12:00:00Z" } })).toBe(
      "parked until 2026-11-20T12:00:00Z",
    );
    expect(last({ attempt: { ...attempt, lastActivity: null } })).toBe("Page is blank");
  });
  test("a task without an issue, a reboot, nothing known yet", () => {
    const task = { repo: "acme/site", issue: null, title: null, elapsedMs: null };
    const attempt = { ...(busy.attempt ?? (null as never)), step: null, costUsd: null, lastActivity: null };
    expect(statusLines("/r", [{ ...busy, task, attempt }], 120)[1]).toBe(
      "01      busy   acme/site  -     -     3      32k     -",
    );
  });
  test("one worker's long reason leaves the columns of the others where they were", () => {
    const unknown: Shown = { ...idle, id: "03", state: "unknown", reason: "/root/".repeat(40) };
    const [, line] = statusLines("/r", [busy, unknown], 100);
    expect(line).toMatch(/^01 +busy +acme\/site#22 +agent .*Bash: ls$/);
  });
  test("hostile words on narrow and wide terminals", () => {
    for (const text of hostile) {
      const task = { ...(busy.task ?? (null as never)), title: text };
      const attempt = { ...(busy.attempt ?? (null as never)), lastActivity: text };
      const workers: Shown[] = [{ ...busy, task, attempt }, { ...idle, state: "unknown", reason: text }, busy];
      for (const columns of [0, 1, 40, 79, 80, 200]) {
        const lines = statusLines(text, workers, columns);
        expect(lines).toHaveLength(4);
        for (const line of lines) {
          expect(line).not.toMatch(unprintable);
          expect(Bun.stringWidth(line)).toBeLessThanOrEqual(Math.max(columns, 40));
        }
      }
      expect(statusLines(text, [], 80).join()).not.toMatch(unprintable);
      expect(strayLines([{ repo: "a/b", issue: 1, what: text }]).join()).not.toMatch(unprintable);
    }
  });
});

describe("tables", () => {
  test("wide characters count for what they take", () => {
    expect(
      table(
        [
          ["日本", "x"],
          ["ab", "y"],
          ["e\u0301", "z"],
        ],
        80,
      ),
    ).toEqual(["日本  x", "ab    y", "e\u0301     z"]);
  });
  test("a cut never splits a character and never exceeds", () => {
    for (const text of ["日本語日本語", "a💥b💥c💥", "plain text", ""])
      for (let columns = 1; columns < 14; columns++) {
        const short = cut(text, columns);
        expect(Bun.stringWidth(short)).toBeLessThanOrEqual(columns);
        expect(short).not.toMatch(/\p{Cs}/u);
        expect(text.startsWith(short.replace(/…$/, ""))).toBe(true);
      }
  });
});

describe("history", () => {
  test("newest first with the sums", () => {
    const other = {
      ...anEnd,
      attempt: "02-7",
      issue: null,
      outcome: "failed" as const,
      reason: "exit code 1",
      pull: null,
      costUsd: null,
    };
    expect(historyLines([anEnd, other])).toEqual([
      "ATTEMPT  TASK          OUTCOME    ENDED (UTC)       TIME     TURNS  TOKENS  COST   RESULT",
      "01-1     acme/site#22  delivered  2026-11-20 10:12  12m 05s  14     68k     $0.43  https://github.com/acme/site/pull/23",
      "02-7     acme/site     failed     2026-11-20 10:12  12m 05s  14     68k     -      exit code 1",
      "2 attempts, 137k tokens, $0.43",
    ]);
  });
  test("nothing yet", () => expect(historyLines([])).toEqual(["no attempt has ended yet"]));
  test("hostile reasons", () => {
    for (const reason of hostile) {
      const lines = historyLines([{ ...anEnd, reason, pull: null }]);
      expect(lines).toHaveLength(3);
      expect(lines.join("")).not.toMatch(unprintable);
    }
  });
});

describe("plan", () => {
  const plan = {
    worker: "01",
    repo: "acme/site",
    issue: 22,
    calls: ["GET /repos/acme/site"],
    commands: [
      {
        what: "agent",
        argv: ["/usr/bin/claude", "--model=sonnet", "two words", "\u001b[31m$(id)"],
        environment: ["HOME", "PATH"],
      },
    ],
    remarks: ["isolation: bubblewrap"],
  };
  test("says that nothing was done, and each command as its words", () =>
    expect(planLines(plan)).toEqual([
      "worker 01 would take acme/site#22. Nothing was done.",
      "",
      "GitHub calls:",
      "  GET /repos/acme/site",
      "",
      "agent:",
      '  /usr/bin/claude --model=sonnet "two words" "$(id)"',
      "  environment: HOME PATH",
      "",
      "isolation: bubblewrap",
    ]));
});

describe("events", () => {
  const at = { at: "2026-11-20T10:00:05.123Z", worker: "01", attempt: "01-7" };
  const line = (said: Said) => eventLine({ ...at, ...said } as FleetEvent);
  const table: [Said, string | null][] = [
    [
      { type: "attempt:reserved", repo: "a/b", issue: 2, agent: "claude", model: "sonnet" },
      "takes a/b#2 (claude, sonnet)",
    ],
    [{ type: "attempt:reserved", repo: "a/b", issue: null, agent: "claude", model: "m" }, "takes a/b (claude, m)"],
    [{ type: "issue:read", title: "T", author: "al", hidden: 0 }, "issue: T (by al)"],
    [
      { type: "issue:read", title: "T", author: "al", hidden: 3 },
      "issue: T (by al, 3 pieces of hidden text taken out)",
    ],
    [{ type: "attempt:spawned", pid: 5 }, null],
    [{ type: "step:started", step: "verify", deadlineMs: null }, "step verify"],
    [{ type: "step:ended", step: "verify", durationMs: 5 }, null],
    [{ type: "agent:activity", kind: "tool", text: "Bash: ls" }, "does: Bash: ls"],
    [
      { type: "agent:exited", code: null, signal: "SIGKILL", dropped: 2 },
      "agent ended (SIGKILL, 2 lines of its output not kept)",
    ],
    [{ type: "agent:exited", code: 0, signal: null, dropped: 0 }, "agent ended (exit code 0)"],
    [{ type: "work:collected", head: null, commits: 0 }, "nothing was changed"],
    [{ type: "pull:verified", number: 5, url: "u", adopted: true }, "pull request #5 adopted and verified: u"],
    [{ type: "attempt:ended", outcome: "stopped", reason: "someone asked" }, "stopped: someone asked"],
    [{ type: "warning", message: "m" }, "warning: m"],
  ];
  for (const [said, text] of table) {
    test(`${said.type}: ${text}`, () => expect(line(said)).toBe(text === null ? null : `10:00:05 01-7 ${text}`));
  }
  test("hostile words stay on their line", () => {
    for (const text of hostile)
      for (const said of [
        { type: "issue:read", title: text, author: text, hidden: 0 },
        { type: "agent:activity", kind: "text", text },
        { type: "agent:spoke", word: text, text },
        { type: "attempt:ended", outcome: "failed", reason: text },
        { type: "warning", message: text },
      ] as const) {
        const shown = line(said) ?? "";
        expect(shown).not.toMatch(unprintable);
        expect(shown.length).toBeLessThan(1000);
      }
  });
  test("progress is folded from what is there, also without a beginning", () => {
    const events = [
      { type: "step:started", step: "agent", deadlineMs: null },
      { type: "agent:parked", until: "later" },
      { type: "agent:started", pid: 1, isolation: "none", sessionId: "s", resume: true },
      { type: "agent:usage", turns: 2, tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 }, costUsd: 0.1 },
      { type: "agent:spoke", word: "report_progress", text: "half" },
    ] as const;
    expect(progressOf(events.map((said) => ({ ...at, ...said }) as FleetEvent))).toMatchObject({
      step: "agent",
      parkedUntil: null,
      turns: 2,
      lastActivity: "report_progress: half",
      lastActivityAt: at.at,
    });
    const tail = events.slice(3).map((said) => ({ ...at, ...said }) as FleetEvent);
    expect(progressOf(tail)).toMatchObject({ step: "agent", stepDeadlineMs: null, turns: 2 });
    expect(progressOf([])).toMatchObject({ step: null, turns: 0 });
  });
});

test("figures for people", () => {
  expect([0, 9999, 10_000, 999_999, 1_500_000].map(count)).toEqual(["0", "9999", "10k", "1000k", "1.5M"]);
  expect([null, 0, 0.0999, 0.1, 12.345].map(dollars)).toEqual(["-", "$0.0000", "$0.0999", "$0.10", "$12.35"]);
  expect([-5, 0, 59_400, 60_000, 725_000, 3_600_000, 100 * 3_600_000].map(duration)).toEqual([
    "0s",
    "0s",
    "59s",
    "1m 00s",
    "12m 05s",
    "1h 00m",
    "100h 00m",
  ]);
});
