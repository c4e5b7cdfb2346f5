/** The commands that take care of a fleet: refresh and doctor. */
import { afterEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { begin, running } from "../support/attempt.ts";
import type { TestFleet } from "../support/fleet.ts";
import { closeFleets, long, openFleet, silent } from "./fleet-stage.ts";

afterEach(closeFleets, long);

const secrets = (fleet: TestFleet, worker: string) =>
  JSON.parse(readFileSync(join(fleet.root, ".fleet", worker, "secrets.json"), "utf8"));

test(
  "refresh: HOME from the template, credentials from the environment; what is at work is left alone",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02", "03"] });
    const home = (worker: string, path: string) => join(fleet.root, worker, path);
    const template = readFileSync(home("01", ".claude/CLAUDE.md"), "utf8");
    await begin(fleet, { worker: "02", body: silent });
    await running(fleet, "02");
    const inode = statSync(home("02", ".")).ino;
    for (const worker of ["01", "02", "03"]) {
      writeFileSync(home(worker, ".claude/CLAUDE.md"), "An older template.\n");
      writeFileSync(home(worker, ".planted"), "by an agent\n");
    }
    mkdirSync(home("01", "github/acme/site"), { recursive: true });
    writeFileSync(home("01", "github/acme/site/unfinished.txt"), "work\n");
    mkdirSync(home("01", ".claude/projects/a"), { recursive: true });

    const one = await fleet.cw(["refresh", "01"], {
      env: { GH_TOKEN: "newer-token-of-the-operator-0123", ANTHROPIC_API_KEY: undefined },
    });
    expect([one.code, one.stdout]).toEqual([0, "worker 01: HOME made anew; credentials stored: GH_TOKEN\n"]);
    expect(readFileSync(home("01", ".claude/CLAUDE.md"), "utf8")).toBe(template);
    expect(existsSync(home("01", ".planted"))).toBe(false);
    expect(readFileSync(home("01", "github/acme/site/unfinished.txt"), "utf8")).toBe("work\n");
    expect(existsSync(home("01", ".claude/projects/a"))).toBe(true);
    expect(readFileSync(home("03", ".planted"), "utf8")).toBe("by an agent\n");
    // What the environment lacks stays as it was stored.
    const kept = { ANTHROPIC_API_KEY: fleet.key };
    expect(secrets(fleet, "01")).toMatchObject({ githubToken: "newer-token-of-the-operator-0123", provider: kept });
    expect(secrets(fleet, "03")).toMatchObject({ githubToken: fleet.token });
    expect(statSync(join(fleet.root, ".fleet/01/secrets.json")).mode & 0o777).toBe(0o600);
    expect(one.stdout + one.stderr).not.toContain("newer-token");

    const all = await fleet.cw(["refresh", "--all", "--json"]);
    const stored = ["GH_TOKEN", "ANTHROPIC_API_KEY"];
    expect([all.code, all.json()]).toEqual([
      0,
      [
        { worker: "01", stored, rebuilt: true },
        { worker: "02", stored, rebuilt: false },
        { worker: "03", stored, rebuilt: true },
      ],
    ]);
    expect(existsSync(home("03", ".planted"))).toBe(false);
    expect([existsSync(home("02", ".planted")), statSync(home("02", ".")).ino]).toEqual([true, inode]);
    expect((await fleet.cw(["status", "02", "--json"])).json().workers[0].state).toBe("busy");
    const busy = await fleet.cw(["refresh", "02"]);
    expect(busy.stdout).toContain("worker 02: busy: HOME follows with the next attempt");
    for (const [args, code] of [
      [["refresh"], 2],
      [["refresh", "01", "--all"], 2],
      [["refresh", "01", "99"], 3],
    ] as const)
      expect((await fleet.cw(args)).code).toBe(code);
    await fleet.cw(["reset", "-f", "02"]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

/** A folder for PATH with everything that this machine's has, but for some. */
function pathWithout(fleet: TestFleet, ...names: string[]): string {
  const folder = join(fleet.folder, `path-without-${names.join("-")}`);
  mkdirSync(folder);
  for (const from of (fleet.env["PATH"] ?? "").split(":").filter(existsSync)) {
    for (const name of readdirSync(from)) {
      if (!names.includes(name) && !existsSync(join(folder, name))) symlinkSync(join(from, name), join(folder, name));
    }
  }
  return folder;
}

test(
  "doctor: all is well; and each thing that is taken away is named, with what mends it",
  async () => {
    const fleet = await openFleet();
    const checks = async (env: Record<string, string | undefined> = {}) => {
      const ran = await fleet.cw(["doctor", "--json"], { env });
      const list: { name: string; state: string; detail: string; hint: string | null }[] = ran.json();
      return { code: ran.code, list, not: (state: string) => list.filter((check) => check.state === state) };
    };
    const well = await checks();
    expect(well.list.map(({ name }) => name)).toEqual([
      "git",
      "agent claude",
      "isolation",
      "network of agents",
      "root",
      "GitHub",
      "Claude credential",
      "worker 01",
      "cron",
    ]);
    expect([well.code, well.not("failed")]).toEqual([0, []]);
    const detail = (name: string) => well.list.find((check) => check.name === name)?.detail;
    expect(detail("git")).toMatch(/^git version 2\..* \(\/.*git\)$/);
    expect(detail("GitHub")).toMatch(/^http:.* as acme, \d+ requests left in this hour$/);
    expect(detail("worker 01")).toBe(
      "commits as Worker 01 <worker-01@claude-workers.invalid>; stored credentials: GitHub, Claude",
    );
    const text = await fleet.cw(["doctor"]);
    expect([text.code, text.stderr]).toEqual([0, ""]);
    expect(text.stdout).toMatch(/^ok +git: git version/);
    expect(text.stdout).not.toContain(fleet.token);
    expect(text.stdout).not.toContain(fleet.key);

    const missing: [string, Record<string, string | undefined>, RegExp, RegExp][] = [
      ["git", { PATH: pathWithout(fleet, "git") }, /git is not installed/, /git/],
      ["agent claude", { CW_CLAUDE: undefined, PATH: pathWithout(fleet, "claude") }, /claude/, /npm install/],
      ["agent claude", { CW_CLAUDE: "/nowhere/claude" }, /\/nowhere\/claude does not exist/, /CW_CLAUDE/],
      [
        "isolation",
        { CW_ISOLATION: "bubblewrap", PATH: pathWithout(fleet, "bwrap") },
        /bwrap|bubblewrap/,
        /bubblewrap/,
      ],
      ["GitHub", { GH_TOKEN: "a-token-that-is-wrong-0123" }, /Bad credentials/, /GH_TOKEN/],
      ["GitHub", { GITHUB_API_URL: "http://127.0.0.1:9" }, /./, /./],
    ];
    for (const [name, env, said, hint] of missing) {
      const { code, not } = await checks(env);
      expect([name, code, not("failed")]).toEqual([
        name,
        5,
        [{ name, state: "failed", detail: expect.stringMatching(said), hint: expect.stringMatching(hint) }],
      ]);
    }
    const printed = await fleet.cw(["doctor"], { env: { GH_TOKEN: "a-token-that-is-wrong-0123" } });
    expect([printed.code, printed.stdout]).toEqual([5, expect.stringMatching(/^FAILED +GitHub: .*\(hint: /m)]);
    expect(printed.stdout).not.toContain("a-token-that-is-wrong");
    const auto = await checks({ PATH: pathWithout(fleet, "bwrap", "bubblewrap") });
    expect(auto.list.find(({ name }) => name === "isolation")?.state).not.toBe("ok");

    rmSync(join(fleet.root, ".fleet/01/secrets.json"));
    const bare = await checks({ GH_TOKEN: undefined, ANTHROPIC_API_KEY: undefined });
    expect([bare.code, bare.not("failed").map(({ name }) => name)]).toEqual([5, ["GitHub", "Claude credential"]]);
    expect(bare.list.find(({ name }) => name === "worker 01")).toMatchObject({
      state: "warning",
      hint: expect.stringContaining("cw refresh 01"),
    });
  },
  long,
);

test(
  "doctor: a fleet that is not made yet, and a rate budget that is used up",
  async () => {
    const fleet = await openFleet({ workers: [] });
    const none = await fleet.cw(["doctor"]);
    expect([none.code, none.stdout]).toEqual([
      0,
      expect.stringMatching(/^warning +root: no workers in .* \(hint: cw init 01\)$/m),
    ]);
    const user = { status: 200, body: { login: "acme" }, headers: { "x-ratelimit-remaining": "12" } };
    fleet.standin.inject({ path: /^\/user$/, fault: user });
    const spent = await fleet.cw(["doctor"]);
    expect([spent.code, spent.stdout]).toEqual([
      0,
      expect.stringMatching(/^warning +GitHub: .* 12 requests left.*\(hint: /m),
    ]);
  },
  long,
);
