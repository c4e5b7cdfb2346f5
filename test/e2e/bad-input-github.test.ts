/** What GitHub refuses, and what people write into issues: refused with the reason, or shown harmless. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RepoControl } from "../../src/standin/control.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { type Expected, refused, refusedAsJson, unprintable } from "./refused.ts";

let fleet: TestFleet;
let archived: RepoControl;
const tokenOf = (login: string) => `ghp_token_of_${login}_XXXXXXXXXXXX`;
beforeAll(async () => {
  fleet = await testFleet({ isolation: "none" });
  for (const login of ["rea", "tri", "wil", "stranger"]) fleet.standin.addUser({ login, token: tokenOf(login) });
  const permissions = { rea: "read", tri: "triage", wil: "write" } as const;
  for (const [login, level] of Object.entries(permissions)) fleet.repo.allow(login, level);
  const files = { "README.md": "# Site\n" };
  archived = await fleet.standin.addRepo({ name: "acme/old", files });
  archived.openIssue({ title: "Never mind" });
  archived.set({ archived: true });
  (await fleet.standin.addRepo({ name: "acme/empty" })).openIssue({ title: "Begin" });
  (await fleet.standin.addRepo({ name: "acme/closed-desk", files })).openIssue({ title: "Hidden" });
  fleet.standin.repo("acme/closed-desk").set({ hasIssues: false });
  await fleet.standin.addRepo({ name: "acme/secret", private: true, files, permissions: { wil: "write" } });
  fleet.standin.repo("acme/secret").openIssue({ title: "Secret" });
});
afterAll(async () => {
  expect(await fleet.leftovers()).toEqual([]);
  await fleet.close();
});

const dispatch = (repo: string, issue: number) => ["dispatch", "-r", repo, "-i", String(issue)];
const asked = (code: Expected["code"], message: RegExp, hint: RegExp, calls = 2): Expected => ({
  code,
  message,
  hint,
  calls,
});

describe("refused after reading, with nothing written", () => {
  test("an issue that is not there; a repository that is not there", async () => {
    await refused(
      fleet,
      dispatch("acme/site", 4711),
      asked("notFound", /^issue acme\/site#4711 does not exist/, /check/),
    );
    await refused(fleet, dispatch("acme/nope", 1), asked("notFound", /^repository acme\/nope does not exist/, /check/));
  });

  test("A36: a pull request, a closed issue", async () => {
    await fleet.repo.push({ branch: "patch-1", files: { "x.md": "x\n" } });
    const made = await fetch(`${fleet.standin.url}/repos/acme/site/pulls`, {
      method: "POST",
      headers: { authorization: `Bearer ${fleet.token}`, "user-agent": "a person" },
      body: JSON.stringify({ title: "Mine", head: "patch-1", base: "main" }),
    });
    const { number } = (await made.json()) as { number: number };
    await refused(
      fleet,
      dispatch("acme/site", number),
      asked("usage", /is a pull request, not an issue/, /number of an issue/),
    );
    const closed = fleet.repo.openIssue({ title: "Done" });
    fleet.repo.close(closed);
    await refused(fleet, dispatch("acme/site", closed), asked("usage", /#\d+ is closed/, /reopen it/));
  });

  test("deleted, transferred, issues disabled", async () => {
    const deleted = fleet.repo.openIssue({ title: "Gone" });
    fleet.repo.delete(deleted);
    await refused(fleet, dispatch("acme/site", deleted), asked("notFound", /This issue was deleted/, /another issue/));
    const moved = fleet.repo.openIssue({ title: "Moved" });
    fleet.repo.transfer(moved, fleet.standin.repo("acme/old"));
    await refused(fleet, dispatch("acme/site", moved), asked("notFound", /has moved to another place/, /new name/));
    const desk = dispatch("acme/closed-desk", 1);
    await refused(fleet, desk, asked("notFound", /Issues are disabled/, /enable issues/));
  });

  test("A35: archived, renamed", async () => {
    await refused(fleet, dispatch("acme/old", 1), asked("github", /^acme\/old is archived/, /unarchive/));
    const fault = { status: 301, headers: { location: "/repositories/1" }, body: { message: "Moved Permanently" } };
    const renamed = fleet.standin.inject({ path: /^\/repos\/acme\/before/, times: 8, fault });
    await refused(
      fleet,
      dispatch("acme/before", 1),
      asked("notFound", /^repository acme\/before has moved/, /new name/),
    );
    renamed.remove();
  });

  const issue = () => fleet.repo.openIssue({ title: "For everyone" });
  for (const login of ["rea", "tri"]) {
    test(`no right to push: ${login}`, async () => {
      const env = { GH_TOKEN: tokenOf(login) };
      const expected = asked("auth", /^the GitHub credential may not push to acme\/site/, /read and write/);
      await refused(fleet, dispatch("acme/site", issue()), expected, { env });
    });
  }

  test("a private repository that the token can't see; a token that is none", async () => {
    const env = { GH_TOKEN: tokenOf("stranger") };
    const hidden = asked("notFound", /^repository acme\/secret does not exist, or the token can't see it/, /may read/);
    await refused(fleet, dispatch("acme/secret", 1), hidden, { env });
    const bad = { GH_TOKEN: "ghp_revokedXXXXXXXXXXXXXXXX" };
    const revoked = asked("auth", /^GitHub refuses the credentials: Bad credentials/, /export GH_TOKEN/);
    await refused(fleet, dispatch("acme/site", issue()), revoked, { env: bad });
  });

  test("a limit that is used up: the time of its end, and no second try", async () => {
    const reset = Math.floor(Date.now() / 1000) + 1800;
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) };
    const fault = { status: 403, headers, body: { message: "API rate limit exceeded for user ID 1." } };
    const limit = fleet.standin.inject({ times: 99, fault });
    const when = new RegExp(new Date(reset * 1000).toISOString().replaceAll(".", "\\."));
    await refused(fleet, dispatch("acme/site", issue()), asked("github", /^GitHub's rate limit is used up/, when));
    limit.remove();
  });

  test("nobody there: said within seconds", async () => {
    const dead = await testFleet({ workers: [], isolation: "none" });
    const url = dead.standin.url;
    await dead.close();
    const env = { GITHUB_API_URL: url, GITHUB_SERVER_URL: url };
    const before = performance.now();
    const gone: Expected = { code: "github", message: /^no answer from GitHub/, hint: /connection/ };
    await refusedAsJson(fleet, dispatch("acme/site", 1), gone, { env });
    expect(performance.now() - before).toBeLessThan(15_000);
  });
});

/** Refused once a worker was reserved: the attempt is ended, and on GitHub there is nothing of it. */
async function refusedLate(repo: RepoControl, issue: number, code: number, message: RegExp): Promise<void> {
  const refs = async () => Object.keys(await repo.refs()).filter((ref) => !ref.startsWith("refs/claude-workers/"));
  const before = [repo.labels(issue), repo.comments(issue), await refs()];
  const ran = await fleet.cw([...dispatch(repo.name, issue), "--json"]);
  const { error } = JSON.parse(ran.stderr);
  expect([ran.code, ran.stdout, error.message]).toEqual([code, "", expect.stringMatching(message)]);
  expect(error.hint).toBeString();
  expect([repo.labels(issue), repo.comments(issue), await refs()]).toEqual(before);
  expect((await fleet.cw(["status", "--json"])).json().workers[0].state).toBe("idle");
}

test("marks by people are respected: `blocked`, and the label of a worker, in any case", async () => {
  for (const label of ["blocked", "Blocked", "worker:07", "Worker:07"]) {
    const issue = fleet.repo.openIssue({ title: "Marked", labels: [label] });
    fleet.standin.journal.clear();
    await refusedLate(fleet.repo, issue, 4, new RegExp(`carries the label ${label}`, "i"));
    expect(fleet.standin.journal.calls().filter(({ method }) => method !== "GET")).toEqual([]);
    fleet.repo.unlabel(issue, label);
  }
});

test("a mark that is put between reading and claiming: everything is taken back", async () => {
  const issue = fleet.repo.openIssue({ title: "Marked late" });
  const stale = fleet.standin.inject({ method: "GET", path: /\/issues\/\d+$/, fault: { staleMs: 60_000 } });
  fleet.repo.label(issue, "blocked", "wil");
  await refusedLate(fleet.repo, issue, 4, /carries the label blocked/);
  stale.remove();
  expect((await fleet.claim(issue))[0]?.state).toBe("released");
});

test("a repository without a commit", async () => {
  await refusedLate(fleet.standin.repo("acme/empty"), 1, 7, /^acme\/empty is empty/);
  const ran = await fleet.cw(["dispatch", "-r", "acme/empty", "-p", "Begin."]);
  expect(ran.code).toBe(0);
  const end = await fleet.ended("01");
  expect([end.outcome, end.reason]).toEqual(["refused", expect.stringMatching(/branch main is not there/)]);
});

test("a worker's own label, put by a person, is still there when the dispatch is refused", async () => {
  const issue = fleet.repo.openIssue({ title: "Yours", labels: ["worker:01"] });
  fleet.standin.inject({ method: "POST", path: /\/labels$/, fault: { status: 403, body: { message: "No" } } });
  await refusedLate(fleet.repo, issue, 6, /forbids it \(label worker:01/);
  expect(fleet.repo.labels(issue)).toEqual(["worker:01"]);
  fleet.repo.unlabel(issue, "worker:01");
});

describe("hostile text", () => {
  const evil = [
    ...[
      "\x1b[2J\x1b[31mred",
      "\x1b]0;owned\x07",
      "\x1b]52;c;ZXZpbA==\x1b\\",
      "\x1bPq\x1b\\",
      "\x9b2J\x9d0;x\x9c",
      "\r\nFAKE",
    ],
    ...["back\b\b\b", "\x07bell", "\u202egnp.exe", "zero\u200bwidth\ufeff", "tag\u{e0041}", "nul\0", "\x7f\x85next"],
  ].join(" ");
  /** Output for people: no byte that a terminal obeys. */
  const harmless = (what: string, text: string) =>
    expect([what, unprintable.exec(text)?.[0] ?? null]).toEqual([what, null]);

  test("A6, A25: of a title and a body: one printable line in every view, in the branch, the pull request and the comment", async () => {
    const title = `Mend ${evil} ${"x".repeat(100_000)} $(touch /tmp/owned) ../..`;
    const issue = fleet.repo.openIssue({ title, body: `${evil}\n[[scenario:test-and-commit]]` });
    expect((await fleet.cw(dispatch("acme/site", issue))).code).toBe(0);
    for (const args of [["status"], ["status", "--json"], ["watch", "01"], ["inspect", "01"]])
      harmless(args.join(" "), (await fleet.cw(args)).stdout);
    const end = await fleet.ended("01");
    expect([end.outcome, end.branch]).toEqual(["delivered", `issue-${issue}`]);
    for (const verb of ["history", "logs", "watch", "inspect", "status", "explain"]) {
      const args = verb === "explain" ? [verb, `acme/site#${issue}`] : verb === "history" ? [verb] : [verb, "01"];
      const ran = await fleet.cw(args);
      harmless(args.join(" "), ran.stdout + ran.stderr);
    }
    const pull = fleet.repo.pulls().find((one) => one.head === `issue-${issue}`);
    harmless("title of the pull request", pull?.title ?? "\0");
    expect(pull?.title.length).toBeLessThanOrEqual(256);
    expect(pull?.body).toContain(`Closes #${issue}`);
    harmless(
      "text of the comment",
      fleet.repo
        .comments(issue)
        .map(({ body }) => body.replaceAll("\n", ""))
        .join(""),
    );
    const prompt = readFileSync(join(fleet.attempt("01", Number(end.attempt.split("-")[1])), "prompt.md"), "utf8");
    harmless("prompt", prompt);
  });

  test("A25: in GitHub's own words of a refusal", async () => {
    const fault = { status: 422, body: { message: `No ${evil}`, documentation_url: "https://docs.github.com/rest" } };
    const once = fleet.standin.inject({ path: /\/issues\/\d+$/, times: 9, fault });
    const ran = await fleet.cw(dispatch("acme/site", 1));
    once.remove();
    expect(ran.code).toBe(7);
    harmless("refusal", ran.stderr);
    expect(ran.stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test("A25: a watch over a busy worker shows no such byte either", async () => {
    const issue = fleet.repo.openIssue({ title: `Wait ${evil}`, body: "[[scenario:silent]]" });
    expect((await fleet.cw(dispatch("acme/site", issue))).code).toBe(0);
    const status = await until("the agent is silent", async () => {
      const shown = (await fleet.cw(["status"])).stdout;
      return /agent/.test(shown) ? shown : null;
    });
    harmless("status", status);
    const watching = fleet.start(["watch", "01"]);
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    harmless("watch", await new Response(watching.stdout).text());
    expect(await watching.exited).toBe(8);
    expect((await fleet.cw(["reset", "01"])).code).toBe(0);
    expect(fleet.repo.labels(issue)).toEqual([]);
  });
});
