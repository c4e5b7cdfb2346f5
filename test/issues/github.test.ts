/** The client of GitHub over HTTP: what is asked twice happens once, and every refusal has its reason and its hint. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Fault } from "../../src/standin/faults.ts";
import { type Client, failure, quick, startClient } from "./site.ts";

let site: Client;
beforeEach(async () => {
  site = await startClient();
});
afterEach(() => site.github.close());
const repo = "acme/site";
const control = () => site.github.repo(repo);

describe("comments", () => {
  const marker = "claude-workers:fleet:01-1";
  const upsert = (text: string) => site.client.upsertComment(repo, site.issue, marker, text);

  test("A62: said twice is one comment, with the last text", async () => {
    const urls = [await upsert("First."), await upsert("First."), await upsert("Second.")];
    expect(new Set(urls).size).toBe(1);
    expect(control().comments(site.issue)).toMatchObject([{ body: `<!-- ${marker} -->\nSecond.` }]);
    expect(site.github.journal.calls({ method: "POST", path: /comments/ })).toHaveLength(1);
  });

  const lost: [string, Fault["fault"], number][] = [
    ["a lost reply", "drop-after", 1],
    ["half a reply", { truncate: true }, 1],
    ["a reply without a body", { empty: true }, 1],
  ];
  for (const [name, fault, count] of lost) {
    test(`${name} is looked up, not repeated`, async () => {
      site.github.inject({ method: "POST", path: /comments/, fault });
      expect(await upsert("Text.")).toContain("#issuecomment-");
      expect(control().comments(site.issue)).toHaveLength(count);
      expect(site.github.journal.calls({ method: "POST", path: /comments/ })).toHaveLength(1);
    });
  }

  test("a list that comes without a body is no empty list", async () => {
    await upsert("First.");
    site.github.inject({ method: "GET", path: /comments/, fault: { empty: true } });
    await upsert("Second.");
    expect(control().comments(site.issue)).toMatchObject([{ body: `<!-- ${marker} -->\nSecond.` }]);
  });

  test("found behind a thousand of other people's", async () => {
    for (let at = 0; at < 1000; at++) control().comment(site.issue, `Number ${at}`);
    const urls = [await upsert("Ours."), await upsert("Ours again.")];
    expect(new Set(urls).size).toBe(1);
    expect(control().comments(site.issue)).toHaveLength(1001);
  });

  test("another's words after the marker are not taken for ours", async () => {
    control().comment(site.issue, `I saw <!-- ${marker} --> somewhere`);
    await upsert("Ours.");
    expect(control().comments(site.issue)).toHaveLength(2);
  });

  test("found on the third page; a page that fails is an error, not the end of the list", async () => {
    await upsert("Ours.");
    for (let at = 0; at < 250; at++) control().comment(site.issue, `Number ${at}`);
    expect(await site.client.comments(repo, site.issue, 1000)).toHaveLength(251);
    expect(await site.client.comments(repo, site.issue, 100)).toHaveLength(100);
    site.github.inject({ path: /comments/, skip: 1, times: 3, fault: { status: 500, body: { message: "Oops" } } });
    const error = await failure(site.client.comments(repo, site.issue, 1000));
    expect(error).toMatchObject({ code: "github", message: expect.stringContaining("500") });
    await upsert("Ours again.");
    expect(control().comments(site.issue)).toHaveLength(251);
  });
});

test("a wall clock that is set back again and again makes no request wait, nor its repetition", async () => {
  const { now } = Date;
  let back = 0;
  Date.now = () => {
    back += 3_600_000;
    return now() - back;
  };
  try {
    const fault = site.github.inject({ method: "GET", path: /issues/, times: 2, fault: { status: 502 } });
    expect(await site.client.issue(repo, site.issue)).toMatchObject({ number: site.issue });
    expect(fault.fired).toBe(2);
  } finally {
    Date.now = now;
  }
}, 10_000);

describe("labels", () => {
  test("are one whatever the case, and are taken off so", async () => {
    control().createLabel("Worker:01");
    expect(await site.client.addLabel(repo, site.issue, "worker:01")).toEqual(["Worker:01"]);
    expect((await site.client.issue(repo, site.issue)).labels).toEqual(["Worker:01"]);
    await site.client.removeLabel(repo, site.issue, "worker:01");
    await site.client.removeLabel(repo, site.issue, "worker:01");
    expect(control().labels(site.issue)).toEqual([]);
  });

  test("a wrong 404, said twice, leaves no label behind", async () => {
    await site.client.addLabel(repo, site.issue, "worker:01");
    const off = site.github.inject({ method: "DELETE", path: /labels/, fault: { status: 404 } });
    const look = site.github.inject({ method: "GET", path: /issues\/\d+$/, fault: { status: 404 } });
    const removed = site.client.removeLabel(repo, site.issue, "worker:01");
    await expect(removed).rejects.toThrow("does not let the token write");
    expect([off.fired, look.fired, control().labels(site.issue)]).toEqual([1, 1, ["worker:01"]]);
    // What finishes an attempt that is over asks so, before it calls it settled: torture, GitHub chaos, seeds 18 and 23.
    site.github.inject({ method: "GET", path: /issues\/\d+$/, fault: { status: 404 } });
    expect(await site.client.hasLabel(repo, site.issue, "Worker:01")).toBe(true);
    await site.client.removeLabel(repo, site.issue, "worker:01");
    expect(control().labels(site.issue)).toEqual([]);
  });

  test("an issue that is gone carries none", async () => {
    await site.client.removeLabel(repo, 4711, "worker:01");
    expect(await site.client.hasLabel(repo, 4711, "worker:01")).toBe(false);
  });
});

describe("an issue of which GitHub says 404", () => {
  const missing = (path: RegExp) => site.github.inject({ method: "GET", path, times: 9, fault: { status: 404 } });
  const asked = () => site.client.issueWith(repo, site.issue, "worker:01");

  test("is as a list has it: open with its label, or closed", async () => {
    await site.client.addLabel(repo, site.issue, "worker:01");
    const before = await site.client.issue(repo, site.issue);
    missing(/issues\/\d+$/);
    expect(await asked()).toEqual(before);
    control().close(site.issue);
    expect(await asked()).toEqual({ ...before, open: false });
  });

  test("does not exist where a list lacks it", async () => {
    missing(/issues\/\d+$/);
    expect(await failure(asked())).toMatchObject({
      code: "notFound",
      message: expect.stringContaining("#1 does not exist"),
    });
  });

  test("may be there where no list is given either: asked again later", async () => {
    await site.client.addLabel(repo, site.issue, "worker:01");
    missing(/issues/);
    expect(await failure(asked())).toMatchObject({ code: "github", message: expect.stringContaining("can't see it") });
  });

  test("301 and 410 are GitHub's last word: no list is asked", async () => {
    for (const status of [301, 410]) {
      const gone = site.github.inject({ method: "GET", path: /issues\/\d+$/, fault: { status } });
      expect(await failure(asked())).toMatchObject({ code: "notFound" });
      expect([gone.fired, site.github.journal.calls({ path: /issues$/ })]).toEqual([1, []]);
    }
  });
});

test("a new issue whose reply comes without a body is looked up among the newest", async () => {
  site.github.inject({ method: "POST", path: /issues$/, fault: { empty: true } });
  const asked = { marker: "claude-workers:1", title: "Proposed", text: "Text." };
  const made = await site.client.openIssue(repo, asked, new AbortController().signal);
  expect((await site.client.issue(repo, made.number)).title).toBe("Proposed");
  expect(await site.client.openTitles(repo)).toHaveLength(2);
});

describe("pull requests", () => {
  const pull = { title: "Mend the link", body: "Closes #1", branch: "issue-1", base: "main", head: "" };
  beforeEach(async () => {
    pull.head = await control().push({ branch: "issue-1", files: { "README.md": "# Better\n" } });
  });

  test("A62: opened once, then adopted", async () => {
    const first = await site.client.openPull(repo, pull);
    const second = await site.client.openPull(repo, pull);
    expect([first.adopted, second.adopted, second.pull.number]).toEqual([false, true, first.pull.number]);
    expect(control().pulls()).toHaveLength(1);
  });

  test("one of that commit that people have closed is not opened again; one of other commits does not count", async () => {
    const first = await site.client.openPull(repo, pull);
    control().close(first.pull.number);
    expect(await site.client.openPull(repo, pull)).toMatchObject({ adopted: true, pull: { open: false } });
    const head = await control().push({ branch: "issue-1", files: { "README.md": "# Better still\n" } });
    const second = await site.client.openPull(repo, { ...pull, head });
    expect([second.adopted, second.pull.number === first.pull.number]).toEqual([false, false]);
  });

  const unclear: [string, Fault["fault"], number][] = [
    ["a lost reply", "drop-after", 1],
    ["half a reply", { truncate: true }, 1],
    ["a connection that breaks before it is heard", "drop", 2],
    ["a 500", { status: 500, body: { message: "Oops" } }, 2],
    ["a 422 since the branch is not seen yet", { status: 422, body: { message: "Validation Failed" } }, 2],
  ];
  for (const [name, fault, sent] of unclear) {
    test(`${name}: one pull request`, async () => {
      site.github.inject({ method: "POST", path: /\/pulls$/, fault });
      const opened = await site.client.openPull(repo, pull);
      expect(control().pulls()).toMatchObject([{ number: opened.pull.number, head: "issue-1" }]);
      const calls = site.github.journal.calls({ path: /\/pulls$/ }).map(({ method }) => method);
      // Looked for before each sending, and after the last one that was not answered.
      expect(calls.join(" ")).toBe(sent === 1 ? "GET POST GET" : "GET POST GET POST");
    });
  }

  test("a refusal that stays is told in GitHub's words", async () => {
    const body = { message: "Validation Failed", errors: [{ message: "No commits between main and issue-1" }] };
    site.github.inject({ method: "POST", path: /\/pulls$/, times: 9, fault: { status: 422, body } });
    const error = await failure(site.client.openPull(repo, pull));
    expect(error.message).toContain("No commits between main and issue-1");
    expect(site.github.journal.calls({ method: "POST", path: /\/pulls$/ })).toHaveLength(3);
  });
});

describe("refusals", () => {
  const soon = Math.floor(Date.now() / 1000) + 3600;
  const primary = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(soon) };
  const secondary = { message: "You have exceeded a secondary rate limit. Please wait a few minutes" };
  const table: [string, Fault["fault"], string, RegExp, RegExp][] = [
    ["401", { status: 401, body: { message: "Bad credentials" } }, "auth", /Bad credentials/, /GH_TOKEN/],
    ["403", { status: 403, body: { message: "Resource not accessible" } }, "auth", /not accessible/, /read and write/],
    [
      "403, limit used up",
      { status: 403, headers: primary, body: { message: "limit" } },
      "github",
      /limit/,
      /after 20/,
    ],
    ["429, wait", { status: 429, headers: { "retry-after": "77" }, body: secondary }, "github", /secondary/, /in 77 s/],
    ["403, wait", { status: 403, headers: { "retry-after": "77" }, body: secondary }, "github", /secondary/, /in 77 s/],
    ["429, a proxy's", { status: 429, headers: { "retry-after": "77" }, body: "slow" }, "github", /slow/, /in 77 s/],
    ["404", { status: 404, body: { message: "Not Found" } }, "notFound", /does not exist/, /check the name/],
    ["410", { status: 410, body: { message: "This issue was deleted" } }, "notFound", /was deleted/, /./],
    ["301", { status: 301, headers: { location: "/x" }, body: { message: "Moved" } }, "notFound", /moved/, /new name/],
  ];
  for (const [name, fault, code, message, hint] of table) {
    test(`${name}: ${code}, asked once`, async () => {
      site.github.inject({ method: "GET", path: /\/issues\/\d+$/, times: 9, fault });
      const error = await failure(site.client.issue(repo, site.issue));
      expect(error).toMatchObject({ code });
      expect(error.message).toMatch(message);
      expect(error.hint ?? "").toMatch(hint);
      expect(site.github.journal.calls()).toHaveLength(1);
    });
  }

  const failing: [string, Fault["fault"]][] = [
    ["500", { status: 500, body: { message: "Oops" } }],
    ["503 with a page", { status: 503, headers: { "content-type": "text/html" }, body: "<html>down</html>" }],
    ["half an answer", { truncate: true }],
    ["an answer that is not JSON", { status: 200, body: "<html>Please sign in</html>" }],
    ["an answer without a body", { empty: true }],
    ["an empty 200 of something in between", { status: 200 }],
    ["a connection that breaks", "drop"],
    ["a lost answer", "drop-after"],
    ["no answer in time", { delayMs: 60_000 }],
  ];
  for (const [name, fault] of failing) {
    const client = () => site.as("acme", { ...quick, requestMs: 100 });
    test(`${name} of a read: read again, up to a limit`, async () => {
      site.github.inject({ method: "GET", path: /\/issues\/\d+$/, times: 2, fault });
      expect((await client().issue(repo, site.issue)).number).toBe(site.issue);
      site.github.inject({ method: "GET", path: /\/issues\/\d+$/, times: 99, fault });
      const error = await failure(client().issue(repo, site.issue));
      expect(error).toMatchObject({ code: "github", hint: expect.stringMatching(/try again/) });
      // Three for each call; fetch itself asks once more when a connection that it had kept breaks.
      expect(site.github.journal.calls({ method: "GET" }).length).toBeLessThanOrEqual(8);
    });
  }

  test("a wait that GitHub asks for is kept to the second, then the call goes through; of a write, too", async () => {
    const fault = { status: 403, headers: { "retry-after": "1" }, body: secondary };
    site.github.inject({ method: "POST", path: /labels/, fault });
    const before = performance.now();
    expect(await site.client.addLabel(repo, site.issue, "worker:01")).toEqual(["worker:01"]);
    expect(performance.now() - before).toBeGreaterThan(990);
    expect(site.github.journal.calls({ method: "POST" })).toHaveLength(2);
  });

  test("while a wait lasts that is too long for us, nobody with that token asks anything", async () => {
    const fault = { status: 429, headers: { "retry-after": "2" }, body: secondary };
    site.github.inject({ method: "GET", path: /\/issues\/\d+$/, fault });
    const began = performance.now();
    expect(await failure(site.client.issue(repo, site.issue))).toMatchObject({
      code: "github",
      hint: "try again in 2 s",
    });
    const other = failure(site.as("acme").repository(repo));
    expect(await other).toMatchObject({ code: "github", hint: expect.stringMatching(/again in [12] s/) });
    expect(site.github.journal.calls()).toHaveLength(1);
    // Another's token has a limit of its own.
    expect((await site.as("wil").repository(repo)).mayPush).toBe(true);
    expect((await site.as("acme", { ...quick, longestWaitMs: 5000 }).repository(repo)).mayPush).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(1990);
  });

  test("a write that is refused names the right that is missing, also where GitHub says 404", async () => {
    site.github.inject({ method: "POST", path: /labels/, fault: { status: 404, body: { message: "Not Found" } } });
    const error = await failure(site.client.addLabel(repo, site.issue, "worker:01"));
    expect(error).toMatchObject({ code: "auth", hint: expect.stringContaining("read and write") });
  });

  test("what the operator may not see does not exist", async () => {
    expect(await failure(site.as("stranger").repository("acme/secret"))).toMatchObject({ code: "notFound" });
    expect((await site.as("tri").repository(repo)).mayPush).toBe(false);
    expect((await site.as("wil").repository(repo)).mayPush).toBe(true);
  });
});

test("nobody at the other end: the address is not blamed on the issue", async () => {
  const gone = site.client;
  await site.github.close();
  const error = await failure(gone.issue(repo, 1));
  expect(error).toMatchObject({ code: "github", hint: expect.stringContaining("connection") });
});
