/** What every answer carries: conditional requests, budget, clock, journal; and that nothing is left after close. */
import { afterAll, beforeAll, expect, spyOn, test } from "bun:test";
import { existsSync } from "node:fs";
import { Octokit } from "@octokit/rest";
import { startStandin } from "../../src/standin/standin.ts";
import { type Site, startSite, tokenOf } from "./site.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.github.close());

const repo = "/repos/acme/site";

test("an unchanged answer is a 304 that costs nothing; tags belong to a token", async () => {
  const { github, ask } = site;
  const first = await ask("GET", `${repo}/issues`, undefined, "mara");
  const tag = first.headers.get("etag") ?? "";
  const used = first.headers.get("x-ratelimit-used");
  const again = await ask("GET", `${repo}/issues`, undefined, "mara", { "if-none-match": tag });
  expect([again.status, again.body, again.headers.get("x-ratelimit-used")]).toEqual([304, undefined, used]);
  expect((await ask("GET", `${repo}/issues`, undefined, "wil", { "if-none-match": tag })).status).toBe(200);
  github.repo("acme/site").openIssue({ title: "New" });
  expect((await ask("GET", `${repo}/issues`, undefined, "mara", { "if-none-match": tag })).status).toBe(200);
});

test("a user's budget is counted, told, and ends", async () => {
  const github = await startStandin({
    users: [{ login: "acme", token: ["token-one", "token-two"] }],
    repos: [{ name: "acme/site", files: { a: "a" } }],
    rateLimit: 3,
  });
  const get = (token: string, path = repo) =>
    fetch(`${github.url}${path}`, { headers: { authorization: `token token-${token}` } });
  try {
    for (const token of ["one", "two", "one"]) expect((await get(token)).status).toBe(200);
    const over = await get("two");
    expect([over.status, over.headers.get("x-ratelimit-remaining")]).toEqual([403, "0"]);
    expect(((await over.json()) as { message: string }).message).toStartWith("API rate limit exceeded for user ID");
    const told = (await (await get("one", "/rate_limit")).json()) as { rate: object };
    expect(told.rate).toMatchObject({ limit: 3, used: 3, remaining: 0 });
    github.advance(3_601_000);
    expect((await get("one")).status).toBe(200);
  } finally {
    await github.close();
  }
});

test("the journal shows who asked what, and never a token", async () => {
  const { github, ask } = site;
  github.journal.clear();
  const token = tokenOf("wil");
  await ask("POST", `${repo}/issues`, { title: "Leak", body: `my token is ${token}` }, "wil");
  await fetch(`${github.url}${repo}/issues?q=${token}`, { headers: { authorization: `Bearer ${token}` } });
  expect(JSON.stringify(github.journal.entries)).not.toContain(token);
  const [entry] = github.journal.calls({ method: "POST", login: "wil", path: /\/issues$/ });
  expect(entry?.body).toEqual({ title: "Leak", body: "my token is <token of wil>" });
  expect([entry?.status, entry?.headers["authorization"]]).toEqual([201, "Bearer"]);
  expect(entry?.response).toMatchObject({ title: "Leak" });
});

test("Octokit works against it, also under the prefix of an Enterprise Server", async () => {
  for (const prefix of ["", "/api/v3"]) {
    const octokit = new Octokit({ baseUrl: `${site.github.url}${prefix}`, auth: tokenOf("acme") });
    const place = { owner: "acme", repo: "site" };
    const { data } = await octokit.rest.issues.create({ ...place, title: "By Octokit" });
    for (let at = 0; at < 3; at++) {
      await octokit.rest.issues.createComment({ ...place, issue_number: data.number, body: `${at}` });
    }
    const comments = await octokit.paginate(octokit.rest.issues.listComments, {
      ...place,
      issue_number: data.number,
      per_page: 1,
    });
    expect(comments.map((comment) => comment.body)).toEqual(["0", "1", "2"]);
    const { repository } = await octokit.graphql<{ repository: { issue: { title: string } } }>(
      'query($n: Int!) { repository(owner: "acme", name: "site") { issue(number: $n) { title } } }',
      { n: data.number },
    );
    expect(repository.issue.title).toBe("By Octokit");
  }
});

test("GraphQL tells who edited an issue when, and what it does not know", async () => {
  const { github, ask } = site;
  const control = github.repo("acme/site");
  const number = control.openIssue({ title: "Edited", body: "before", by: "stranger" });
  const fields = "lastEditedAt editor { login } author { login ... on User { url } }";
  const query = `query Q($number: Int!) {
    place: repository(owner: "acme", name: "site") { viewerPermission issue(number: $number) { ${fields} } }
  }`;
  const read = async () => (await ask("POST", "/graphql", { query, variables: { number } }, "tri")).body.data.place;
  expect(await read()).toMatchObject({ viewerPermission: "TRIAGE", issue: { lastEditedAt: null, editor: null } });
  control.edit(number, { body: "after" }, "mara");
  const { issue } = await read();
  expect([issue.editor.login, issue.author.login]).toEqual(["mara", "stranger"]);
  expect(issue.lastEditedAt).toMatch(/^\d{4}-.*:\d\dZ$/);
  const errors = async (text: string, as: "acme" | "stranger" = "acme") =>
    (await ask("POST", "/graphql", { query: text }, as)).body.errors[0];
  expect((await errors('{ repository(owner: "acme", name: "site") { stars } }')).message).toBe(
    "Field 'stars' doesn't exist on type 'Repository'",
  );
  expect((await errors('{ repository(owner: "acme", name: "secret") { name } }', "stranger")).type).toBe("NOT_FOUND");
  expect((await errors('{ repository(owner: "acme", name: "site") { issue(number: 9999) { title } } }')).type).toBe(
    "NOT_FOUND",
  );
  expect((await errors("{ repository(")).message).toContain("end of the query");
  expect((await errors("mutation { x }")).message).toContain("mutation");
  expect((await ask("POST", "/graphql", { query: "{ viewer { login } }" }, null)).status).toBe(401);
});

test("after close nothing is left; a folder that was given stays", async () => {
  const github = await startStandin({ repos: [{ name: "acme/site", files: { a: "a" } }] });
  expect(existsSync(github.folder)).toBe(true);
  await github.close();
  expect(existsSync(github.folder)).toBe(false);
  await expect(fetch(github.url)).rejects.toThrow();
});

test("it is up at once: waits for no clock, and answers as soon as it is returned", async () => {
  const timers = spyOn(globalThis, "setTimeout");
  const github = await startStandin({ repos: [{ name: "acme/site", files: { a: "a" } }] });
  const waited = timers.mock.calls.map(([, ms]) => ms);
  timers.mockRestore();
  const asked = ["/repos/acme/site", "/acme/site.git/info/refs?service=git-upload-pack"];
  const answers = await Promise.all(asked.map(async (path) => (await fetch(github.url + path)).status));
  await github.close();
  expect([waited, answers]).toEqual([[], [200, 200]]);
});
