/** What comes from people, records and GitHub is accepted in its strict form only. */
import { describe, expect, test } from "bun:test";
import { join, sep } from "node:path";
import { FleetError } from "../../src/model/errors.ts";
import { parseIssueNumber, parseRepo, sameRepo } from "../../src/model/issue.ts";
import { fleetPaths } from "../../src/model/paths.ts";
import { attemptId, parseAttemptId, parseModel } from "../../src/model/task.ts";
import { isWorkerId, parseAuthor, parseWorkerId } from "../../src/model/worker.ts";
import { chance, seed } from "./records.ts";

const control = "a\0b\n\r\u001b[31m\u202e\u200b";
const forms: [
  name: string,
  parse: (text: string) => unknown,
  strict: RegExp,
  good: readonly string[],
  bad: readonly string[],
][] = [
  [
    "worker id",
    parseWorkerId,
    /^[a-z0-9][a-z0-9-]{0,31}$/,
    ["01", "a", "0-", "x".repeat(32), "con"],
    // biome-ignore format: a list
    ["", ".", "..", "../../x", "/etc", "-x", "--", "--help", "a/b", "a\0b", "x\nIGNORE", "x\n", "x".repeat(33), "x".repeat(300),
      "CON", "A", "ａ", "о1", "é", "01 ", " 01", "a_b", "a.b", "repos", "locks", "trash", "unsettled", control],
  ],
  [
    "repository",
    parseRepo,
    /^[A-Za-z0-9-]{1,39}\/[A-Za-z0-9_.-]{1,100}$/,
    ["acme/site", "a/b", "A-b/c.d_e-f", "acme/.github", "a/...", "acme/x.gitt"],
    // biome-ignore format: a list
    ["", "acme", "/", "acme/", "/site", "-x", "--web", "-x/site", "acme/-x", "acme/--help", "o/r/../../x", "o/r.git;id", "o/r.git",
      "o/r.GIT", "o/r.wiki", "https://evil/o/r", "o/.git", "../r", "o/..", "o/.", "./o", "o//r", "o/r/", "a--b/c", "a-/c", "o/r ",
      "o/r\n", "o/r\0", "o/‮r", "o/日本", "o:p@evil/r", "o/r#1", "o\\r", `${"o".repeat(40)}/r`, `o/${"r".repeat(101)}`, control],
  ],
  [
    "issue number",
    parseIssueNumber,
    /^[1-9][0-9]{0,9}$/,
    ["1", "22", "2147483647"],
    // biome-ignore format: a list
    ["", "0", "-1", "+1", "01", "5abc", "1e9", "1.0", "0x10", "5 --repo x", " 5", "5\n", "٣", "5_000", "2147483648",
      "9007199254740992", "99999999999999999999", "NaN", "Infinity", "#5", control],
  ],
  [
    "model",
    parseModel,
    /^[A-Za-z0-9][\w.:[\]/@-]{0,99}$/,
    ["sonnet", "claude-opus-5-5", "opus[1m]", "anthropic.claude-v1:0", "us.anthropic/claude@2"],
    // biome-ignore format: a list
    ["", "--mcp-config=/tmp/evil.json", "-x", "$(id)", "`id`", "a b", "a;b", "a=b", "a\nb", "a\0", "sonnet\n", "[x]", "ä", "a'b",
      "x".repeat(101), control],
  ],
  [
    "author name",
    (text) => parseAuthor("name", text),
    /^[^\u0000-\u001f\u007f"\\<>]{1,200}$/,
    ["Bot", "Zoë O'Neil (bot)", "日本 語", "[user]", "a;b"],
    ["", " Bot", "Bot ", 'a"b', "a\\b", "a<b", "a>b", "a\nb", "a\u001bb", "a\u007fb", "x".repeat(201), control],
  ],
  [
    "author address",
    (text) => parseAuthor("email", text),
    /^[^\s@]+@[^\s@]+$/,
    ["bot@example.com", "a+b@c", "1@[::1]"],
    ["", "bot", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", 'a"@b', "<a@b>", "a@b\nc", "a@b\n", control],
  ],
];

describe("strict forms", () => {
  for (const [name, parse, strict, good, bad] of forms) {
    test(`${name}: what is one`, () => {
      for (const text of good) {
        expect(String(parse(text))).toBe(text);
        expect(text).toMatch(strict);
      }
    });
    test(`${name}: what is none is a mistake of the caller, said on one line`, () => {
      for (const text of bad) {
        const error = thrownBy(() => parse(text));
        expect([text, error]).toEqual([text, expect.any(FleetError)]);
        expect((error as FleetError).code).toBe("usage");
        expect((error as FleetError).message).not.toMatch(/[\u0000-\u001f]/);
      }
    });
  }

  test("A1, A2: of 10,000 random texts only strict ones pass, and no path leaves the root", () => {
    const random = chance(seed());
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const pieces = [
      ..."abz019AZ-._/\\:@[]~$`'\"<>;|&*?#%= \t\n\0",
      ...[
        "..",
        "../",
        "/..",
        ".git",
        "\u001b[2J",
        "\u202e",
        "é",
        "💥",
        "%2e%2e",
        "--",
        "acme/",
        "01",
        "refs/",
        "@{",
        ".lock",
      ],
    ];
    const paths = fleetPaths("/root-of-fleet/workers");
    let accepted = 0;
    for (let round = 0; round < 10_000; round++) {
      const text = Array.from({ length: 1 + Math.floor(random() * 6) }, () => pick(pieces)).join("");
      for (const [name, parse, strict] of forms) {
        if (thrownBy(() => parse(text)) !== null) continue;
        accepted++;
        expect(text).toMatch(strict);
        const made =
          name === "worker id"
            ? [paths.home(text), paths.worker(text), paths.identity(text), paths.attempt(text, 1).task]
            : name === "repository"
              ? [paths.repo(text), paths.clone("01", text)]
              : [];
        for (const path of made) {
          expect(path.startsWith(`${paths.root}${sep}`)).toBe(true);
          expect(join(path)).toBe(path);
          expect(path.split(sep)).not.toContain("..");
        }
      }
    }
    expect(accepted).toBeGreaterThan(1000);
  });

  test("an attempt's id, there and back", () => {
    for (const [worker, n] of [
      ["01", 1],
      ["a-b", 7],
      ["x-1", 12],
      ["0--", 3],
    ] as const)
      expect(parseAttemptId(attemptId(worker, n))).toEqual({ worker, n });
    for (const text of ["", "01", "01-", "01-0", "01-07", "-1", "01-1 ", "../x-1", "01-1\n", "A-1", "01-1e3", "01--"])
      expect(parseAttemptId(text)).toBeNull();
  });

  test("folders of the control folder are no workers", () => {
    const paths = fleetPaths("/r");
    for (const path of [paths.locks, paths.trash, paths.unsettled, paths.repo("a/b").replace(/\/a\/b\.git$/, "")])
      expect(isWorkerId(path.slice(paths.control.length + 1))).toBe(false);
  });
});

describe("paths", () => {
  const paths = fleetPaths("/r");
  test("the layout is a promise", () => {
    expect(paths.attempt("01", 7)).toMatchObject({
      folder: "/r/.fleet/01/attempts/0007",
      task: "/r/.fleet/01/attempts/0007/task.json",
      birth: "/r/.fleet/01/attempts/0007/birth.json",
      stop: "/r/.fleet/01/attempts/0007/stop.json",
      end: "/r/.fleet/01/attempts/0007/end.json",
      patch: "/r/.fleet/01/attempts/0007/work.patch",
      transcript: "/r/.fleet/01/attempts/0007/transcript.jsonl",
    });
    expect(paths.attempt("01", 12_345).folder).toBe("/r/.fleet/01/attempts/12345");
    expect([paths.home("01"), paths.history, paths.latest("01"), paths.secrets("01")]).toEqual([
      "/r/01",
      "/r/.fleet/history.jsonl",
      "/r/.fleet/01/latest",
      "/r/.fleet/01/secrets.json",
    ]);
  });
  test("A9: spellings of one repository are one folder", () => {
    expect(sameRepo("Acme/Site", "acme/site")).toBe(true);
    expect(sameRepo("acme/site", "acme/sites")).toBe(false);
    expect(paths.repo("Acme/Site")).toBe(paths.repo("acme/site"));
    expect(paths.clone("01", "Acme/Site")).toBe("/r/01/github/acme/site");
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
}
