/** What is wrong on the machine (configuration, tools, isolation, credentials, the root): said before anything is touched. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemPath, type TestFleet, testFleet } from "../support/fleet.ts";
import { ordinaryUser } from "../support/user.ts";
import { type Expected, refused, refusedAsJson } from "./refused.ts";

let fleet: TestFleet;
let dispatch: string[];
beforeAll(async () => {
  fleet = await testFleet({ workers: [] });
  const made = await fleet.cw(["init", "01", "--no-store"]);
  expect(made.code).toBe(0);
  dispatch = ["dispatch", "-r", "acme/site", "-i", String(fleet.repo.openIssue({ title: "The link is broken" }))];
});
afterAll(async () => {
  expect(fleet.repo.labels(1)).toEqual([]);
  expect(await fleet.claim(1)).toEqual([]);
  expect(await fleet.leftovers()).toEqual([]);
  expect(fleet.standin.journal.entries).toEqual([]);
  await fleet.close();
});

/** A folder below the fleet's with those programs; links where there is no text. */
function tools(name: string, programs: Record<string, string | null>): string {
  const folder = join(fleet.folder, "tools", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [program, text] of Object.entries(programs)) {
    const path = join(folder, program);
    if (text === null) symlinkSync(String(Bun.which(program)), path);
    else writeFileSync(path, text, { mode: 0o755 });
  }
  return folder;
}
const basic = { sh: null, cat: null, dirname: null, readlink: null, uname: null };

describe("the configuration", () => {
  const at = (name: string, content: string, mode = 0o600) => {
    const folder = join(fleet.folder, "configs", name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, "config.json"), content);
    chmodSync(join(folder, "config.json"), mode);
    return join(folder, "config.json");
  };
  const cases: [string, string, RegExp, number?][] = [
    ["bad-json", '{"root": ', /bad-json\/config\.json: is not JSON/],
    ["no-object", "[]", /expected a JSON object/],
    ["unknown-key", '{"limits": {"wal": "1h"}}', /unknown key limits\.wal; did you mean wall\?/],
    ["wrong-type", '{"limits": {"wall": true}}', /limits\.wall: expected a duration .*, found true/],
    ["endless", '{"limits": {"silence": "30d"}}', /limits\.silence: expected a duration/],
    ["no-isolation", '{"isolation": "docker"}', /isolation: expected one of auto, bubblewrap, settings, none/],
    ["namespace", '{"claims": {"namespace": "refs/../x"}}', /claims\.namespace: expected a ref namespace/],
    ["repo", '{"repos": {"not a repo": {}}}', /expected the name of a repository/],
    ["writable", "{}", /can be written by others/, 0o666],
  ];
  for (const [name, content, message, mode] of cases) {
    test(name, async () => {
      const env = { CW_CONFIG: at(name, content, mode), CW_ISOLATION: undefined };
      const hint = mode === undefined ? {} : { hint: /^chmod go-w/ };
      await refused(fleet, dispatch, { code: "config", message, ...hint }, { env });
      await refusedAsJson(fleet, ["status"], { code: "config", message, ...hint }, { env });
      for (const args of [["--help"], ["dispatch", "--help"], ["--version"]])
        expect((await fleet.cw(args, { env })).code).toBe(0);
    });
  }

  test("what is not there, or no file", async () => {
    const missing = { code: "config", message: /there is no such configuration file/ } as const;
    await refused(fleet, ["--config", join(fleet.folder, "nowhere.json"), ...dispatch], missing);
    await refused(
      fleet,
      ["status"],
      { code: "config", message: /not a regular file/ },
      { env: { CW_CONFIG: fleet.folder } },
    );
  });

  const variables: [string, string, RegExp][] = [
    ["GITHUB_API_URL", "http://github.example", /^GITHUB_API_URL: expected an https URL \(http only to loopback\)/],
    ["GITHUB_SERVER_URL", "https://me:secret@github.com", /^GITHUB_SERVER_URL: expected an https URL/],
    ["ANTHROPIC_BASE_URL", "http://10.0.0.1", /^ANTHROPIC_BASE_URL: expected an https URL/],
    ["GH_TOKEN", "ghp_with a space", /^GH_TOKEN: expected a credential/],
    ["ANTHROPIC_API_KEY", "two\nlines", /^ANTHROPIC_API_KEY: expected a credential/],
    ["CW_CLAUDE", "claude", /^CW_CLAUDE: expected a path with a slash/],
    ["CW_AGENT", "codex", /^CW_AGENT: expected one of claude, dry-run/],
    ["CW_MODEL", "--evil", /^CW_MODEL: expected the name of a model/],
  ];
  for (const [name, value, message] of variables) {
    test(`${name}: ${JSON.stringify(value)}`, async () => {
      const said = await refusedAsJson(fleet, dispatch, { code: "config", message }, { env: { [name]: value } });
      expect(said).not.toContain("secret");
    });
  }
});

describe("tools", () => {
  const environment = (message: RegExp, hint: RegExp): Expected => ({ code: "environment", message, hint });

  test("git is missing, or too old to keep its configuration to itself", async () => {
    const env = { PATH: tools("no-git", { ...basic, bwrap: null }), CW_ISOLATION: "none" };
    await refused(fleet, dispatch, environment(/^git is not installed/, /install git/), { env });
    const old = tools("old-git", { ...basic, git: "#!/bin/sh\necho git version 2.25.1\n" });
    const oldest = environment(/old-git\/git is version 2\.25\.1, 2\.31 or newer is needed/, /git/);
    await refused(fleet, dispatch, oldest, { env: { ...env, PATH: old } });
    const broken = tools("broken-git", {
      ...basic,
      git: "#!/bin/sh\necho git: cannot open shared object >&2; exit 127\n",
    });
    const words = environment(/git --version failed: git: cannot open shared object/, /git/);
    await refused(fleet, dispatch, words, { env: { ...env, PATH: broken } });
  });

  test("nothing to isolate with: refused, and never without isolation instead", async () => {
    const path = (name: string, bwrap?: string) => tools(name, { ...basic, git: null, ...(bwrap ? { bwrap } : {}) });
    const isolated = (message: RegExp, hint: RegExp) =>
      environment(new RegExp(`^the agent can't be isolated: ${message.source}`), hint);
    for (const CW_ISOLATION of ["auto", "bubblewrap", "settings"]) {
      const missing = isolated(/bubblewrap is not installed/, /apt-get install bubblewrap/);
      await refusedAsJson(fleet, dispatch, missing, { env: { PATH: path("no-bwrap"), CW_ISOLATION } });
    }
    const words = "bwrap: No permissions to create new namespace, likely because the kernel does not allow it";
    const forbidden = path("no-namespaces", `#!/bin/sh\necho '${words}' >&2; exit 1\n`);
    await refused(fleet, dispatch, isolated(/bwrap: No permissions/, /user\.max_user_namespaces/), {
      env: { PATH: forbidden, CW_ISOLATION: "bubblewrap" },
    });
  });

  const claudes = ["bwrap", "socat", "rg"].every((name) => Bun.which(name, { PATH: systemPath }) !== null);
  test.if(claudes)(
    "gates, and only Claude's own sandbox: refused, whether it was chosen or is all there is",
    async () => {
      const CW_CONFIG = join(fleet.folder, "gated.json");
      writeFileSync(CW_CONFIG, '{"repos": {"acme/site": {"gates": ["true"]}}}', { mode: 0o600 });
      const unwalled = environment(
        /^the isolation settings can't hold the gates of acme\/site/,
        /apt-get install bubblewrap/,
      );
      await refused(fleet, dispatch, unwalled, { env: { CW_CONFIG, CW_ISOLATION: "settings" } });
      await refused(fleet, [...dispatch, "--dry-run"], unwalled, { env: { CW_CONFIG, CW_ISOLATION: "settings" } });
      const PATH = tools("weak", { ...basic, git: null, bwrap: "#!/bin/sh\necho 'bwrap: no' >&2; exit 1\n" });
      await refused(fleet, dispatch, unwalled, { env: { CW_CONFIG, CW_ISOLATION: "auto", PATH } });
    },
  );

  const program = (name: string, text: string, mode = 0o755) => {
    const path = join(fleet.folder, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const claude: [string, () => string | undefined, RegExp][] = [
    ["is not on PATH", () => undefined, /^claude is not on PATH/],
    ["is not there", () => "/nonexistent/claude", /^claude can't be run: \/nonexistent\/claude does not exist/],
    ["is a folder", () => fleet.folder, /is not a file/],
    ["may not be executed", () => program("plain", "#!/bin/sh\n", 0o644), /does not exist or is not executable/],
    [
      "is too old",
      () => program("old", "#!/bin/sh\necho '2.1.197 (Claude Code)'\n"),
      /is version 2\.1\.197, 2\.1\.\d+ or newer/,
    ],
    [
      "can't run",
      () => program("broken", "#!/bin/sh\necho 'no such library' >&2; exit 127\n"),
      /--version failed: no such library/,
    ],
    ["is no program", () => program("text", "#!/nonexistent/interpreter\n"), /--version failed/],
    ["is something else", () => program("other", "#!/bin/sh\necho hello\n"), /--version failed: hello/],
  ];
  for (const [name, path, message] of claude) {
    test(`claude ${name}`, async () => {
      const env = { CW_CLAUDE: path(), PATH: "/usr/bin:/bin", CW_ISOLATION: "none" };
      await refused(fleet, dispatch, environment(message, /npm install -g @anthropic-ai\/claude-code/), { env });
    });
  }

  test("A65: one in the current directory is never taken", async () => {
    const cwd = join(fleet.folder, "clone");
    mkdirSync(cwd);
    for (const name of ["claude", "git", "bwrap"])
      copyFileSync(program("evil", "#!/bin/sh\ntouch ran\n"), join(cwd, name));
    for (const name of ["claude", "git", "bwrap"]) chmodSync(join(cwd, name), 0o755);
    const env = { CW_CLAUDE: undefined, PATH: `.::${tools("nothing", basic)}`, CW_ISOLATION: "none" };
    await refused(fleet, dispatch, environment(/is not (?:on PATH|installed)/, /./), { env, cwd });
  });
});

describe("credentials", () => {
  test("of GitHub: no ambient login is used instead", async () => {
    mkdirSync(join(fleet.operator, ".config/gh"), { recursive: true });
    writeFileSync(join(fleet.operator, ".config/gh/hosts.yml"), `github.com:\n  oauth_token: ${fleet.token}\n`);
    writeFileSync(join(fleet.operator, ".netrc"), `machine 127.0.0.1 login acme password ${fleet.token}\n`);
    const expected = { code: "auth", message: /^no GitHub credential/, hint: /export GH_TOKEN=/ } as const;
    await refused(fleet, dispatch, expected, { env: { GH_TOKEN: undefined, CW_ISOLATION: "none" } });
  });

  test("of Claude", async () => {
    const expected = { code: "auth", message: /^no Claude credential/, hint: /CLAUDE_CODE_OAUTH_TOKEN/ } as const;
    await refused(fleet, dispatch, expected, { env: { ANTHROPIC_API_KEY: undefined, CW_ISOLATION: "none" } });
  });
});

describe("the root", () => {
  test("is a file, or lies below one", async () => {
    const file = join(fleet.folder, "file");
    writeFileSync(file, "");
    for (const CW_ROOT of [file, join(file, "below")]) {
      for (const args of [["init", "01"], ["status"], dispatch]) {
        const expected = {
          code: "environment",
          message: /file.*\((?:ENOTDIR|EEXIST)\)|ENOTDIR/,
          hint: /CW_ROOT/,
        } as const;
        await refusedAsJson(fleet, args, expected, { env: { CW_ROOT } });
      }
    }
  });

  test("may not be written", async () => {
    const expected = { code: "environment", message: /\/proc\/workers.*can't be made/, hint: /CW_ROOT/ } as const;
    await refused(fleet, ["init", "01"], expected, { env: { CW_ROOT: "/proc/workers" } });
  });

  test("belongs to another user", async () => {
    const user = ordinaryUser();
    if (user.uid === process.getuid?.()) return;
    const other = await testFleet({ asUser: user, workers: [] });
    try {
      const expected = { code: "environment", message: /EACCES/, hint: /./ } as const;
      await refused(other, ["status"], expected, { env: { CW_ROOT: fleet.root } });
      await refused(other, ["init", "02"], expected, { env: { CW_ROOT: join(fleet.folder, "new") } });
    } finally {
      await other.close();
    }
  });

  test("is given as a relative path with ..: taken as it is written, never outside of what was said", async () => {
    const made = await fleet.cw(["--root", "operator/../elsewhere", "init", "01", "--no-store"]);
    expect([made.code, made.stdout.trim()]).toEqual([0, `worker 01 is ready: ${join(fleet.folder, "elsewhere/01")}`]);
    rmSync(join(fleet.folder, "elsewhere"), { recursive: true });
    expect(readlinkSync("/proc/self/cwd")).not.toContain("elsewhere");
  });
});
