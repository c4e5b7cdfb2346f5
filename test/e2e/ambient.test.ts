/** The operator's own logins lie all around: none is used, none gets inside, none is written down. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestFleet, testFleet } from "../support/fleet.ts";

const canary = "canary-of-the-operators-own-login";
/** Programs that hand out logins, and the variables that name such. */
const helpers = ["gh", "secret-tool", "security", "pass", "git-credential-store", "git-credential-libsecret", "ask"];

let fleet: TestFleet;
let asked: string;
let ambient: Record<string, string>;

beforeAll(async () => {
  fleet = await testFleet();
  // They would be good for something: that nobody uses them has to be seen.
  for (const kind of ["git", "netrc", "enterprise", ...helpers])
    fleet.standin.addUser({ login: `own-${kind}`, token: `${canary}-${kind}` });
  asked = join(fleet.folder, "asked");
  const bin = join(fleet.folder, "helpers");
  mkdirSync(bin);
  for (const name of helpers) {
    const answer = `username=acme\\npassword=${canary}-${name}\\n`;
    writeFileSync(join(bin, name), `#!/bin/sh\necho ${name} "$@" >> ${asked}\nprintf '${answer}'\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const plant = (name: string, content: string) => {
    const file = join(fleet.operator, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode: 0o600 });
  };
  const login = { accessToken: `${canary}-claude`, refreshToken: `${canary}-refresh`, expiresAt: 4e12 };
  const { host } = new URL(fleet.standin.url);
  plant(".claude/.credentials.json", JSON.stringify({ claudeAiOauth: login }));
  plant(
    ".claude/settings.json",
    JSON.stringify({ apiKeyHelper: join(bin, "ask"), env: { ANTHROPIC_API_KEY: canary } }),
  );
  plant(".claude.json", JSON.stringify({ primaryApiKey: `${canary}-primary` }));
  plant(".config/gh/hosts.yml", `${host}:\n  user: acme\n  oauth_token: ${canary}-gh\n`);
  plant(".git-credentials", `http://acme:${canary}-git@${host}\n`);
  plant(".netrc", `machine ${host.split(":")[0]} login acme password ${canary}-netrc\n`);
  plant(
    ".gitconfig",
    `[credential]\n\thelper = ${join(bin, "ask")}\n\thelper = store\n[http]\n\textraHeader = "X-Own: ${canary}"\n`,
  );
  plant(".config/git/config", `[core]\n\taskPass = ${join(bin, "ask")}\n`);
  ambient = {
    PATH: `${bin}:${fleet.env["PATH"]}`,
    GIT_ASKPASS: join(bin, "ask"),
    SSH_ASKPASS: join(bin, "ask"),
    GH_CONFIG_DIR: join(fleet.operator, ".config/gh"),
    CLAUDE_CONFIG_DIR: join(fleet.operator, ".claude"),
    GH_ENTERPRISE_TOKEN: `${canary}-enterprise`,
    AWS_SECRET_ACCESS_KEY: `${canary}-aws`,
  };
});
afterAll(() => fleet.close());

test("without the fleet's own credentials there is none", async () => {
  const none = {
    ...ambient,
    CW_ROOT: join(fleet.folder, "elsewhere"),
    GH_TOKEN: undefined,
    ANTHROPIC_API_KEY: undefined,
  };
  const made = await fleet.cw(["init", "07"], { env: none });
  expect([made.code, made.stderr]).toEqual([0, expect.stringContaining("no credentials stored")]);
  expect(existsSync(join(fleet.folder, "elsewhere/.fleet/07/secrets.json"))).toBe(false);
  const dispatch = ["dispatch", "-r", "acme/site", "-p", "Work."];
  expect(await fleet.cw(dispatch, { env: none })).toMatchObject({
    code: 6,
    stderr: expect.stringContaining("no Claude credential"),
  });
  const half = { ...none, ANTHROPIC_API_KEY: fleet.key };
  expect(await fleet.cw(dispatch, { env: half })).toMatchObject({
    code: 6,
    stderr: expect.stringContaining("no GitHub credential"),
  });
  expect(existsSync(asked)).toBe(false);
}, 30_000);

test("with them they alone are used, from the first request to the push", async () => {
  for (const [scenario, outcome] of [
    ["env", "answered"],
    ["edit", "delivered"],
  ]) {
    const issue = fleet.repo.openIssue({ title: "Look", body: `[[scenario:${scenario}]]` });
    const { code, stderr } = await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue)], { env: ambient });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining(canary)]);
    const end = await fleet.ended("01");
    expect([end.outcome, end.reason]).toEqual([outcome ?? "", expect.not.stringContaining(canary)]);
  }
  // Nobody was asked; nothing of it was sent, shown to the agent, or written down.
  expect(existsSync(asked)).toBe(false);
  const { entries } = fleet.standin.journal;
  expect(entries.filter(({ login }) => login?.startsWith("own-"))).toEqual([]);
  expect(entries.some(({ login }) => login === "acme")).toBe(true);
  expect(JSON.stringify(entries)).not.toMatch(/canary-of|token of own-/);
  const files = readdirSync(fleet.root, { recursive: true, encoding: "utf8" }).map((file) => join(fleet.root, file));
  expect(files.filter((file) => statSync(file).isFile() && readFileSync(file, "latin1").includes(canary))).toEqual([]);
}, 60_000);

test.each([
  ["its content", JSON.stringify({ claudeAiOauth: { refreshToken: canary } })],
  ["the way to it", "/home/me/.claude/.credentials.json"],
])(
  "a .credentials.json is refused as a credential, with the reason: %s",
  async (_, value) => {
    for (const args of [
      ["init", "08"],
      ["refresh", "01"],
    ]) {
      const { code, stderr } = await fleet.cw(args, { env: { CLAUDE_CODE_OAUTH_TOKEN: value } });
      expect([code, stderr]).toEqual([
        9,
        expect.stringMatching(/CLAUDE_CODE_OAUTH_TOKEN.*refresh token changes.*setup-token/),
      ]);
      expect(stderr).not.toContain(canary);
    }
  },
  30_000,
);
