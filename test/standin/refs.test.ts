/** Refs and commits over REST: each write is a true compare-and-swap, decided by git. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Answer, type Site, startSite } from "./site.ts";

let site: Site;
let main: string;
beforeAll(async () => {
  site = await startSite();
  main = (await site.github.repo("acme/site").refs())["refs/heads/main"] ?? "";
});
afterAll(() => site.github.close());

const repo = "/repos/acme/site";
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

async function commit(message: string, parents: string[] = []): Promise<string> {
  const { status, body } = await site.ask("POST", `${repo}/git/commits`, { message, tree: emptyTree, parents });
  expect(status).toBe(201);
  return body.sha;
}

function statuses(answers: Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

test("of fifty that create one ref exactly one does", async () => {
  const ref = "refs/claude-workers/claims/issue-50";
  const shas = await Promise.all(Array.from({ length: 50 }, (_, at) => commit(`racer ${at}`)));
  const answers = await Promise.all(shas.map((sha) => site.ask("POST", `${repo}/git/refs`, { ref, sha })));
  expect(statuses(answers)).toEqual({ 201: 1, 422: 49 });
  const winner = answers.findIndex(({ status }) => status === 201);
  expect((await site.ask("GET", `${repo}/git/ref/claude-workers/claims/issue-50`)).body.object.sha).toBe(shas[winner]);
  expect(answers.find(({ status }) => status === 422)?.body.message).toBe("Reference already exists");
}, 30_000);

test("of thirty that move one ref on from the same tip exactly one does", async () => {
  const ref = "refs/claude-workers/claims/issue-30";
  const tip = await commit("tip");
  await site.ask("POST", `${repo}/git/refs`, { ref, sha: tip });
  const shas = await Promise.all(Array.from({ length: 30 }, (_, at) => commit(`heir ${at}`, [tip])));
  const path = `${repo}/git/${ref}`;
  const answers = await Promise.all(shas.map((sha) => site.ask("PATCH", path, { sha, force: false })));
  expect(statuses(answers)).toEqual({ 200: 1, 422: 29 });
  expect(answers.find(({ status }) => status === 422)?.body.message).toBe("Update is not a fast forward");
  const chain = await site.github.repo("acme/site").messages(ref);
  expect(chain).toHaveLength(2);
  expect(chain[1]).toBe("tip");
}, 30_000);

test("a ref can't be a folder of another, nor have a bad name", async () => {
  const make = async (ref: string) => (await site.ask("POST", `${repo}/git/refs`, { ref, sha: main })).status;
  expect(await make("refs/heads/topic")).toBe(201);
  expect(await make("refs/heads/topic/inner")).toBe(422);
  for (const bad of [
    "heads/x",
    "refs/x",
    "refs/heads/a..b",
    "refs/heads/a b",
    "refs/heads/x.lock",
    "refs/pull/1/head",
  ]) {
    expect([bad, await make(bad)]).toEqual([bad, 422]);
  }
});

test("refs that are not there: read 404, update and delete 422, list empty", async () => {
  const ref = "refs/claude-workers/claims/issue-404";
  expect((await site.ask("GET", `${repo}/git/ref/claude-workers/claims/issue-404`)).status).toBe(404);
  const update = await site.ask("PATCH", `${repo}/git/${ref}`, { sha: main });
  expect([update.status, update.body.message]).toEqual([422, "Reference does not exist"]);
  const gone = await site.ask("DELETE", `${repo}/git/${ref}`);
  expect([gone.status, gone.body.message]).toEqual([422, "Reference does not exist"]);
  expect((await site.ask("GET", `${repo}/git/matching-refs/claude-workers/claims/issue-404`)).body).toEqual([]);
  // A prefix of a name is not the name.
  expect((await site.ask("GET", `${repo}/git/ref/heads/mai`)).status).toBe(404);
});

test("matching refs are those whose name begins so", async () => {
  const control = site.github.repo("acme/site");
  for (const name of ["issue-7", "issue-71", "issue-8"]) {
    await site.ask("POST", `${repo}/git/refs`, { ref: `refs/listed/${name}`, sha: main });
  }
  const { body } = await site.ask("GET", `${repo}/git/matching-refs/listed/issue-7`);
  expect(body.map((ref: { ref: string }) => ref.ref)).toEqual(["refs/listed/issue-7", "refs/listed/issue-71"]);
  expect(Object.keys(await control.refs("refs/listed/"))).toHaveLength(3);
});

test("an empty repository has no git data", async () => {
  const empty = "/repos/acme/empty/git";
  const answers = await Promise.all([
    site.ask("GET", `${empty}/ref/heads/main`),
    site.ask("GET", `${empty}/matching-refs/claude-workers/`),
    site.ask("POST", `${empty}/refs`, { ref: "refs/heads/main", sha: main }),
    site.ask("POST", `${empty}/commits`, { message: "x", tree: emptyTree }),
  ]);
  expect(statuses(answers)).toEqual({ 409: 4 });
  expect(answers[0]?.body.message).toBe("Git Repository is empty.");
});

test("the server stamps date and author of a commit with its own clock", async () => {
  site.github.advance(3_600_000);
  const before = Date.parse((await site.ask("GET", repo)).headers.get("date") ?? "");
  const { body, headers } = await site.ask("POST", `${repo}/git/commits`, { message: "m", tree: emptyTree }, "wil");
  const server = Date.parse(headers.get("date") ?? "");
  expect(server - Date.now()).toBeGreaterThan(3_500_000);
  const stamped = Date.parse(body.committer.date);
  expect([before <= stamped, stamped <= server]).toEqual([true, true]);
  expect([body.author.name, body.message, body.parents]).toEqual(["wil", "m", []]);
  site.github.advance(-3_600_000);
});

test("a commit needs a tree and parents that exist", async () => {
  const post = async (body: object) => (await site.ask("POST", `${repo}/git/commits`, { message: "m", ...body })).body;
  expect((await post({ tree: "a".repeat(40) })).message).toBe("Tree SHA does not exist");
  expect((await post({ tree: main })).message).toBe("Tree SHA does not exist");
  const orphan = await post({ tree: emptyTree, parents: ["b".repeat(40)] });
  expect(orphan.message).toBe("Parent SHA does not exist or is not a commit object");
  expect((await post({ tree: "short" })).status).toBe("422");
  expect((await site.ask("POST", `${repo}/git/refs`, { ref: "refs/heads/x", sha: "c".repeat(40) })).body.message).toBe(
    "Object does not exist",
  );
});

test("branches, commits and comparisons are read from git", async () => {
  const control = site.github.repo("acme/site");
  const sha = await control.push({ branch: "deep/er", files: { "a.txt": "1\n2\n" }, message: "Add a", by: "wil" });
  const branch = await site.ask("GET", `${repo}/branches/deep/er`);
  expect([branch.body.name, branch.body.commit.sha]).toEqual(["deep/er", sha]);
  expect(branch.body.commit.author.login).toBe("wil");
  expect((await site.ask("GET", `${repo}/commits/deep/er`)).body.stats).toEqual({
    additions: 2,
    deletions: 0,
    total: 2,
  });
  expect((await site.ask("GET", `${repo}/commits/nope`)).status).toBe(422);
  expect((await site.ask("GET", `${repo}/branches/nope`)).status).toBe(404);
  const { body } = await site.ask("GET", `${repo}/compare/main...deep/er`);
  expect([body.status, body.ahead_by, body.behind_by, body.files[0].filename]).toEqual(["ahead", 1, 0, "a.txt"]);
  expect(body.files[0].patch).toBe("@@ -0,0 +1,2 @@\n+1\n+2");
});
