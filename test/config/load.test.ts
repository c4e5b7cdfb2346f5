import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { type LoadOptions, loadConfig } from "../../src/config/load.ts";
import { FleetError } from "../../src/model/errors.ts";

let home: string;
let folder: string;
let file: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "cw-config-")));
  folder = join(home, ".config/claude-workers");
  file = join(folder, "config.json");
  mkdirSync(folder, { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const write = (value: unknown) => writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
const writeEnv = (text: string) => writeFileSync(join(folder, "env"), text, { mode: 0o600 });
const load = (env: Record<string, string> = {}, flags: LoadOptions["flags"] = {}) =>
  loadConfig({ env: { HOME: home, ...env }, cwd: "/somewhere", flags });

async function problem(env: Record<string, string> = {}, flags: LoadOptions["flags"] = {}): Promise<string> {
  try {
    await load(env, flags);
  } catch (error) {
    if (error instanceof FleetError && error.code === "config") return error.message;
    throw error;
  }
  return "none";
}

describe("values", () => {
  test("defaults", async () => {
    const { config, secrets, file: path, origins } = await load();
    expect(config).toMatchObject({
      root: join(home, "workers"),
      agent: "claude",
      isolation: "auto",
      model: "sonnet",
      github: { apiUrl: "https://api.github.com", serverUrl: "https://github.com" },
      claude: { path: null },
      limits: { start: 120_000, silence: 900_000, wall: 7_200_000, budgetUsd: null, turns: null },
      claims: { lease: 1_800_000, grace: 60_000, namespace: "refs/claude-workers/claims" },
      steps: { prepare: 600_000, publish: 300_000 },
      repos: {},
    });
    expect(secrets).toEqual({ githubToken: undefined, provider: {} });
    expect(path).toBe(file);
    expect([...origins]).toEqual([]);
  });

  test("flags > environment > env file > file > defaults, and where each came from", async () => {
    write({ root: "/file", model: "file", agent: "dry-run", isolation: "none", limits: { wall: "1h" } });
    writeEnv("CW_ROOT=/envfile\nCW_MODEL=envfile\nCW_AGENT=claude\n");
    const { config, origins } = await load({ CW_ROOT: "/env", CW_MODEL: "env" }, { root: "/flag" });
    expect([config.root, config.model, config.agent, config.isolation]).toEqual(["/flag", "env", "claude", "none"]);
    expect(config.limits).toMatchObject({ wall: 3_600_000, silence: 900_000 });
    expect(Object.fromEntries(origins)).toEqual({
      root: "--root",
      model: "CW_MODEL",
      agent: `${join(folder, "env")}: CW_AGENT`,
      isolation: file,
      "limits.wall": file,
    });
  });

  test("an empty variable is none", async () => {
    write({ model: "opus" });
    expect((await load({ CW_MODEL: "", GH_TOKEN: "" })).config.model).toBe("opus");
  });

  const durations: [unknown, number][] = [
    ["90s", 90_000],
    ["1.5h", 5_400_000],
    ["2 minutes", 120_000],
    [250, 250],
    ["250", 250],
    ["24d", 24 * 86_400_000],
  ];
  for (const [value, ms] of durations) {
    test(`duration ${value}`, async () => {
      write({ limits: { wall: value } });
      expect((await load()).config.limits.wall).toBe(ms);
    });
  }

  const paths: [string, object, Record<string, string>, LoadOptions["flags"], () => string][] = [
    ["a file's path starts from its folder", { root: "w" }, {}, {}, () => join(folder, "w")],
    ["a variable's from the current one", {}, { CW_ROOT: "w" }, {}, () => "/somewhere/w"],
    ["a flag's too", {}, {}, { root: "../w" }, () => "/w"],
    ["~ is HOME", { root: "~/w" }, {}, {}, () => join(home, "w")],
    ["~ alone", {}, { CW_ROOT: "~" }, {}, () => home],
  ];
  test("HOME and root have one name each: by another than that of the place itself it would not be hidden from agents", async () => {
    mkdirSync(join(home, "real"));
    symlinkSync("real", join(home, "link"));
    const { config, home: found } = await load({ HOME: join(home, "link"), CW_ROOT: join(home, "link/not/there") });
    expect([found, config.root]).toEqual([join(home, "real"), join(home, "real/not/there")]);
  });

  for (const [name, values, env, flags, expected] of paths) {
    test(`paths: ${name}`, async () => {
      write(values);
      expect((await load(env, flags)).config.root).toBe(expected());
    });
  }

  test("claude's path", async () => {
    expect((await load({ CW_CLAUDE: "~/bin/claude" })).config.claude.path).toBe(join(home, "bin/claude"));
  });

  test("repositories", async () => {
    write({ repos: { "acme/site": { gates: ["npm test"], base: "next", workflows: true }, "a/b.c": {} } });
    expect((await load()).config.repos).toEqual({
      "acme/site": { gates: ["npm test"], base: "next", workflows: true },
      "a/b.c": { gates: [], workflows: false },
    });
  });

  test("URLs lose the slash at their end", async () => {
    const { config } = await load({
      GITHUB_API_URL: "https://ghe.example/api/v3/",
      GITHUB_SERVER_URL: "HTTPS://GHE.example",
    });
    expect(config.github).toEqual({ apiUrl: "https://ghe.example/api/v3", serverUrl: "https://ghe.example" });
  });

  test("A65: tools are looked for in absolute folders only", async () => {
    expect((await load({ PATH: ".::bin:/a:../b:/c d" })).toolPath).toBe("/a:/c d");
    expect((await load({ PATH: "." })).toolPath).toBe("/usr/local/bin:/usr/bin:/bin");
  });

  test("HOME, unless it is relative", async () => {
    expect((await load()).home).toBe(home);
    expect((await load({ HOME: "relative", XDG_CONFIG_HOME: home })).home).toBe(homedir());
  });
});

describe("which file", () => {
  test("XDG_CONFIG_HOME, unless it is relative", async () => {
    expect((await load({ XDG_CONFIG_HOME: join(home, "xdg") })).file).toBe(
      join(home, "xdg/claude-workers/config.json"),
    );
    expect((await load({ XDG_CONFIG_HOME: "xdg" })).file).toBe(file);
  });

  test("--config, then CW_CONFIG; the env file lies beside it", async () => {
    const other = join(home, "other");
    mkdirSync(other);
    writeFileSync(join(other, "c.json"), '{"model":"opus"}');
    writeFileSync(join(other, "env"), "GH_TOKEN=t\n", { mode: 0o600 });
    const loaded = await load({ CW_CONFIG: "/nowhere.json" }, { config: join(other, "c.json") });
    expect([loaded.config.model, loaded.secrets.githubToken]).toEqual(["opus", "t"]);
    expect((await load({ CW_CONFIG: "~/other/c.json" })).config.model).toBe("opus");
  });

  test("one that was named must exist", async () => {
    expect(await problem({ CW_CONFIG: "/nowhere.json" })).toBe("/nowhere.json: there is no such configuration file");
    expect(await problem({}, { config: "x.json" })).toBe("/somewhere/x.json: there is no such configuration file");
  });
});

describe("secrets", () => {
  test("GH_TOKEN wins over GITHUB_TOKEN, the environment over the env file", async () => {
    expect((await load({ GH_TOKEN: "a", GITHUB_TOKEN: "b" })).secrets.githubToken).toBe("a");
    expect((await load({ GITHUB_TOKEN: "b" })).secrets.githubToken).toBe("b");
    writeEnv("# fleet\n\nGH_TOKEN='c'\nANTHROPIC_API_KEY=\"k\"\nANTHROPIC_BASE_URL=http://127.0.0.1:1/\n");
    const { secrets, origins } = await load({ ANTHROPIC_API_KEY: "e" });
    expect(secrets.githubToken).toBe("c");
    expect(secrets.provider).toEqual({ ANTHROPIC_API_KEY: "e", ANTHROPIC_BASE_URL: "http://127.0.0.1:1" });
    expect(origins.get("GH_TOKEN")).toBe(`${join(folder, "env")}: GH_TOKEN`);
    expect(origins.get("ANTHROPIC_API_KEY")).toBe("ANTHROPIC_API_KEY");
  });

  test("are never part of a message", async () => {
    const secret = "ghp_0123456789";
    const messages = [
      await problem({ GH_TOKEN: `${secret}\n` }),
      await problem({ GH_TOKEN: `${secret} x` }),
      await problem({ GITHUB_API_URL: `https://x:${secret}@example.com` }),
      await problem({ ANTHROPIC_BASE_URL: `https://${secret}@example.com` }),
      await problem({ CW_MODEL: ` ${secret}` }),
    ];
    for (const line of [`GH_TOKN=${secret}`, `export ${secret}`]) {
      writeEnv(line);
      messages.push(await problem());
    }
    for (const message of messages) {
      expect(message).not.toContain(secret);
      expect(message).not.toBe("none");
    }
  });
});

describe("what is wrong is named", () => {
  const rows: [unknown, string][] = [
    ["{", "is not JSON"],
    ["[]", "expected a JSON object"],
    [{ rot: 1 }, "unknown key rot; did you mean root?"],
    [{ limits: { wal: 1 } }, "unknown key limits.wal; did you mean wall?"],
    [{ zzzzzz: 1 }, "unknown key zzzzzz"],
    ['{"__proto__":{"root":"/x"}}', "unknown key __proto__"],
    [{ limits: 5 }, "limits: expected an object, found 5"],
    [{ github: null }, "github: expected an object, found null"],
    [
      { limits: { wall: "soon" } },
      'limits.wall: expected a duration above 0 and up to 24 days, such as "90s", "30m", "2h", or a number of milliseconds, found "soon"',
    ],
    [{ limits: { wall: -1 } }, "limits.wall: expected a duration"],
    [{ limits: { wall: "25d" } }, "limits.wall: expected a duration"],
    [{ limits: { wall: "" } }, "limits.wall: expected a duration"],
    [{ limits: { turns: 1.5 } }, "limits.turns: expected a whole number above 0, or null, found 1.5"],
    [{ limits: { budgetUsd: 0 } }, "limits.budgetUsd: expected a number above 0, or null, found 0"],
    [
      { limits: { transcriptBytes: 1 } },
      "limits.transcriptBytes: expected a whole number of bytes, at least 65536, found 1",
    ],
    [{ agent: "cluade" }, 'agent: expected one of claude, dry-run, found "cluade"'],
    [{ isolation: true }, "isolation: expected one of auto, bubblewrap, settings, none, found true"],
    [{ root: "" }, 'root: expected a folder, found ""'],
    [{ root: "a\u0000b" }, "root: expected a folder"],
    [{ model: "a b" }, 'model: expected the name of a model, such as sonnet, found "a b"'],
    [{ model: "--x" }, "model: expected the name of a model"],
    [{ claude: { path: "claude" } }, "claude.path: expected a path with a slash"],
    [{ claims: { namespace: "heads" } }, "claims.namespace: expected a ref namespace"],
    [{ claims: { namespace: "refs/a/../b" } }, "claims.namespace: expected a ref namespace"],
    [{ repos: { site: {} } }, "repos.site: expected the name of a repository, such as acme/site"],
    [{ repos: { "a/..": {} } }, "repos.a/..: expected the name of a repository"],
    [{ repos: { "a/b": { gate: [] } } }, "unknown key repos.a/b.gate; did you mean gates?"],
    [
      { repos: { "a/b": { gates: "npm test" } } },
      'repos.a/b.gates: expected a list of commands, such as ["npm test"], found "npm test"',
    ],
    [{ repos: { "a/b": { gates: [1] } } }, "repos.a/b.gates.0: expected a list of commands"],
    [
      { repos: { "acme/site": {}, "a/b": {}, "Acme/Site": { gates: ["npm test"] } } },
      "repos: acme/site and Acme/Site are one repository: GitHub ignores case",
    ],
    [{ repos: [] }, "repos: expected an object of repositories"],
    [{ "\u001b[31mred": 1 }, "unknown key red"],
  ];
  for (const [value, expected] of rows) {
    test(typeof value === "string" ? value : JSON.stringify(value), async () => {
      write(value);
      expect(await problem()).toStartWith(`${file}: ${expected}`);
    });
  }

  const variables: [Record<string, string>, string][] = [
    [{ CW_AGENT: "x" }, 'CW_AGENT: expected one of claude, dry-run, found "x"'],
    [{ CW_CLAUDE: "claude" }, "CW_CLAUDE: expected a path with a slash"],
    [{ GH_TOKEN: "a b" }, "GH_TOKEN: expected a credential: printable characters without spaces"],
    [{ ANTHROPIC_API_KEY: "a\nX: y" }, "ANTHROPIC_API_KEY: expected a credential"],
  ];
  for (const [env, expected] of variables) {
    test(JSON.stringify(env), async () => expect(await problem(env)).toStartWith(expected));
  }

  test("the env file: file, line and nearest name", async () => {
    const env = join(folder, "env");
    writeEnv("# ok\nCW_ROT=/x\n");
    expect(await problem()).toBe(`${env}: unknown name CW_ROT; did you mean CW_ROOT?`);
    writeEnv("\nnonsense\n");
    expect(await problem()).toBe(`${env}: line 2: expected NAME=VALUE`);
    writeEnv("CW_ROOT=/a\nCW_ROOT=/b\n");
    expect(await problem()).toBe(`${env}: line 2: CW_ROOT is set twice`);
    writeEnv("CW_AGENT=x\n");
    expect(await problem()).toStartWith(`${env}: CW_AGENT: expected one of`);
  });
});

describe("plain http only to loopback", () => {
  const rows: [string, boolean][] = [
    ["https://ghe.example", true],
    ["http://127.0.0.1:4000", true],
    ["http://127.8.9.1", true],
    ["http://localhost:1", true],
    ["http://[::1]:80", true],
    // What a URL parser reads as a loopback address is one.
    ["http://2130706433", true],
    ["http://example.com", false],
    ["http://localhost.example.com", false],
    ["http://127.0.0.1.example.com", false],
    ["http://10.0.0.1", false],
    ["http://0.0.0.0", false],
    ["http://[::ffff:127.0.0.1]", false],
    ["http://user@127.0.0.1", false],
    ["https://user:pass@ghe.example", false],
    ["https://ghe.example?x=1", false],
    ["https://ghe.example#x", false],
    ["ftp://127.0.0.1", false],
    ["file:///etc/passwd", false],
    ["ghe.example", false],
  ];
  for (const [url, good] of rows) {
    test(url, async () => {
      for (const name of ["GITHUB_API_URL", "GITHUB_SERVER_URL", "ANTHROPIC_BASE_URL"]) {
        expect(await problem({ [name]: url })).toStartWith(good ? "none" : `${name}: expected an https URL`);
      }
    });
  }
});

describe("files that are not to be trusted", () => {
  test("written by others, or read by others where credentials are", async () => {
    write({});
    for (const mode of [0o620, 0o602, 0o666]) {
      chmodSync(file, mode);
      expect(await problem()).toBe(`${file}: can be written by others`);
    }
    chmodSync(file, 0o644);
    expect(await problem()).toBe("none");
    writeEnv("GH_TOKEN=x\n");
    chmodSync(join(folder, "env"), 0o640);
    expect(await problem()).toBe(`${join(folder, "env")}: is for credentials and can be read by others`);
  });

  test("no regular file, or a huge one", async () => {
    mkdirSync(file);
    expect(await problem()).toBe(`${file}: is not a regular file`);
    rmSync(file, { recursive: true });
    expect(Bun.spawnSync(["mkfifo", "-m", "600", file]).exitCode).toBe(0);
    expect(await problem()).toBe(`${file}: is not a regular file`);
    rmSync(file);
    write(" ".repeat(2 ** 20 + 1));
    expect(await problem()).toBe(`${file}: is larger than 1048576 bytes`);
  });

  test("a link is followed", async () => {
    writeFileSync(join(home, "real.json"), '{"model":"opus"}');
    symlinkSync(join(home, "real.json"), file);
    expect((await load()).config.model).toBe("opus");
  });

  test.skipIf(process.getuid?.() !== 0)("of another user (needs root)", async () => {
    write({});
    expect(Bun.spawnSync(["chown", "12345", file]).exitCode).toBe(0);
    expect(await problem()).toBe(`${file}: belongs to another user (uid 12345)`);
  });
});
