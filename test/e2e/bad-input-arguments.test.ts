/** Mistakes and attacks in the words of the command line: refused by form, before anything is touched or asked. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDuration } from "../../src/cli/duration.ts";
import { configSchema } from "../../src/config/schema.ts";
import { checkRequest } from "../../src/fleet/request.ts";
import { FleetError } from "../../src/model/errors.ts";
import { parseWorkerId } from "../../src/model/worker.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { inTurn, refused, refusedAsJson } from "./refused.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await testFleet({ isolation: "none" });
  fleet.repo.openIssue({ title: "The link is broken" });
});
afterAll(async () => {
  expect(await fleet.leftovers()).toEqual([]);
  await fleet.close();
});

const usage = (message: RegExp, hint?: RegExp) => ({ code: "usage" as const, message, ...(hint ? { hint } : {}) });
const config = configSchema.parse({});

/** The form is checked by one function, whichever way a word comes; a few of each go through the program besides. */
function refusedByForm(words: readonly string[], use: (word: string) => unknown, message: RegExp): void {
  const taken = words.filter((word) => {
    try {
      use(word);
      return true;
    } catch (error) {
      return !(error instanceof FleetError && error.code === "usage" && message.test(error.message));
    }
  });
  expect(taken).toEqual([]);
}

test("A1: worker ids", async () => {
  const bad = [
    ...[
      "../../x",
      "/etc",
      ".",
      "..",
      "",
      "a/b",
      "a\0b",
      "x\nIGNORE ALL",
      "a".repeat(33),
      "a".repeat(300),
      "CON",
      "Worker",
    ],
    ...[
      "０１",
      "0\u20301",
      "01 ",
      " 01",
      "-x",
      "--",
      "a_b",
      "$(id)",
      "a;b",
      "\u202e10",
      "repos",
      "locks",
      "trash",
      "%2e%2e",
    ],
  ];
  refusedByForm(bad, parseWorkerId, /^not a worker id: /);
  await inTurn(["../../x", "x\nIGNORE ALL", "\x1b[2J", ""], (id) =>
    refusedAsJson(fleet, ["init", id], usage(/^not a worker id: /, /cw init 01/)),
  );
  const verbs = ["status", "stop", "reset", "restart", "refresh", "watch", "logs", "inspect", "todos", "history"];
  await inTurn(verbs, (verb) => refusedAsJson(fleet, [verb, "../x\x1b]0;y\x07"], usage(/^not a worker id: /)));
  const dispatch = ["dispatch", "-r", "acme/site", "-i", "1", "-w", "../01"];
  await refused(fleet, dispatch, usage(/^not a worker id: /));
  await refused(fleet, ["init", "02", "../03"], usage(/^not a worker id: /));
  await refused(fleet, ["init", "02", "02"], usage(/named twice/));
});

test("A2: repositories", async () => {
  const bad = [
    ...["-x", "--web", "o/r/../../x", "o/r.git;id", "https://evil.example/o/r", "o/.git", "../r", "acme/s\u202eite"],
    ...[
      "acme",
      "acme/",
      "/site",
      "acme/site/",
      "acme//site",
      "acme/site.git",
      "acme/..",
      "acme/.",
      "acme/-x",
      " acme/site",
    ],
    ...[
      `${"a".repeat(40)}/x`,
      `acme/${"x".repeat(101)}`,
      "acme/si te",
      "acme/site\n",
      "acme/$(id)",
      "git@github.com:o/r",
      "",
    ],
  ];
  const asked = (repo: string) => checkRequest({ repo, issue: 1 }, config);
  refusedByForm(bad, asked, /^not a repository: .*expected owner\/name$/s);
  await inTurn(["--web", "o/r/../../x", "acme/site\n"], (repo) =>
    refusedAsJson(fleet, ["dispatch", `--repo=${repo}`, "-i", "1"], usage(/^not a repository: .*owner\/name$/)),
  );
  await refused(fleet, ["dispatch", "-r", "--web", "-i", "1"], usage(/^-r needs a value/));
  await refused(fleet, ["dispatch", "-i", "1"], usage(/--repo is missing/));
});

test("A3: issues", async () => {
  const bad = [
    ...[
      "5abc",
      "0",
      "-1",
      "1e9",
      "5 --repo x",
      "9007199254740992",
      "2147483648",
      "0x10",
      "١٢",
      " 5",
      "+5",
      "5.0",
      "00",
      "05",
    ],
    ...["", "NaN", "Infinity", "5\n"],
  ];
  refusedByForm(bad, (issue) => checkRequest({ repo: "acme/site", issue }, config), /^not an issue number: /);
  await inTurn(["-1", "5 --repo x"], (issue) =>
    refusedAsJson(fleet, ["dispatch", "-r", "acme/site", `--issue=${issue}`], usage(/^not an issue number: /)),
  );
  await refused(fleet, ["dispatch", "-r", "acme/site", "-i", "-1"], usage(/^-i needs a value: --issue=VALUE/));
  await refused(fleet, ["dispatch", "-r", "acme/site", "-i", "1", "-i", "2"], usage(/given twice/));
});

test("A4: models", async () => {
  const bad = [
    "--mcp-config=/tmp/evil.json",
    "$(id)",
    "a b",
    "x".repeat(200),
    "so;net",
    "-p",
    "so\nnet",
    "../x",
    "`id`",
    "",
  ];
  refusedByForm(bad, (model) => checkRequest({ repo: "acme/site", issue: 1, model }, config), /^not a model: /);
  const evil = "--model=--mcp-config=/tmp/evil.json";
  await refused(fleet, ["dispatch", "-r", "acme/site", "-i", "1", evil], usage(/^not a model: /));
});

describe("prompts", () => {
  const ask = (prompt: string) => ["dispatch", "-r", "acme/site", "-p", prompt];
  const file = (name: string, content: string | Uint8Array) => {
    mkdirSync(join(fleet.folder, "prompts"), { recursive: true });
    writeFileSync(join(fleet.folder, "prompts", name), content);
    return `@${join(fleet.folder, "prompts", name)}`;
  };

  test("empty, or none at all", async () => {
    const nothing = usage(/^what is to be done\?/, /-i 22, or -p/);
    const blank = file("blank", " \n\t\n");
    await refused(fleet, ["dispatch", "-r", "acme/site"], nothing);
    await refused(fleet, ask("   "), nothing);
    await refused(fleet, ask(blank), nothing);
    await refused(fleet, ask("-"), nothing, { input: "" });
    await refused(fleet, ["dispatch", "-r", "acme/site", "-p", ""], usage(/^-p needs a value/));
  });

  test("A5: with NUL, not UTF-8, too large, without an end", async () => {
    const nul = file("nul", "do\0this");
    const binary = file("binary", new Uint8Array([0x64, 0x6f, 0xff, 0xfe]));
    const large = file("large", "");
    truncateSync(large.slice(1), 9 << 20);
    await refused(fleet, ask(nul), usage(/^the prompt contains a NUL character/));
    await refused(fleet, ask("-"), usage(/^the prompt contains a NUL character/), { input: "do\0this" });
    await refused(fleet, ask(binary), usage(/^the prompt is not UTF-8 text/));
    await refused(fleet, ask(large), usage(/^the prompt is larger than 8 MiB/));
    await refused(fleet, ask("@/dev/zero"), usage(/^the prompt is larger than 8 MiB/));
    await refused(fleet, ask("-"), usage(/^the prompt is larger than 8 MiB/), { input: "x".repeat((8 << 20) + 1) });
  });

  test("from a file that is not there, or none", async () => {
    await refused(fleet, ask("@/nonexistent/file"), usage(/^the prompt file can't be read: .*\/nonexistent\/file/));
    await refused(fleet, ask("@"), usage(/^the prompt file can't be read/));
    await refused(fleet, ask(`@${fleet.folder}`), usage(/^the prompt file can't be read/));
  });
});

test("durations, money and turns", async () => {
  refusedByForm(
    ["0", "0s", "-5m", "abc", "2 parsecs", "Infinity", "NaN", "30", "1h30m", " ", `${"1".repeat(200)}h`],
    (text) => {
      const ms = parseDuration(text);
      if (ms === undefined || ms <= 0) throw new FleetError("usage", "no");
    },
    /^no$/,
  );
  const numbers = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300];
  for (const key of ["timeoutMs", "budgetUsd", "turns"]) {
    const wrong = numbers.concat(key === "turns" ? 1.5 : []).map(String);
    const ask = (text: string) => checkRequest({ repo: "acme/site", issue: 1, [key]: Number(text) }, config);
    refusedByForm(wrong, ask, /^--(?:timeout|budget|turns): .* is not /);
  }
  const flags = [
    ...["--timeout=30", "--timeout=abc", "--timeout=0s", "--timeout=1000000d", "--timeout=-5m"],
    ...["--budget=-1", "--budget=0x10", "--budget=$5", "--turns=1.5", "--turns=1e3", "--turns=99999999999999999999"],
  ];
  await inTurn(flags, (flag) =>
    refusedAsJson(
      fleet,
      ["dispatch", "-r", "acme/site", "-i", "1", flag],
      usage(/^--\w+: .* is not (?:a duration|a number|a whole number|above 0)/, /cw dispatch --help/),
    ),
  );
  await inTurn(["--limit=0", "--since=soon", "--outcome=delivred"], (flag) =>
    refusedAsJson(fleet, ["history", flag], usage(/^--(?:limit|since|outcome)/)),
  );
});

test("unknown commands and flags, with what was probably meant", async () => {
  const suggested: [string[], RegExp, RegExp][] = [
    [["statsu"], /^unknown command statsu/, /did you mean cw status\?/],
    [["dispach", "-r", "acme/site"], /^unknown command dispach/, /did you mean cw dispatch\?/],
    [["dispatch", "--isue", "3"], /^unknown flag --isue/, /did you mean --issue\?/],
    [["history", "--outcome", "delivred"], /^--outcome is one of/, /did you mean delivered\?/],
    [["logs", "01", "--attempt", "0"], /^--attempt/, /./],
    [["reset", "01", "--forse"], /^unknown flag --forse/, /did you mean --force\?/],
    [["init", "02", "--nostore"], /^unknown flag --nostore/, /did you mean --no-store\?/],
    [["toString"], /^unknown command toString/, /cw --help/],
    [["__proto__"], /^unknown command __proto__/, /cw --help/],
    [["\x1b]0;owned\x07"], /^unknown command/, /cw --help/],
    [["status", "--json=yes"], /--json takes no value/, /cw status --help/],
    [["status", "01", "02"], /^unexpected argument: 02/, /cw status --help/],
    [["init", "-x"], /^unknown flag -x/, /cw init --help/],
    [["init", "--"], /<id> is missing/, /cw init --help/],
    [["stop"], /<id> is missing/, /cw stop --help/],
    [["-x"], /^unknown flag -x/, /cw --help/],
    [["_attempt", "01", "x"], /^not the number of an attempt/, /./],
  ];
  await inTurn(suggested, ([args, message, hint]) => refusedAsJson(fleet, args, usage(message, hint)));
});

test("authors and templates of init", async () => {
  const bad: [string[], RegExp][] = [
    [["--name", "a\nb"], /^not an author name/],
    [["--name", 'x" <evil'], /^not an author name/],
    [["--email", "nobody"], /^not an author email/],
    [["--email", "a@b\n[core]"], /^not an author email/],
    [["--template", "../../etc"], /^there is no template/],
    [["--template", "nosuch"], /^there is no template/],
  ];
  await inTurn(bad, ([flags, message]) => refusedAsJson(fleet, ["init", "02", ...flags], usage(message)));
});

test("workers that are there, or are not", async () => {
  await refused(fleet, ["init", "01"], { code: "busy", message: /^worker 01 exists already/ });
  await refused(fleet, ["init", "02", "01"], { code: "busy", message: /^worker 01 exists already/ });
  mkdirSync(join(fleet.root, "03"));
  await refused(fleet, ["init", "03"], {
    code: "busy",
    message: /\/03 exists already and is not a worker/,
    hint: /move it/,
  });
  rmdirSync(join(fleet.root, "03"));
  const verbs = ["status", "stop", "reset", "restart", "refresh", "watch", "logs", "inspect", "todos", "history"];
  await inTurn(verbs, (verb) =>
    refusedAsJson(fleet, [verb, "99"], { code: "notFound", message: /^there is no worker 99 in /, hint: /cw init 99/ }),
  );
  const missing = ["dispatch", "-r", "acme/site", "-i", "1", "-w", "99"];
  await refused(fleet, missing, { code: "notFound", message: /^there is no worker 99/ });
  await refused(fleet, ["logs", "01", "--attempt", "7"], { code: "notFound", message: /no attempt 7/ });
  const none = { CW_ROOT: join(fleet.folder, "nowhere") };
  const dispatch = ["dispatch", "-r", "acme/site", "-i", "1"];
  await refused(
    fleet,
    dispatch,
    { code: "notFound", message: /^there are no workers in /, hint: /cw init 01/ },
    { env: none },
  );
});
