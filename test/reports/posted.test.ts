/** What is posted to GitHub in our name: an agent's prose in it must not call people, close issues or hide anything. */
import { describe, expect, test } from "bun:test";
import type { IssueSnapshot } from "../../src/model/issue.ts";
import { outcomeNames } from "../../src/model/outcome.ts";
import { commentOf } from "../../src/reports/comment.ts";
import { pullRequestBody, pullRequestTitle, quote } from "../../src/reports/pull-request.ts";
import { anEnd } from "../model/records.ts";

const task = { issue: 22, worker: "01", agent: "claude" } as const;
const issue = { number: 22, title: "Page is blank" } as IssueSnapshot;
/** As GitHub finds them. */
const mention = /(?:^|[^\w`])@[A-Za-z0-9][\w-]*/;
const closing =
  /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:>\s*)?(?:[\w.-]+\/[\w.-]+#\d+|#\d+|GH-\d+|https?:\/\/\S+\/issues\/\d+)/gi;

const hostile = [
  "@everyone look, @acme/team and mail@example.com, (@bob)",
  "Fixes #1, closes acme/other#2, RESOLVED: #3, fix GH-4, Closes https://github.com/acme/site/issues/5",
  "fixes\n#6\ncloses:\n\n#7",
  "<!-- claude-workers:11111111:01-1 --><!--x",
  "/close\n/label bug\n::set-output name=x::y",
  "\u001b[31mred\u0007\u202e\u200bhidden\u{e0041}",
  "> quoted\n\n```\n@inside\n```\n</details>",
  "x".repeat(100_000),
  "@a".repeat(50_000),
  "\n".repeat(100_000),
  "fixes #1 ".repeat(10_000),
  "<!--".repeat(25_000),
  "💥".repeat(50_000),
];

describe("pull request", () => {
  test("closes its issue, quotes the summary, gives the figures, says who made it", () =>
    expect(pullRequestBody(task, "01-7", "Fixed the page.\n\nTested it.", anEnd)).toBe(
      [
        "Closes #22",
        "> Fixed the page.\n>\n> Tested it.",
        "| | |\n|---|---|\n| model | sonnet |\n| turns | 14 |\n| tokens in / out | 65k / 3400 |\n| cost | $0.43 |\n| commits | 2 |\n| lines | +30 -4 in 2 files |",
        "Made by worker 01 of a claude-workers fleet, attempt 01-7. A person should read it before it is merged.",
      ].join("\n\n"),
    ));
  test("without an issue it closes none; without a summary it quotes nothing", () => {
    const body = pullRequestBody({ ...task, issue: null }, "01-7", " \n", anEnd);
    expect(body).not.toMatch(/Closes|^>/m);
  });
  for (const text of hostile) {
    test(`A38, A61: hostile summary: ${JSON.stringify(text.slice(0, 40))}`, () => {
      const body = pullRequestBody(task, "01-7", text, anEnd);
      expect(body.match(closing)).toEqual(["Closes #22"]);
      harmlessIn(body);
      const title = pullRequestTitle(null, text);
      expect(title).not.toMatch(closing);
      expect(title).not.toMatch(/[\n\u001b]/);
      expect(title.length).toBeLessThan(256);
      expect(title).not.toBe("");
      harmlessIn(title);
      harmlessIn(pullRequestTitle({ ...issue, title: text }, ""));
    });
  }
  test("titles", () => {
    expect(pullRequestTitle(issue, "ignored")).toBe("Page is blank");
    expect(pullRequestTitle(null, "\n\n  Add a page \nand more")).toBe("Add a page");
    expect(pullRequestTitle(null, "")).toBe("Work by claude-workers");
    expect(pullRequestTitle({ ...issue, title: "\u200b" }, "x")).toBe("Issue 22");
  });
  test("readers see the words as they were", () => {
    expect(quote("Thanks @bob, fixes #1").replaceAll("\u2060", "")).toBe("> Thanks @bob, fixes #1");
    expect(quote("mail a@ b, prefixes #1, the fix is in #2")).toBe("> mail a@ b, prefixes #1, the fix is in #2");
  });
  test("a forged model name breaks nothing", () => {
    const body = pullRequestBody(task, "01-7", "", { ...anEnd, model: "x | y |\n@everyone <!-- fixes #1" });
    harmlessIn(body);
    expect(body.match(/^\|.*\|$/gm)).toHaveLength(8);
    expect(body.match(closing)).toEqual(["Closes #22"]);
  });
});

describe("comment", () => {
  const silent = ["refused", "limited", "stopped", "withdrawn", "fenced", "lost"];
  for (const outcome of outcomeNames) {
    test(`${outcome}: ${silent.includes(outcome) ? "nothing to say" : "says its outcome"}`, () => {
      const text = commentOf("01", "01-7", outcome, "because", anEnd);
      if (silent.includes(outcome)) expect(text).toBeNull();
      else expect(text).toContain(`**${outcome}**`);
    });
  }
  test("delivered names the pull request, declined how to go on", () => {
    expect(commentOf("01", "01-7", "delivered", "x", anEnd)).toContain("Pull request: #23");
    expect(commentOf("01", "01-7", "declined", "x", anEnd)).toContain("`blocked` removed");
  });
  for (const text of hostile) {
    test(`A38, A61: hostile words: ${JSON.stringify(text.slice(0, 40))}`, () => {
      for (const outcome of ["answered", "declined", "failed"] as const) {
        const comment = commentOf("01", "01-7", outcome, text, anEnd) ?? "";
        expect(comment.match(closing)).toBeNull();
        harmlessIn(comment);
      }
    });
  }
  test("A23: its marker can't be written by an agent", () => {
    const marker = "claude-workers:11111111:01-1:0123456789abcdef";
    expect(commentOf("01", "01-2", "answered", `<!-- ${marker} -->`, anEnd)).not.toContain(`<!-- ${marker}`);
  });
});

function harmlessIn(text: string): void {
  expect(text.replaceAll("@\u2060", "")).not.toMatch(mention);
  expect(text).not.toContain("<!--");
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u200b\u{e0041}]/u);
  // GitHub refuses more.
  expect(text.length).toBeLessThan(65_536);
}
