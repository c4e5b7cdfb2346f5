/** Pull requests: heads that follow their branch, real counts, a real three-way merge, issues closed by keyword. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Site, startSite } from "./site.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.github.close());

const repo = "/repos/acme/site";

async function open(branch: string, files: Record<string, string>, rest: object = {}) {
  await site.github.repo("acme/site").push({ branch, files, message: `Work on ${branch}` });
  const asked = { title: branch, head: branch, base: "main", ...rest };
  const answer = await site.ask("POST", `${repo}/pulls`, asked);
  expect(answer.status).toBe(201);
  return answer.body;
}

test("twice for one branch, without its branch, without commits: 422 with the reason in errors", async () => {
  await open("once", { once: "1\n" });
  const post = (body: object) => site.ask("POST", `${repo}/pulls`, { title: "Again", base: "main", ...body });
  const twice = await post({ head: "once" });
  expect([twice.status, twice.body.errors[0].message]).toEqual([422, "A pull request already exists for acme:once."]);
  expect((await post({ head: "acme:once" })).status).toBe(422);
  const missing = await post({ head: "never" });
  expect([missing.status, missing.body.errors]).toEqual([
    422,
    [{ resource: "PullRequest", field: "head", code: "invalid" }],
  ]);
  expect((await post({ head: "once", base: "never" })).body.errors[0].field).toBe("base");
  const sha = (await site.ask("GET", `${repo}/git/ref/heads/main`)).body.object.sha;
  await site.ask("POST", `${repo}/git/refs`, { ref: "refs/heads/same", sha });
  expect((await post({ head: "same" })).body.errors[0].message).toBe("No commits between main and same");
  expect((await site.ask("GET", `${repo}/git/ref/heads/never`)).status).toBe(404);
});

test("of ten that open the same pull request one does", async () => {
  await site.github.repo("acme/site").push({ branch: "raced", files: { raced: "1\n" } });
  const body = { title: "Raced", head: "raced", base: "main" };
  const answers = await Promise.all(Array.from({ length: 10 }, () => site.ask("POST", `${repo}/pulls`, body)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 422)).toHaveLength(9);
});

test("found by its head, in every state, and counted by git", async () => {
  const pull = await open("counted", { "README.md": "# Site\nmore\nmore\n", "new.txt": "x\n", "src/index.ts": "" });
  expect([pull.additions, pull.deletions, pull.changed_files, pull.commits]).toEqual([3, 1, 3, 1]);
  expect([pull.mergeable, pull.merged, pull.state]).toEqual([true, false, "open"]);
  const found = async (query: string) => (await site.ask("GET", `${repo}/pulls?${query}`)).body.map(numberOf);
  const numberOf = (one: { number: number }) => one.number;
  expect(await found("head=acme:counted")).toEqual([pull.number]);
  await site.ask("PATCH", `${repo}/pulls/${pull.number}`, { state: "closed" });
  expect(await found("head=acme:counted")).toEqual([]);
  expect(await found("head=acme:counted&state=all")).toEqual([pull.number]);
  expect(await found("head=acme:other&state=all")).toEqual([]);
  const files = await site.ask("GET", `${repo}/pulls/${pull.number}/files`);
  const names = files.body.map((file: { status: string; filename: string }) => `${file.status} ${file.filename}`);
  expect(names).toEqual(["modified README.md", "added new.txt", "modified src/index.ts"]);
});

test("the head follows its branch while open, and the pull request closes when the branch goes", async () => {
  const control = site.github.repo("acme/site");
  const pull = await open("followed", { f: "1\n" });
  const sha = await control.push({ branch: "followed", files: { f: "2\n" }, message: "More" });
  expect((await site.ask("GET", `${repo}/pulls/${pull.number}`)).body.head.sha).toBe(sha);
  expect((await site.ask("GET", `${repo}/pulls?head=acme:followed`)).body[0].head.sha).toBe(sha);
  expect((await control.refs("refs/pull/"))[`refs/pull/${pull.number}/head`]).toBe(sha);
  await site.ask("DELETE", `${repo}/git/refs/heads/followed`);
  const closed = await site.ask("GET", `${repo}/pulls/${pull.number}`);
  expect([closed.body.state, closed.body.merged, closed.body.head.sha]).toEqual(["closed", false, sha]);
});

test("two merges from one base keep both changes, and close the issues that they name", async () => {
  const control = site.github.repo("acme/site");
  const [first, second, third] = ["One", "Two", "Three"].map((title) => control.openIssue({ title }));
  const a = await open("merge-a", { a: "a\n" }, { body: `Closes #${first}` });
  const b = await open("merge-b", { b: "b\n" }, { body: `fixes acme/site#${second}, mentions #${third}` });
  const merged = await site.ask("PUT", `${repo}/pulls/${a.number}/merge`);
  expect([merged.status, merged.body.merged]).toEqual([200, true]);
  expect((await site.ask("PUT", `${repo}/pulls/${b.number}/merge`, { merge_method: "squash" })).status).toBe(200);
  expect([await control.file("main", "a"), await control.file("main", "b")]).toEqual(["a\n", "b\n"]);
  const states = [first, second, third].map((number) => control.issue(number as number).state);
  expect(states).toEqual(["closed", "closed", "open"]);
  const read = (await site.ask("GET", `${repo}/pulls/${a.number}`)).body;
  expect([read.state, read.merged, read.merge_commit_sha]).toEqual(["closed", true, merged.body.sha]);
  expect([read.additions, read.changed_files]).toEqual([1, 1]);
  expect((await site.ask("PUT", `${repo}/pulls/${a.number}/merge`)).status).toBe(405);
});

test("a conflict can't be merged; a head that moved neither", async () => {
  const a = await open("clash-a", { clash: "a\n" });
  const b = await open("clash-b", { clash: "b\n" });
  const moved = await site.ask("PUT", `${repo}/pulls/${a.number}/merge`, { sha: "0".repeat(40) });
  expect(moved.status).toBe(409);
  expect((await site.ask("PUT", `${repo}/pulls/${a.number}/merge`, {}, "tri")).status).toBe(403);
  expect((await site.ask("PUT", `${repo}/pulls/${a.number}/merge`, {}, "wil")).status).toBe(200);
  const clashing = await site.ask("GET", `${repo}/pulls/${b.number}`);
  expect([clashing.body.mergeable, clashing.body.mergeable_state]).toEqual([false, "dirty"]);
  expect((await site.ask("PUT", `${repo}/pulls/${b.number}/merge`)).status).toBe(405);
});
