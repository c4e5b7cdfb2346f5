/** Every operation of the local GitHub, driven once and more, deviates nowhere from GitHub's description. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { type Site, startSite } from "../standin/site.ts";
import { appJwt } from "../support/app-jwt.ts";
import { checkJournal } from "./contract.ts";
import description from "./github.json";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.github.close());

const repo = "/repos/acme/site";

test("every described operation is served, and nothing that it answers is a violation", async () => {
  const { github, ask } = site;
  const control = github.repo("acme/site");
  const main = (await control.refs())["refs/heads/main"] ?? "";

  await ask("GET", "/user");
  await ask("GET", "/users/mara");
  await ask("GET", "/rate_limit");
  await ask("GET", repo);
  await ask("GET", "/repos/acme/secret", undefined, "stranger");
  await ask("GET", "/repos/acme/nowhere");

  await ask("POST", `${repo}/issues`, { title: "First", body: "Text", labels: ["bug"], assignees: ["wil", "nobody"] });
  await ask("POST", `${repo}/issues`, { title: "Bare" }, "stranger");
  await ask("POST", `${repo}/issues`, { title: "" });
  await ask("GET", `${repo}/issues?state=all&labels=bug&sort=updated&direction=desc&since=2020-01-01T00:00:00Z`);
  await ask("GET", `${repo}/issues/1`);
  await ask("GET", `${repo}/issues/99`);
  await ask("PATCH", `${repo}/issues/2`, { state: "closed", state_reason: "not_planned" });
  await ask("PATCH", `${repo}/issues/2`, { state: "open", title: "Renamed", body: null, labels: ["bug", "new"] });
  control.delete(control.openIssue({ title: "Deleted" }));
  await ask("GET", `${repo}/issues/3`);
  control.transfer(control.openIssue({ title: "Moved" }), github.repo("acme/secret"));
  await ask("GET", `${repo}/issues/4`);

  const comment = await ask("POST", `${repo}/issues/1/comments`, { body: "Hello" }, "stranger");
  await ask("POST", `${repo}/issues/1/comments`, { body: "" });
  await ask("GET", `${repo}/issues/1/comments?per_page=100&since=2020-01-01T00:00:00Z`);
  await ask("GET", `${repo}/issues/comments/${comment.body.id}`);
  await ask("PATCH", `${repo}/issues/comments/${comment.body.id}`, { body: "Hello again" });

  await ask("GET", `${repo}/labels`);
  await ask("POST", `${repo}/labels`, { name: "worker:01", color: "ff0000", description: "Taken" });
  await ask("POST", `${repo}/labels`, { name: "Worker:01" });
  await ask("GET", `${repo}/labels/worker:01`);
  await ask("GET", `${repo}/labels/none`);
  await ask("GET", `${repo}/issues/1/labels`);
  await ask("POST", `${repo}/issues/1/labels`, { labels: ["worker:01"] });
  await ask("POST", `${repo}/issues/1/labels`, { labels: ["blocked", "bug"] });
  await ask("DELETE", `${repo}/issues/1/labels/worker:01`);
  await ask("DELETE", `${repo}/issues/1/labels/worker:01`);
  await ask("GET", `${repo}/collaborators/tri/permission`);
  await ask("GET", `${repo}/collaborators/nobody/permission`);

  await ask("GET", `${repo}/git/ref/heads/main`);
  await ask("GET", `${repo}/git/ref/heads/none`);
  await ask("GET", `${repo}/git/matching-refs/claude-workers/claims/`);
  const tree = (await ask("GET", `${repo}/git/commits/${main}`)).body.tree.sha;
  const first = (await ask("POST", `${repo}/git/commits`, { message: "one", tree, parents: [main] })).body.sha;
  const author = { name: "A", email: "a@example.org", date: "2024-01-02T03:04:05Z" };
  const second = await ask("POST", `${repo}/git/commits`, { message: "two", tree, parents: [first], author });
  await ask("POST", `${repo}/git/commits`, { message: "bad", tree: "a".repeat(40) });
  const ref = "refs/claude-workers/claims/issue-1";
  await ask("POST", `${repo}/git/refs`, { ref, sha: first });
  await ask("POST", `${repo}/git/refs`, { ref, sha: first });
  await ask("GET", `${repo}/git/matching-refs/claude-workers/claims/`);
  await ask("PATCH", `${repo}/git/${ref}`, { sha: second.body.sha, force: false });
  await ask("PATCH", `${repo}/git/${ref}`, { sha: first, force: false });
  await ask("DELETE", `${repo}/git/${ref}`);
  await ask("DELETE", `${repo}/git/${ref}`);
  await ask("POST", "/repos/acme/empty/git/refs", { ref, sha: first });
  await ask("GET", `${repo}/commits/main`);
  await ask("GET", `${repo}/commits/nothing`);
  await ask("GET", `${repo}/branches/main`);
  await ask("GET", `${repo}/branches/none`);

  const files = { "src/index.ts": "export const one = 1;\n", "docs/a b.md": "# A\n" };
  await control.push({ branch: "feature/one", files, message: "Add one", by: "wil" });
  await ask("GET", `${repo}/compare/main...feature/one`);
  const pull = { title: "One", head: "feature/one", base: "main", body: "Closes #1" };
  const { number } = (await ask("POST", `${repo}/pulls`, pull)).body;
  await ask("POST", `${repo}/pulls`, pull);
  await ask("POST", `${repo}/pulls`, { ...pull, head: "missing" });
  await ask("GET", `${repo}/pulls?state=all&head=acme:feature/one&base=main`);
  await ask("GET", `${repo}/pulls/${number}`);
  await ask("GET", `${repo}/pulls/99`);
  await ask("GET", `${repo}/pulls/${number}/files`);
  await ask("PATCH", `${repo}/pulls/${number}`, { title: "One, better" });
  await ask("GET", `${repo}/issues/${number}`);
  await ask("GET", `${repo}/issues`);
  await ask("PUT", `${repo}/pulls/${number}/merge`, { merge_method: "squash" });
  await ask("PUT", `${repo}/pulls/${number}/merge`);
  await ask("GET", `${repo}/pulls/${number}`);
  await ask("GET", `${repo}/issues/1/events`);
  await ask("GET", `${repo}/issues/1/timeline`);
  await ask("GET", `${repo}/issues/2/events`);
  await ask("GET", `${repo}/issues/2/timeline`);
  await ask("GET", `${repo}/issues/${number}/timeline`);
  await ask("GET", `/repositories/${(await ask("GET", repo)).body.id}/issues?page=1`);

  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const publicKey = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
  github.addApp({ id: 7, slug: "night-shift", publicKey, repos: ["acme/site"], rights: { contents: "write" } });
  const nowS = Math.floor(Date.now() / 1000);
  const authorization = `Bearer ${appJwt({ iss: 7, iat: nowS, exp: nowS + 300 }, pair.privateKey)}`;
  const asApp = (method: string, path: string, body?: unknown) => ask(method, path, body, null, { authorization });
  await asApp("GET", "/app");
  const installation = (await asApp("GET", `${repo}/installation`)).body.id;
  await asApp("GET", "/repos/acme/secret/installation");
  const tokens = `/app/installations/${installation}/access_tokens`;
  await asApp("POST", tokens, { repositories: ["site"], permissions: { contents: "read" } });
  await asApp("POST", tokens, { repositories: ["site"], permissions: { issues: "write" } });

  expect(checkJournal(github.journal.entries)).toEqual([]);
  expect(github.journal.entries.filter((entry) => entry.status >= 500)).toEqual([]);
  const succeeded = github.journal.entries.filter((entry) => entry.status < 300);
  const missing = description.operations.filter(({ method, path }) => {
    const form = new RegExp(`^${path.replace(/\{\w+\}/g, ".+")}$`);
    return !succeeded.some((entry) => entry.method === method && form.test(entry.path));
  });
  expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});
