/** The real git client against the local GitHub: who may clone and push, one truth with the API, and true races. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { GitClient } from "./clone.ts";
import { type Login, type Site, startSite, tokenOf } from "./site.ts";

let site: Site;
let clients: GitClient[] = [];
beforeEach(async () => {
  site = await startSite();
});
afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await site.github.close();
});

function client(as: Login | null): GitClient {
  const made = new GitClient(site.github.url, as === null ? undefined : tokenOf(as));
  clients.push(made);
  return made;
}

test("anybody clones a public repository; a private one is asked for credentials, or not found", async () => {
  await client(null).clone("acme/site", "public");
  await client("rea").clone("acme/secret", "secret");
  expect((await client(null).run(["ls-remote", client(null).url("acme/secret")])).err).toContain(
    "could not read Username",
  );
  expect((await client("stranger").run(["ls-remote", client("stranger").url("acme/secret")])).err).toContain(
    "not found",
  );
  const unknown = new GitClient(site.github.url, "unheard-of");
  clients.push(unknown);
  expect((await unknown.run(["ls-remote", unknown.url("acme/secret")])).err).toContain("Authentication failed");
  const statuses = site.github.journal.calls({ kind: "git" }).map((entry) => entry.status);
  expect(new Set(statuses)).toEqual(new Set([200, 401, 404]));
});

test("pushing takes write permission and a repository that is not archived", async () => {
  for (const as of [null, "stranger", "rea", "tri"] as const) {
    const git = client(as);
    const folder = await git.clone("acme/site", "site");
    const pushed = await git.run(["push", "origin", "HEAD:refs/heads/mine"], folder);
    expect(pushed.code).not.toBe(0);
    if (as !== null) expect(pushed.err).toContain(`Permission to acme/site.git denied to ${as}`);
  }
  const git = client("wil");
  const old = await git.clone("acme/old", "old");
  const refused = await git.run(["push", "origin", "HEAD:refs/heads/mine"], old);
  expect(refused.err).toContain("This repository was archived so it is read-only.");
  const folder = await git.clone("acme/site", "site");
  await git.must(["push", "-q", "origin", "HEAD:refs/heads/mine"], folder);
  expect(Object.keys(await site.github.repo("acme/site").refs("refs/heads/"))).toEqual([
    "refs/heads/main",
    "refs/heads/mine",
  ]);
});

test("what git pushes the API shows, and what the API makes git fetches", async () => {
  const git = client("wil");
  const folder = await git.clone("acme/site", "site");
  await Bun.write(join(folder, "a.txt"), "a\n");
  await git.must(["add", "."], folder);
  await git.must(["commit", "-q", "-m", "Add a"], folder);
  await git.must(["push", "-q", "origin", "HEAD:refs/heads/issue-1"], folder);
  const head = await git.must(["rev-parse", "HEAD"], folder);
  const pull = await site.ask("POST", "/repos/acme/site/pulls", { title: "A", head: "issue-1", base: "main" });
  expect([pull.body.head.sha, pull.body.additions]).toEqual([head, 1]);
  await git.must(["commit", "-q", "--allow-empty", "-m", "More"], folder);
  await git.must(["push", "-q", "origin", "HEAD:refs/heads/issue-1"], folder);
  const read = await site.ask("GET", `/repos/acme/site/pulls/${pull.body.number}`);
  expect(read.body.head.sha).toBe(await git.must(["rev-parse", "HEAD"], folder));

  const tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
  const claim = await site.ask("POST", "/repos/acme/site/git/commits", { message: '{"v":1}', tree, parents: [] });
  const ref = "refs/claude-workers/claims/issue-1";
  await site.ask("POST", "/repos/acme/site/git/refs", { ref, sha: claim.body.sha });
  expect(await git.must(["ls-remote", "origin", "refs/claude-workers/claims/*"], folder)).toBe(
    `${claim.body.sha}\t${ref}`,
  );
  await git.must(["fetch", "-q", "origin", ref], folder);
  expect(await git.must(["log", "-1", "--format=%B", "FETCH_HEAD"], folder)).toBe('{"v":1}');
  await git.must(["fsck", "--strict"], folder);
});

test("of twenty atomic pushes with a lease on one claim one wins, with its branch", async () => {
  const { github, ask } = site;
  const claim = "refs/claude-workers/claims/issue-9";
  const tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
  const held = (await ask("POST", "/repos/acme/site/git/commits", { message: "held", tree, parents: [] })).body.sha;
  await ask("POST", "/repos/acme/site/git/refs", { ref: claim, sha: held });
  const git = client("wil");
  const folder = await git.clone("acme/site", "site");
  await git.must(["fetch", "-q", "origin", claim], folder);
  const next = await Promise.all(
    Array.from({ length: 20 }, (_, at) => git.must(["commit-tree", "-p", held, "-m", `published ${at}`, tree], folder)),
  );
  const pushes = await Promise.all(
    next.map((sha, at) =>
      git.run(
        [
          "push",
          "--atomic",
          `--force-with-lease=${claim}:${held}`,
          `--force-with-lease=refs/heads/issue-9-e${at}:`,
          "origin",
          `HEAD:refs/heads/issue-9-e${at}`,
          `${sha}:${claim}`,
        ],
        folder,
      ),
    ),
  );
  const winners = pushes.flatMap(({ code }, at) => (code === 0 ? [at] : []));
  expect(winners).toHaveLength(1);
  const refs = await github.repo("acme/site").refs();
  expect(refs[claim]).toBe(next[winners[0] ?? -1]);
  const branches = Object.keys(refs).filter((ref) => ref.startsWith("refs/heads/issue-9"));
  expect(branches).toEqual([`refs/heads/issue-9-e${winners[0]}`]);
}, 60_000);

test("a push against a ref that the API moved is refused, and the other way round", async () => {
  const { ask } = site;
  const git = client("wil");
  const folder = await git.clone("acme/site", "site");
  const main = await git.must(["rev-parse", "HEAD"], folder);
  const tree = await git.must(["rev-parse", "HEAD^{tree}"], folder);
  const mine = await git.must(["commit-tree", "-p", main, "-m", "mine", tree], folder);
  const theirs = (await ask("POST", "/repos/acme/site/git/commits", { message: "theirs", tree, parents: [main] })).body
    .sha;
  const both = await Promise.all([
    git.run(["push", `--force-with-lease=main:${main}`, "origin", `${mine}:refs/heads/main`], folder),
    ask("PATCH", "/repos/acme/site/git/refs/heads/main", { sha: theirs, force: false }),
  ]);
  const [pushed, patched] = both;
  expect([pushed.code === 0, patched.status === 200].filter(Boolean)).toHaveLength(1);
});

test("hidden refs of pull requests can be fetched, not pushed", async () => {
  await site.github.repo("acme/site").push({ branch: "pr", files: { p: "p\n" } });
  const pull = await site.ask("POST", "/repos/acme/site/pulls", { title: "P", head: "pr", base: "main" });
  const git = client("wil");
  const folder = await git.clone("acme/site", "site");
  const ref = `refs/pull/${pull.body.number}/head`;
  await git.must(["fetch", "-q", "origin", ref], folder);
  expect((await git.run(["push", "-f", "origin", `HEAD:${ref}`], folder)).code).not.toBe(0);
});

test("a client that leaves in the middle of a push leaves nothing broken", async () => {
  const { github } = site;
  const basic = Buffer.from(`x:${tokenOf("wil")}`).toString("base64");
  const head = ["POST /acme/site.git/git-receive-pack HTTP/1.1", "Host: x", `Authorization: Basic ${basic}`];
  const type = "Content-Type: application/x-git-receive-pack-request";
  const socket = connect(Number(new URL(github.url).port), "127.0.0.1");
  socket.write([...head, type, "Content-Length: 5000", "", "00980000"].join("\r\n"));
  await Bun.sleep(50);
  socket.destroy();
  while (github.journal.calls({ path: /receive-pack/ }).length === 0) await Bun.sleep(5);
  const git = client("wil");
  const folder = await git.clone("acme/site", "site");
  await git.must(["push", "-q", "origin", "HEAD:refs/heads/next"], folder);
  expect((await github.repo("acme/site").refs())["refs/heads/next"]).toBeDefined();
});

test("big pushes and clones stream: sixty megabytes each way through bounded memory", async () => {
  const server = Bun.spawn([process.execPath, join(import.meta.dir, "serve-program.ts")], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const output = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const git = new GitClient(((await output.read()).value ?? "").trim(), tokenOf("wil"));
  clients.push(git);
  const folder = await git.clone("acme/site", "site");
  for (const [key, value] of [
    ["core.compression", "0"],
    ["core.bigFileThreshold", "1m"],
  ] as const) {
    await git.must(["config", key, value], folder);
  }
  for (let at = 0; at < 6; at++) {
    const chunks = Array.from({ length: 160 }, () => crypto.getRandomValues(new Uint8Array(65_536)));
    await Bun.write(join(folder, `blob-${at}`), new Blob(chunks));
  }
  await git.must(["add", "."], folder);
  await git.must(["commit", "-q", "-m", "Big"], folder);
  await git.must(["push", "-q", "origin", "HEAD:refs/heads/big"], folder);
  await git.clone("acme/site", "again");
  await server.stdin.end();
  const grown = Number((await output.read()).value);
  expect(await server.exited).toBe(0);
  expect(grown).toBeLessThan(48 * 1024 * 1024);
}, 60_000);

test("a renamed repository is found by its old name, by git and by the API, until somebody takes that name", async () => {
  const { github, ask } = site;
  const control = await github.addRepo({ name: "acme/before", private: true, files: { "README.md": "# Before\n" } });
  control.rename("after");
  const answer = await ask("GET", "/repos/acme/before/issues");
  expect([answer.status, (await ask("GET", "/repos/acme/before", undefined, "stranger")).status]).toEqual([301, 404]);
  const target = new URL(answer.headers.get("location") ?? "");
  expect((await ask("GET", target.pathname)).status).toBe(200);
  const refs = async (name: string) => (await client("acme").run(["ls-remote", client("acme").url(name), "HEAD"])).out;
  expect(await refs("acme/before")).toBe(await refs("acme/after"));
  expect((await client("stranger").run(["ls-remote", client("stranger").url("acme/before")])).err).toContain(
    "not found",
  );
  await github.addRepo({ name: "acme/before", files: { "README.md": "# Another\n" } });
  expect(await refs("acme/before")).not.toBe(await refs("acme/after"));
  expect((await ask("GET", "/repos/acme/before")).body.full_name).toBe("acme/before");
});

test("a repository that another owner got is found by its old name, and the one before keeps its rights", async () => {
  const { github, ask } = site;
  const control = await github.addRepo({ name: "acme/given", private: true, files: { "README.md": "# Given\n" } });
  control.rename("given", "umbrella");
  expect(control.name).toBe("umbrella/given");
  expect((await ask("GET", "/repos/acme/given")).status).toBe(301);
  expect((await ask("GET", "/repos/umbrella/given")).body.full_name).toBe("umbrella/given");
  const refs = async (name: string) => (await client("acme").run(["ls-remote", client("acme").url(name), "HEAD"])).out;
  expect(await refs("umbrella/given")).toContain("HEAD");
  expect(await refs("acme/given")).toBe(await refs("umbrella/given"));
});
