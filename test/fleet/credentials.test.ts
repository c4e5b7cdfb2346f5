/** Whose credentials an attempt gets: the environment's, else what the worker has stored. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentialsOf } from "../../src/fleet/fleet.ts";
import { openStore } from "../../src/store/store.ts";

const root = mkdtempSync(join(tmpdir(), "cw-credentials-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const store = openStore(root);
const identity = {
  version: 1,
  worker: "01",
  name: "W",
  email: "w@example.com",
  template: "worker",
  createdAt: "",
} as const;
const stored = { ANTHROPIC_API_KEY: "stored-key", ANTHROPIC_BASE_URL: "https://stored.example" };
store.workers.create(identity, { version: 1, githubToken: "stored-token", provider: stored });

const from = (githubToken: string | null, provider: Record<string, string>) =>
  credentialsOf({ store, credentials: { githubToken, provider } }, "01");

test("nothing in the environment: what is stored", () => {
  expect(from(null, {})).toEqual({ githubToken: "stored-token", provider: stored });
});

test("a credential in the environment comes alone: never one account's key at another's endpoint", () => {
  const provider = { CLAUDE_CODE_OAUTH_TOKEN: "mine" };
  expect(from("my-token", provider)).toEqual({ githubToken: "my-token", provider });
});

test("an App goes before any token, whoever has which", () => {
  const app = { id: "77", keyFile: "/home/x/app.pem" };
  const mine = { store, credentials: { githubToken: "my-token", githubApp: app, provider: {} } };
  expect(credentialsOf(mine, "01")).toMatchObject({ githubToken: null, githubApp: app });
  store.workers.create({ ...identity, worker: "02" }, { version: 1, githubApp: app, provider: stored });
  const shell = { store, credentials: { githubToken: "my-token", provider: {} } };
  expect(credentialsOf(shell, "02")).toEqual({ githubToken: null, githubApp: app, provider: stored });
});

test("an endpoint alone goes with the stored credential", () => {
  expect(from(null, { ANTHROPIC_BASE_URL: "https://proxy.example" }).provider).toEqual({
    ANTHROPIC_API_KEY: "stored-key",
    ANTHROPIC_BASE_URL: "https://proxy.example",
  });
});
