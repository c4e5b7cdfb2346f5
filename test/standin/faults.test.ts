/** Scripted failures strike where and as often as told, and say honestly whether something happened. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { connect } from "node:net";
import { until } from "../system/processes.ts";
import { GitClient } from "./clone.ts";
import { type Site, startSite, tokenOf } from "./site.ts";

let site: Site;
beforeEach(async () => {
  site = await startSite();
});
afterEach(() => site.github.close());

const repo = "/repos/acme/site";

async function lost(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => false,
    () => true,
  );
}

test("a scripted answer comes instead of acting, as often as told", async () => {
  const { github, ask } = site;
  const number = github.repo("acme/site").openIssue({ title: "x" });
  const path = `${repo}/issues/${number}/comments`;
  const body = { message: "You have exceeded a secondary rate limit" };
  const fault = github.inject({
    method: "POST",
    path: /\/comments$/,
    skip: 1,
    times: 2,
    fault: { status: 403, headers: { "retry-after": "7" }, body },
  });
  const answers = [];
  for (const text of ["a", "b", "c", "d"]) answers.push(await ask("POST", path, { body: text }));
  expect(answers.map((answer) => answer.status)).toEqual([201, 403, 403, 201]);
  expect([answers[1]?.headers.get("retry-after"), answers[1]?.body.message]).toEqual(["7", body.message]);
  expect(github.repo("acme/site").comments(number)).toHaveLength(2);
  expect(fault.fired).toBe(2);
  expect(github.journal.calls({ method: "POST", status: 403 }).every((entry) => entry.faulty)).toBe(true);
});

test("a fault may be meant for one page of a list", async () => {
  const { github, ask } = site;
  const number = github.repo("acme/site").openIssue({ title: "Long" });
  for (const text of ["a", "b", "c"]) github.repo("acme/site").comment(number, text);
  const fault = github.inject({ query: /[?&]page=2(?:&|$)/, fault: { status: 502 } });
  const page = async (n: number) =>
    (await ask("GET", `/repos/acme/site/issues/${number}/comments?per_page=1&page=${n}`)).status;
  expect([await page(1), await page(20), await page(2), await page(2)]).toEqual([200, 200, 502, 200]);
  expect(fault.fired).toBe(1);
});

test("drop: nothing happened; drop-after: it happened and the reply is lost", async () => {
  const { github, ask } = site;
  const control = github.repo("acme/site");
  const number = control.openIssue({ title: "x" });
  const path = `${repo}/issues/${number}/comments`;
  github.inject({ path: /comments/, fault: "drop" });
  expect(await lost(ask("POST", path, { body: "never" }))).toBe(true);
  expect(control.comments(number)).toEqual([]);
  github.inject({ path: /comments/, fault: "drop-after" });
  expect(await lost(ask("POST", path, { body: "once" }))).toBe(true);
  expect(control.comments(number).map((comment) => comment.body)).toEqual(["once"]);
  const calls = github.journal.calls({ method: "POST" });
  expect(calls.map((entry) => entry.status)).toEqual([0, 0]);
  expect(calls[1]?.response).toMatchObject({ body: "once" });
});

test("a truncated answer is half a body, a removed fault strikes no more", async () => {
  const { github, ask } = site;
  github.inject({ path: /\/issues$/, fault: { truncate: true } });
  expect(await lost(ask("GET", `${repo}/issues?state=all`).then((answer) => answer.body))).toBe(true);
  const fault = github.inject({ login: "wil", fault: { status: 500 } });
  expect((await ask("GET", repo)).status).toBe(200);
  fault.remove();
  expect((await ask("GET", repo, undefined, "wil")).status).toBe(200);
  expect(fault.fired).toBe(0);
});

test("a delay answers late; closing does not wait for it", async () => {
  const { github, ask } = site;
  github.inject({ path: /\/issues/, fault: { delayMs: 60 } });
  const before = performance.now();
  expect((await ask("GET", `${repo}/issues`)).status).toBe(200);
  expect(performance.now() - before).toBeGreaterThan(55);
  github.inject({ fault: { delayMs: 600_000 } });
  const pending = lost(ask("GET", repo));
  while (github.journal.calls().length === 0) await Bun.sleep(1);
  await github.close();
  expect(await pending).toBe(true);
});

test("a delayed request of a client that was killed meanwhile is carried out, and noted", async () => {
  const { github } = site;
  const number = github.repo("acme/site").openIssue({ title: "x" });
  const path = `${repo}/issues/${number}/comments`;
  const slow = github.inject({ method: "POST", path: /comments$/, fault: { delayMs: 300 } });
  const body = JSON.stringify({ body: "said by the dead" });
  const client = connect(Number(new URL(github.url).port), "127.0.0.1");
  const lines = [
    `POST ${path} HTTP/1.1`,
    "host: local",
    "user-agent: one",
    `authorization: Bearer ${tokenOf("acme")}`,
    `content-length: ${body.length}`,
  ];
  client.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
  await until(() => slow.fired > 0, "the request is under way", 3000);
  client.destroy();
  await until(() => github.journal.entries.length > 0, "it was carried out", 3000);
  expect(github.journal.calls({ status: 201, path }).map((entry) => entry.faulty)).toEqual([true]);
  expect(github.repo("acme/site").comments(number)).toMatchObject([{ body: "said by the dead" }]);
});

test("a delayed push whose client was killed meanwhile is carried out, and noted", async () => {
  const { github } = site;
  const git = new GitClient(github.url, tokenOf("wil"));
  try {
    const folder = await git.clone("acme/site", "site");
    const pushes = () => github.journal.calls({ kind: "git" }).filter(({ phase }) => phase === "receive");
    const slow = github.inject({ git: "receive", fault: { delayMs: 600 } });
    const push = git.start(["push", "-q", "origin", "HEAD:refs/heads/late"], folder);
    await until(() => slow.fired > 0, "the request is under way", 3000);
    // What it pushes comes after the head of its request, by which the fault is told.
    await Bun.sleep(150);
    process.kill(-push.pid, "SIGKILL");
    await push.exited;
    expect(pushes()).toEqual([]);
    await until(() => pushes().length > 0, "it was carried out", 3000);
    expect(pushes().map(({ status, faulty }) => [status, faulty])).toEqual([[200, true]]);
    expect(Object.keys(await github.repo("acme/site").refs("refs/heads/late"))).toEqual(["refs/heads/late"]);
  } finally {
    git.close();
  }
});

test("a stale list is the state of the injection, for that time", async () => {
  const { github, ask } = site;
  const control = github.repo("acme/site");
  const number = control.openIssue({ title: "x" });
  const fault = github.inject({ method: "GET", path: /\/issues/, fault: { staleMs: 60_000 } });
  await ask("POST", `${repo}/issues/${number}/labels`, { labels: ["worker:01"] });
  expect((await ask("GET", `${repo}/issues`)).body[0].labels).toEqual([]);
  expect((await ask("GET", `${repo}/issues/${number}`)).body.labels).toEqual([]);
  expect(control.labels(number)).toEqual(["worker:01"]);
  fault.remove();
  expect((await ask("GET", `${repo}/issues`)).body[0].labels).toHaveLength(1);
});

test("git faults strike one phase of the protocol", async () => {
  const { github } = site;
  const git = new GitClient(github.url, tokenOf("wil"));
  try {
    const folder = await git.clone("acme/site", "site");
    const push = (branch: string) => git.run(["push", "origin", `HEAD:refs/heads/${branch}`], folder);
    github.inject({ git: "advertise", fault: { status: 503, body: "down" } });
    expect((await push("one")).code).not.toBe(0);
    // git itself sends a request once more when a kept connection dies without an answer.
    github.inject({ git: "receive", times: 2, fault: "drop" });
    expect((await push("two")).code).not.toBe(0);
    github.inject({ git: "receive", times: 2, fault: "drop-after" });
    expect((await push("three")).code).not.toBe(0);
    github.inject({ git: "upload", fault: { truncate: true } });
    expect((await git.run(["clone", "-q", git.url("acme/site"), "half"])).code).not.toBe(0);
    const branches = Object.keys(await github.repo("acme/site").refs("refs/heads/"));
    expect(branches).toEqual(["refs/heads/main", "refs/heads/three"]);
    expect((await git.run(["clone", "-q", git.url("acme/site"), "whole"])).code).toBe(0);
  } finally {
    git.close();
  }
});
