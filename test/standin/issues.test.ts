/** Issues, labels and comments behave as on GitHub, also where simpler imitations differ. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Site, startSite } from "./site.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.github.close());

const repo = "/repos/acme/site";

test("a pull request is in the list of issues, under its own key, and readable by its number", async () => {
  const control = site.github.repo("acme/site");
  const issue = control.openIssue({ title: "An issue" });
  await control.push({ branch: "listed", files: { a: "a\n" } });
  const pull = await site.ask("POST", `${repo}/pulls`, { title: "A pull request", head: "listed", base: "main" });
  const { body } = await site.ask("GET", `${repo}/issues`);
  const keys = body.map((one: { number: number; pull_request?: object }) => [
    one.number,
    one.pull_request !== undefined,
  ]);
  expect(keys).toContainEqual([issue, false]);
  expect(keys).toContainEqual([pull.body.number, true]);
  const read = await site.ask("GET", `${repo}/issues/${pull.body.number}`);
  expect([read.status, read.body.pull_request.merged_at]).toEqual([200, null]);
});

test("labels are unique without regard to case, and made on first use", async () => {
  const number = site.github.repo("acme/site").openIssue({ title: "Labelled" });
  const first = await site.ask("POST", `${repo}/issues/${number}/labels`, { labels: ["worker:01"] });
  expect(first.body.map((label: { name: string }) => label.name)).toEqual(["worker:01"]);
  const again = await site.ask("POST", `${repo}/issues/${number}/labels`, { labels: ["WORKER:01", "blocked"] });
  expect(again.body.map((label: { name: string }) => label.name)).toEqual(["worker:01", "blocked"]);
  const made = await site.ask("POST", `${repo}/labels`, { name: "Worker:01" });
  expect([made.status, made.body.message]).toEqual([422, "Validation Failed"]);
  expect(made.body.errors).toEqual([{ resource: "Label", field: "name", code: "already_exists" }]);
  expect((await site.ask("GET", `${repo}/labels/WORKER%3A01`)).body.name).toBe("worker:01");
  const gone = await site.ask("DELETE", `${repo}/issues/${number}/labels/Worker%3A01`);
  expect([gone.status, gone.body.length]).toEqual([200, 1]);
  const absent = await site.ask("DELETE", `${repo}/issues/${number}/labels/worker%3A01`);
  expect([absent.status, absent.body.message]).toEqual([404, "Label does not exist"]);
});

test("who did what to an issue is in its events", async () => {
  const control = site.github.repo("acme/site");
  const number = control.openIssue({ title: "Watched", by: "stranger" });
  control.createLabel("approved");
  await site.ask("POST", `${repo}/issues/${number}/labels`, { labels: ["approved"] }, "tri");
  await site.ask("PATCH", `${repo}/issues/${number}`, { state: "closed" }, "stranger");
  await site.ask("PATCH", `${repo}/issues/${number}`, { state: "open" }, "mara");
  await site.ask("DELETE", `${repo}/issues/${number}/labels/approved`, undefined, "wil");
  const { body } = await site.ask("GET", `${repo}/issues/${number}/events`);
  const told = body.map(
    (event: { event: string; actor: { login: string } }) => `${event.event} by ${event.actor.login}`,
  );
  expect(told).toEqual(["labeled by tri", "closed by stranger", "reopened by mara", "unlabeled by wil"]);
  expect(body[0].label.name).toBe("approved");
});

test("a private repository does not exist for whoever may not read it", async () => {
  for (const path of ["", "/issues", "/labels", "/git/ref/heads/main"]) {
    expect((await site.ask("GET", `/repos/acme/secret${path}`, undefined, "stranger")).status).toBe(404);
    expect((await site.ask("GET", `/repos/acme/secret${path}`, undefined, null)).status).toBe(404);
    expect((await site.ask("GET", `/repos/acme/secret${path}`, undefined, "rea")).status).toBe(200);
  }
});

test("an unknown token is refused everywhere, also where none is needed", async () => {
  const headers = { authorization: "Bearer unheard-of" };
  for (const path of ["/user", repo, "/repos/acme/secret", "/nothing"]) {
    const { status, body } = await site.ask("GET", path, undefined, null, headers);
    expect([status, body.message]).toEqual([401, "Bad credentials"]);
  }
  expect((await site.ask("GET", repo, undefined, null)).status).toBe(200);
  expect((await site.ask("GET", "/user", undefined, null)).status).toBe(401);
});

test("permissions are the user's own", async () => {
  const number = site.github.repo("acme/site").openIssue({ title: "Guarded", labels: ["known"] });
  const labels = `${repo}/issues/${number}/labels`;
  const label = async (as: "rea" | "tri" | "wil" | "stranger", name: string) =>
    (await site.ask("POST", labels, { labels: [name] }, as)).status;
  expect([await label("stranger", "known"), await label("rea", "known"), await label("tri", "known")]).toEqual([
    403, 403, 200,
  ]);
  expect([await label("tri", "unheard"), await label("wil", "unheard")]).toEqual([403, 200]);
  expect((await site.ask("POST", labels, { labels: ["known"] }, null)).status).toBe(401);
  const sha = (await site.ask("GET", `${repo}/git/ref/heads/main`)).body.object.sha;
  const ref = { ref: "refs/heads/by-tri", sha };
  expect((await site.ask("POST", `${repo}/git/refs`, ref, "tri")).status).toBe(403);
  expect((await site.ask("GET", repo, undefined, "tri")).body.permissions).toEqual({
    admin: false,
    maintain: false,
    push: false,
    triage: true,
    pull: true,
  });
  const levels = await Promise.all(
    (["acme", "mara", "wil", "tri", "rea", "stranger"] as const).map(
      async (login) => (await site.ask("GET", `${repo}/collaborators/${login}/permission`)).body,
    ),
  );
  expect(levels.map((body) => body.permission)).toEqual(["admin", "write", "write", "read", "read", "read"]);
  expect(levels.map((body) => body.role_name)).toEqual(["admin", "maintain", "write", "triage", "read", "read"]);
  expect((await site.ask("GET", `${repo}/collaborators/nobody/permission`)).status).toBe(404);
  expect((await site.ask("GET", `${repo}/collaborators/mara/permission`, undefined, "rea")).status).toBe(403);
});

test("an archived repository is read-only, an issueless one has none", async () => {
  const old = await site.ask("POST", "/repos/acme/old/issues", { title: "Late" });
  expect([old.status, old.body.message]).toEqual([403, "Repository was archived so is read-only."]);
  const secret = site.github.repo("acme/secret");
  secret.set({ hasIssues: false });
  expect((await site.ask("GET", "/repos/acme/secret/issues")).status).toBe(410);
  secret.set({ hasIssues: true });
});

test("a deleted issue is 410, a moved one 301 to where it is now", async () => {
  const control = site.github.repo("acme/site");
  const deleted = control.openIssue({ title: "Deleted" });
  control.delete(deleted);
  expect((await site.ask("GET", `${repo}/issues/${deleted}`)).status).toBe(410);
  expect((await site.ask("POST", `${repo}/issues/${deleted}/comments`, { body: "?" })).status).toBe(410);
  const moved = control.openIssue({ title: "Moved" });
  control.transfer(moved, site.github.repo("acme/secret"));
  const answer = await site.ask("GET", `${repo}/issues/${moved}`);
  expect(answer.status).toBe(301);
  const target = new URL(answer.headers.get("location") ?? "");
  expect((await site.ask("GET", target.pathname)).body.title).toBe("Moved");
  expect((await site.ask("GET", `${repo}/issues/${moved}`, undefined, "stranger")).status).toBe(404);
});

test("since includes the asked second, and pages are linked by the repository's number", async () => {
  const { github, ask } = site;
  const control = await github.addRepo({ name: "acme/pages", files: { a: "a" } });
  for (let at = 0; at < 5; at++) control.openIssue({ title: `Page ${at}` });
  const { body, headers } = await ask("GET", "/repos/acme/pages/issues?per_page=2&page=2");
  expect(body.map((issue: { number: number }) => issue.number)).toEqual([3, 2]);
  const links = headers.get("link") ?? "";
  expect([...links.matchAll(/rel="(\w+)"/g)].map((match) => match[1])).toEqual(["prev", "next", "last", "first"]);
  const next = /<([^>]+)>; rel="next"/.exec(links)?.[1] ?? "";
  expect(next).toMatch(/\/repositories\/\d+\/issues\?per_page=2&page=3$/);
  expect((await ask("GET", next.slice(github.url.length))).body).toHaveLength(1);
  const updated = body[0].updated_at;
  expect(updated).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const since = await ask("GET", `/repos/acme/pages/issues?since=${updated}`);
  expect(since.body.length).toBeGreaterThan(0);
  const later = new Date(Date.parse(updated) + 60_000).toISOString();
  expect((await ask("GET", `/repos/acme/pages/issues?since=${later}`)).body).toEqual([]);
});

test("comments: missing, too long, edited by another, on a locked issue", async () => {
  const control = site.github.repo("acme/site");
  const number = control.openIssue({ title: "Talked about" });
  const path = `${repo}/issues/${number}/comments`;
  const blank = await site.ask("POST", path, { body: "  " });
  expect([blank.status, blank.body.errors[0].code]).toEqual([422, "missing_field"]);
  const long = await site.ask("POST", path, { body: "x".repeat(65_537) });
  expect([long.status, long.body.errors[0].message]).toEqual([422, "body is too long (maximum is 65536 characters)"]);
  const said = await site.ask("POST", path, { body: "Mine" }, "stranger");
  const edit = `${repo}/issues/comments/${said.body.id}`;
  expect((await site.ask("PATCH", edit, { body: "Not yours" }, "rea")).status).toBe(403);
  expect((await site.ask("PATCH", edit, { body: "Still mine" }, "stranger")).status).toBe(200);
  control.lock(number);
  expect((await site.ask("POST", path, { body: "Again" }, "stranger")).status).toBe(403);
  expect(control.comments(number)).toEqual([{ id: said.body.id, author: "stranger", body: "Still mine" }]);
});

test("bad bodies are refused before anything happens", async () => {
  const before = (await site.ask("GET", `${repo}/issues?state=all&per_page=100`)).body.length;
  expect((await site.ask("POST", `${repo}/issues`, "{no json")).status).toBe(400);
  expect((await site.ask("POST", `${repo}/issues`, [])).status).toBe(400);
  expect((await site.ask("POST", `${repo}/issues`, { title: 5 })).status).toBe(422);
  expect((await site.ask("POST", `${repo}/issues`, { body: "no title" })).status).toBe(422);
  expect((await site.ask("GET", `${repo}/issues?state=all&per_page=100`)).body).toHaveLength(before);
  expect((await site.ask("GET", `${repo}/no/such/thing`)).status).toBe(404);
});
