import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claudeAgent } from "../../src/agents/claude.ts";
import { disallowedTools } from "../../src/agents/claude-policy.ts";
import { agentEnvironmentNames } from "../../src/agents/environment.ts";
import { proxyVariables } from "../../src/model/egress.ts";
import { FleetError } from "../../src/model/errors.ts";
import { requestOf } from "./request.ts";

const fake = join(import.meta.dir, "../fakes/claude");
const options = {
  path: fake,
  searchPath: "",
  bun: "/opt/bun",
  packageRoot: "/opt/cw",
  voiceServer: "/opt/cw/dist/voice-server.js",
  hidden: ["/home/op", "/srv/fleet"],
};
const agent = claudeAgent(options);
const control = requestOf().controlFolder;

describe("command", () => {
  test("begins a session", () => {
    expect(agent.command(requestOf({ turns: 20, budgetUsd: 1.5 })).argv).toEqual([
      fake,
      "-p",
      "--output-format=stream-json",
      "--verbose",
      "--session-id",
      requestOf().sessionId,
      "--model=sonnet",
      "--max-turns=20",
      "--max-budget-usd=1.5",
      "--setting-sources",
      "user",
      "--settings",
      `${control}/policy.json`,
      "--mcp-config",
      `${control}/mcp.json`,
      "--strict-mcp-config",
      "--permission-mode",
      "dontAsk",
      "--permission-prompts",
      "none",
      "--disallowedTools",
      disallowedTools.join(","),
    ]);
  });
  test("resumes one, without limits", () => {
    const { argv } = agent.command(requestOf({ resume: true }));
    expect(argv.slice(3, 8)).toEqual([
      "--verbose",
      "--resume",
      requestOf().sessionId,
      "--model=sonnet",
      "--setting-sources",
    ]);
  });
  test("A4: a model can't become a flag", () => {
    expect(agent.command(requestOf({ model: "--mcp-config=/evil" })).argv).toContain("--model=--mcp-config=/evil");
  });
  test("works in the clone", () => {
    expect(agent.command(requestOf()).cwd).toBe("/srv/fleet/01/github/acme/site");
  });
});

describe("environment", () => {
  const provider = {
    ANTHROPIC_API_KEY: "key",
    GH_TOKEN: "ghp",
    ANTHROPIC_BASE_URL: "",
    NODE_OPTIONS: "--require=/evil",
  };
  test("A52: is exactly this", () => {
    expect(agent.command(requestOf({ provider })).env).toEqual({
      HOME: "/srv/fleet/01",
      LANG: "C.UTF-8",
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      SHELL: "/bin/bash",
      USER: "worker-01",
      CW_ATTEMPT_COOKIE: "cookie-1",
      ANTHROPIC_API_KEY: "key",
      BASH_DEFAULT_TIMEOUT_MS: "600000",
      BASH_MAX_TIMEOUT_MS: "3600000",
      CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
      CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
      CLAUDE_CODE_DISABLE_CRON: "1",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      CLAUDE_CODE_ENABLE_TODO_TOOLS: "1",
      CLAUDE_CODE_STARTUP_FAILURE_RESULTS: "1",
      CLAUDE_CODE_TMPDIR: "/srv/fleet/01/tmp",
      DISABLE_AUTOUPDATER: "1",
      MCP_TIMEOUT: "15000",
    });
  });
  test("holds only names of the published list, and each of them can occur", () => {
    const all = { ...provider, ANTHROPIC_BASE_URL: "u", ANTHROPIC_AUTH_TOKEN: "t", CLAUDE_CODE_OAUTH_TOKEN: "o" };
    const { env } = agent.command(requestOf({ provider: all }));
    expect(Object.keys({ ...env, ...proxyVariables }).sort()).toEqual([...agentEnvironmentNames].sort());
  });
});

describe("files", () => {
  const parsed = (innerSandbox: boolean) => {
    const files = agent.files(requestOf({ innerSandbox }));
    expect(Object.keys(files)).toEqual(["policy.json", "mcp.json"]);
    return { policy: JSON.parse(files["policy.json"] ?? ""), mcp: JSON.parse(files["mcp.json"] ?? "") };
  };
  test("the policy inside Claude's sandbox", () => {
    const { policy } = parsed(true);
    expect(policy.permissions).toMatchObject({
      defaultMode: "dontAsk",
      disableBypassPermissionsMode: "disable",
      blockReadsOutsideWorkingDirectories: true,
      blockWritesOutsideWorkingDirectories: true,
      deny: ["WebFetch", "WebSearch"],
    });
    expect(policy.sandbox).toMatchObject({
      enabled: true,
      failIfUnavailable: true,
      allowUnsandboxedCommands: false,
      excludedCommands: [],
    });
    expect(policy.sandbox.filesystem.denyRead).toEqual(["/home", "/root", "/home/op", "/srv/fleet", control]);
    expect(policy.sandbox.filesystem.allowRead).toContain("/srv/fleet/01/github/acme/site");
    expect(policy.sandbox.credentials.envVars).toContainEqual({ name: "ANTHROPIC_API_KEY", mode: "deny" });
    expect(policy.includeCoAuthoredBy).toBe(false);
  });
  test("the policy without it", () => {
    const { policy } = parsed(false);
    expect(policy.sandbox).toEqual({ enabled: false });
    expect(policy.permissions.blockReadsOutsideWorkingDirectories).toBe(false);
    expect(policy.permissions.allow).toContain("Bash");
  });
  test("the voice, started so that the clone has no say in it", () => {
    expect(parsed(true).mcp).toEqual({
      mcpServers: {
        worker: {
          type: "stdio",
          command: "/opt/bun",
          args: [
            "--config=/opt/cw/bin/empty-bunfig.toml",
            "--tsconfig-override=/opt/cw/bin/empty-tsconfig.json",
            "--no-env-file",
            "/opt/cw/dist/voice-server.js",
          ],
          env: {},
          alwaysLoad: true,
          timeout: 60_000,
        },
      },
    });
  });
  test("A50: hold no secret", () => {
    const files = agent.files(requestOf({ provider: { ANTHROPIC_API_KEY: "sk-secret" } }));
    expect(JSON.stringify(files)).not.toContain("sk-secret");
  });
});

describe("the program", () => {
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-claude-")));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function program(name: string, script: string, mode = 0o755): string {
    const path = join(folder, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, mode);
    return path;
  }
  const at = (path: string | null, searchPath = "") => claudeAgent({ ...options, path, searchPath });
  async function refusal(agentThere: ReturnType<typeof at>): Promise<FleetError> {
    const error = await Promise.resolve()
      .then(() => agentThere.check())
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FleetError);
    expect(error).toMatchObject({ code: "environment", hint: expect.stringContaining("@anthropic-ai/claude-code") });
    return error as FleetError;
  }

  test("answers with its version and its real path", async () => {
    const real = program("versions/2.1.400", "echo '2.1.400 (Claude Code)'");
    symlinkSync(real, join(folder, "claude"));
    expect(await at(join(folder, "claude")).check()).toEqual({ path: real, version: "2.1.400" });
    expect(await at(null, `/nowhere:${folder}`).check()).toEqual({ path: real, version: "2.1.400" });
    expect(at(null, folder).needs).toEqual([real, "/opt/bun", "/opt/cw"]);
    expect(at(null, folder).command(requestOf()).argv[0]).toBe(real);
  });
  test("A65: is never looked for in the current directory", async () => {
    program("claude", "echo '9.9.9 (Claude Code)'");
    const before = process.cwd();
    process.chdir(folder);
    try {
      expect((await refusal(at(null, ".::bin:"))).message).toBe("claude is not on PATH");
      expect((await refusal(at("./claude"))).message).toContain("absolute");
    } finally {
      process.chdir(before);
    }
  });
  test("is asked in an environment and a HOME of its own", async () => {
    const there = program("claude", `env > ${folder}/env; pwd > ${folder}/pwd; echo '2.1.329 (Claude Code)'`);
    await at(there).check();
    const env = await Bun.file(join(folder, "env")).text();
    const names = env
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0]);
    expect(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name ?? "")).sort()).toEqual([
      "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
      "DISABLE_AUTOUPDATER",
      "HOME",
      "PATH",
    ]);
    expect(env).toContain(`HOME=${(await Bun.file(join(folder, "pwd")).text()).trim()}`);
    expect(env).not.toContain(`HOME=${process.env["HOME"]}\n`);
  });
  test.each([
    ["too old", "echo '2.1.197 (Claude Code)'", "is version 2.1.197, 2.1.329 or newer is needed"],
    ["another program", "echo hello", "--version failed: hello"],
    ["broken", "echo no library >&2; exit 127", "--version failed: no library"],
    ["silent", "exit 3", "--version failed: exit 3"],
  ])("is refused when it is %s", async (_, script, words) => {
    expect((await refusal(at(program("claude", script)))).message).toContain(words);
  });
  test("is refused when it is not there, not executable or a folder", async () => {
    expect((await refusal(at(join(folder, "claude")))).message).toContain("does not exist or is not executable");
    expect((await refusal(at(program("claude", "", 0o644)))).message).toContain("not executable");
    expect((await refusal(at(folder))).message).toContain("is not a file");
  });
});
