/** A GitHub App as the credential, and workers that act as themselves: through the program, the local GitHub enforcing what a token may. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkJournal } from "../contracts/contract.ts";
import { appJwt } from "../support/app-jwt.ts";
import { held } from "../support/attack.ts";
import { begin, heard, newest } from "../support/attempt.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { squat } from "../support/squat.ts";

const pair = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
});
const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" });

const rights = { contents: "write", issues: "write", pull_requests: "write", metadata: "read" } as const;

let fleet: TestFleet;
let keyFile: string;
/** Of an operator without a token. */
let asApp: Record<string, string | undefined>;
beforeAll(async () => {
  fleet = await testFleet({ workers: [] });
  const { standin } = fleet;
  for (const name of ["acme/secret", "acme/elsewhere", "acme/moving", "acme/taken"])
    await standin.addRepo({ name, private: true, files: { "README.md": "x\n" } });
  const all = { ...rights, workflows: "write" } as const;
  const repos = ["acme/site", "acme/secret", "acme/moving", "acme/taken"];
  standin.addApp({ id: 77, slug: "night-shift", publicKey: pair.publicKey, repos, rights: all });
  standin.addApp({
    id: 78,
    slug: "reader",
    publicKey: pair.publicKey,
    repos: ["acme/site"],
    rights: { issues: "write" },
  });
  keyFile = join(fleet.operator, "app.pem");
  writeFileSync(keyFile, pair.privateKey, { mode: 0o600 });
  asApp = { GH_TOKEN: undefined, GITHUB_APP_ID: "77", GITHUB_APP_PRIVATE_KEY_FILE: keyFile };
});
afterAll(async () => {
  expect(checkJournal(fleet.standin.journal.entries)).toEqual([]);
  expect(await fleet.leftovers()).toEqual([]);
  await fleet.close();
});

const mints = () => fleet.standin.journal.calls({ method: "POST", path: /access_tokens$/ });
/** What of the App is anywhere below the root, as text. */
const kept = () =>
  Bun.spawnSync(["grep", "-rlE", `ghs_[0-9a-f]{32}|${pair.privateKey.split("\n")[2]}`, fleet.root])
    .stdout.toString()
    .trim();

test("an App delivers: stored with the worker as a path, its tokens narrowed, renewed, and nowhere on disk", async () => {
  const made = await fleet.cw(["init", "01"], { env: asApp });
  expect(`${made.code} ${made.stderr}`).toMatch(/^0 worker 01: stored GITHUB_APP_ID, ANTHROPIC_API_KEY in /);
  const stored = JSON.parse(readFileSync(join(fleet.root, ".fleet/01/secrets.json"), "utf8"));
  expect(stored).toMatchObject({ githubApp: { id: "77", keyFile } });
  // From what is stored alone; the token of an operator's shell does not take its place.
  const run = Buffer.from(
    "sleep_until_told() { while [ ! -e ~/told ]; do sleep 0.1; done; }; edit; sleep_until_told; commit",
  ).toString("base64");
  const issue = await begin(fleet, { worker: "01", body: `[[scenario:run]] [[run:${run}]]` });
  await heard(fleet, "01", "agent:ready");
  fleet.standin.expireAppTokens();
  writeFileSync(join(fleet.root, "01/told"), "");
  const end = await fleet.ended("01");
  expect({ outcome: end.outcome, reason: end.reason }).toMatchObject({ outcome: "delivered" });
  expect(fleet.repo.pulls().map(({ author }) => author)).toEqual(["night-shift[bot]"]);
  expect(fleet.repo.comments(issue)[0]?.body).toContain("**delivered**");
  for (const { body } of mints()) expect(body).toEqual({ repositories: ["site"], permissions: rights });
  expect(mints().filter(({ status }) => status === 201).length).toBeGreaterThanOrEqual(3);
  const writes = fleet.standin.journal.entries.filter(({ method, kind }) => kind === "rest" && method !== "GET");
  expect(new Set(writes.map(({ login }) => login))).toEqual(new Set(["night-shift[bot]"]));
  expect(kept()).toBe("");
}, 60_000);

test("A44: an agent has neither key nor token", async () => {
  await fleet.cw(["init", "01"], { env: asApp }); // Where the test before this one is left out.
  await begin(fleet, { worker: "01", body: "[[scenario:env]]", env: asApp });
  await fleet.ended("01");
  const said = readFileSync(join(fleet.attempt("01", newest(fleet, "01")), "transcript.jsonl"), "utf8");
  expect(said).toContain("CW_ATTEMPT_COOKIE");
  expect(said).not.toMatch(/GITHUB_APP|ghs_|PRIVATE KEY|app\.pem/);
});

test("the key itself in the environment: doctor, assign and explain, over repositories, each with its own token", async () => {
  const env = { ...asApp, GITHUB_APP_PRIVATE_KEY_FILE: undefined, GITHUB_APP_PRIVATE_KEY: pair.privateKey };
  fleet.configure({ repos: { "acme/site": {}, "acme/secret": { workflows: true } } });
  const doctor = await fleet.cw(["doctor"], { env });
  expect(doctor.stdout).toContain("as night-shift[bot], installed on acme/site, acme/secret");
  const ofSecret = mints().filter(({ body }) => JSON.stringify(body).includes("secret"));
  expect(ofSecret.map(({ body }) => body)).toEqual([
    { repositories: ["secret"], permissions: { ...rights, workflows: "write" } },
  ]);
  const number = fleet.standin.repo("acme/secret").openIssue({ title: "Look" });
  const tick = await fleet.cw(["assign", "--dry-run", "--json"], { env });
  expect({ code: tick.code, stderr: tick.stderr }).toEqual({ code: 0, stderr: "" });
  expect(tick.json().dispatched).toContainEqual(expect.objectContaining({ repo: "acme/secret", issue: number }));
  expect((await fleet.cw(["explain", `acme/secret#${number}`], { env })).code).toBe(0);
  fleet.standin.repo("acme/secret").close(number);
  fleet.configure({});
});

test("an App that lacks something is refused in words, and nothing else is tried", async () => {
  const refused = async (env: Record<string, string | undefined>, repo = "acme/site") => {
    const ran = await fleet.cw(["dispatch", "-r", repo, "-p", "x"], { env: { ...asApp, ...env } });
    return `${ran.code} ${ran.stderr}`;
  };
  const before = fleet.standin.journal.entries.length;
  expect(await refused({}, "acme/elsewhere")).toMatch(
    /^6 .*App 77 is not installed on acme\/elsewhere[\s\S]*install it there/,
  );
  expect(await refused({ GITHUB_APP_ID: "78" })).toMatch(
    /^6 .*App 78 lacks a right on acme\/site: The permissions requested/,
  );
  expect(await refused({ GITHUB_APP_ID: "79" })).toMatch(/^6 .*GitHub refuses the GitHub App 79/);
  const wrong = join(fleet.operator, "wrong.pem");
  writeFileSync(wrong, other, { mode: 0o600 });
  expect(await refused({ GITHUB_APP_PRIVATE_KEY_FILE: wrong })).toMatch(/^6 .*GitHub refuses the GitHub App 77/);
  const asked = fleet.standin.journal.entries.slice(before);
  expect(asked.filter(({ status }) => status < 300).map(({ path }) => path)).toEqual(["/repos/acme/site/installation"]);

  expect(await refused({ GITHUB_APP_PRIVATE_KEY_FILE: undefined })).toMatch(/^9 .*GITHUB_APP_PRIVATE_KEY_FILE is not/);
  expect(await refused({ GITHUB_APP_ID: undefined })).toMatch(/^9 .*GITHUB_APP_ID is not/);
  expect(await refused({ GITHUB_APP_PRIVATE_KEY_FILE: "app.pem" })).toMatch(/^9 .*absolute path/);
  expect(await refused({ GITHUB_APP_PRIVATE_KEY: "x" })).toMatch(/^9 .*expected the private key/);
  writeFileSync(wrong, "no key", { mode: 0o600 });
  expect(await refused({ GITHUB_APP_PRIVATE_KEY_FILE: wrong })).toMatch(/^9 .*expected the private key/);
  chmodSync(keyFile, 0o640);
  expect(await refused({})).toMatch(/^9 .*can be read by others[\s\S]*chmod 600/);
  chmodSync(keyFile, 0o600);
  for (const place of [join(fleet.root, "01"), fleet.folder]) {
    const visible = join(place, "app.pem");
    writeFileSync(visible, pair.privateKey, { mode: 0o600 });
    expect(await refused({ GITHUB_APP_PRIVATE_KEY_FILE: visible })).toMatch(/^9 .*an agent could read it there/);
  }
});

test("a token of the App that GitHub takes nowhere: what is to be mended is the App, since no token takes its place", async () => {
  await fleet.cw(["init", "01"], { env: asApp }); // Where the first test is left out.
  const refused = fleet.standin.inject({
    ...{ method: "GET", path: /^\/repos\/acme\/site$/, times: 9 },
    fault: { status: 401, body: { message: "Bad credentials" } },
  });
  const ran = await fleet.cw(["dispatch", "-r", "acme/site", "-p", "x"], { env: asApp });
  refused.remove();
  expect([ran.code, ran.stderr]).toEqual([6, expect.stringMatching(/Bad credentials.*GITHUB_APP_ID and its key/)]);
  expect(ran.stderr).not.toContain("GH_TOKEN");
});

test.each(["moving", "taken"])(
  "%s was renamed after the push: found by its id, and finished by a new process of the App",
  async (name) => {
    await fleet.cw(["init", "01"], { env: asApp }); // Where the first test is left out.
    const repo = fleet.standin.repo(`acme/${name}`);
    const body = "[[scenario:edit]]";
    const env = { ...asApp, CW_FAILPOINT: "after branch:published" };
    const issue = await begin(fleet, { worker: "01", repo: `acme/${name}`, body, env });
    const state = async () => (await fleet.cw(["status", "01", "--json"])).json().workers[0].state;
    await until("it died", async () => (await state()) === "crashed" || null);
    // Of the name that somebody else has by now the App knows nothing.
    if (name === "taken") await squat(fleet.standin, name, "worker:01");
    else repo.rename("moved");
    const before = mints().length;
    const reset = await fleet.cw(["reset", "01"], { env: asApp });
    const [first] = mints().slice(before);
    expect(first?.body).toEqual({ repository_ids: [expect.any(Number)], permissions: { metadata: "read" } });
    expect([reset.code, reset.stderr]).toEqual([0, ""]);
    const [pull] = repo.pulls();
    expect(await fleet.ended("01", newest(fleet, "01"))).toMatchObject({
      outcome: "delivered",
      pull: { number: pull?.number },
    });
    expect(repo.labels(issue)).toEqual([]);
    expect(kept()).toBe("");
  },
  60_000,
);

test("S25: what a narrowed token may, the local GitHub holds it to", async () => {
  const escaped: string[] = [];
  const { url } = fleet.standin;
  const send = async (method: string, path: string, token: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, "user-agent": "test", "content-type": "application/json" };
    const response = await fetch(`${url}${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    return { status: response.status, json: (await response.json()) as { id?: number; token?: string } };
  };
  const jwt = (claims: object, key: Parameters<typeof appJwt>[1] = pair.privateKey, alg?: string) =>
    appJwt(claims, key, alg);
  const now = Math.floor(Date.now() / 1000);
  const good = { iss: 77, iat: now - 30, exp: now + 540 };
  const bad = [
    jwt({ ...good, exp: now + 3600 }),
    jwt({ ...good, exp: now - 1 }),
    jwt({ ...good, iss: 99 }),
    jwt(good, other),
    jwt(good, pair.privateKey, "none"),
    `${jwt(good)}x`,
  ];
  for (const [at, token] of bad.entries())
    if ((await send("GET", "/app", token)).status !== 401) escaped.push(`token ${at}`);
  const { json: installed } = await send("GET", "/repos/acme/site/installation", jwt(good));
  const path = `/app/installations/${installed.id}/access_tokens`;
  const mint = (body: object) => send("POST", path, jwt(good), body);
  if ((await mint({ repositories: ["elsewhere"] })).status !== 422) escaped.push("another repository");
  if ((await mint({ permissions: { administration: "write" } })).status !== 422) escaped.push("another right");
  const { token = "" } = (await mint({ repositories: ["site"], permissions: { issues: "write", contents: "read" } }))
    .json;
  const tries: [method: string, path: string, status: number, body?: object][] = [
    ["GET", "/repos/acme/site/issues", 200],
    ["GET", "/repos/acme/secret", 404],
    ["POST", "/repos/acme/secret/issues", 404, { title: "x" }],
    ["POST", "/repos/acme/site/pulls", 403, { title: "x", head: "a", base: "main" }],
    ["POST", "/repos/acme/site/git/refs", 403, { ref: "refs/heads/x", sha: "0".repeat(40) }],
    ["GET", "/user", 403],
    ["GET", "/app", 401],
  ];
  for (const [method, where, status, body] of tries) {
    const got = await send(method, where, token, body);
    if (got.status !== status) escaped.push(`${method} ${where}: ${got.status}`);
  }
  fleet.standin.advance(61 * 60_000);
  if ((await send("GET", "/repos/acme/site/issues", token)).status !== 401) escaped.push("after an hour");
  held("S25", bad.length + tries.length + 3, escaped);
});

test("two workers act as themselves; without a credential of its own a third does nothing", async () => {
  for (const [worker, login] of [
    ["02", "ann"],
    ["03", "ben"],
  ] as const) {
    const token = `token-of-${login}-0123456789`;
    fleet.standin.addUser({ login, token });
    fleet.repo.allow(login, "write");
    expect((await fleet.cw(["init", worker], { env: { GH_TOKEN: token } })).code).toBe(0);
  }
  expect((await fleet.cw(["init", "04", "--no-store"])).code).toBe(0);
  const bare = { GH_TOKEN: undefined };
  const logins: Record<string, string> = {};
  for (const [worker, login] of [
    ["02", "ann"],
    ["03", "ben"],
  ] as const) {
    const issue = await begin(fleet, { worker, body: "[[scenario:edit]]", env: bare });
    expect((await fleet.ended(worker)).outcome).toBe("delivered");
    logins[login] = String(fleet.repo.pulls().find(({ head }) => head === `issue-${issue}`)?.author);
  }
  expect(logins).toEqual({ ann: "ann", ben: "ben" });
  mkdirSync(join(fleet.operator, ".config/gh"), { recursive: true });
  writeFileSync(join(fleet.operator, ".config/gh/hosts.yml"), `127.0.0.1:\n  oauth_token: ${fleet.token}\n`);
  const refused = await fleet.cw(["dispatch", "-r", "acme/site", "-p", "x", "-w", "04"], { env: bare });
  expect({ code: refused.code, stderr: refused.stderr }).toEqual({
    code: 6,
    stderr: expect.stringMatching(/no GitHub credential[\s\S]*cw refresh/),
  });
}, 60_000);
