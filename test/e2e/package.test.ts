/** The package as it is published: what is in it, and that it works from where npm puts it, also as a library. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json";
import { secretIn } from "../../src/model/secret-shapes.ts";
import { begin, expectEnd } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { type Installed, installed } from "../support/installed.ts";
import { ordinaryUser } from "../support/user.ts";

const checkout = join(import.meta.dir, "../..");
let packed: Installed;
let fleet: TestFleet;
const user = ordinaryUser();

beforeAll(async () => {
  packed = await installed();
  fleet = await testFleet({ installed: true, asUser: user });
}, 180_000);
afterAll(async () => await fleet?.close());

async function run(argv: string[], cwd: string, env: Record<string, string> = {}) {
  const child = Bun.spawn(argv, {
    cwd,
    env: { PATH: fleet.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

describe("the tarball", () => {
  let names: string[];
  beforeAll(async () => {
    names = (await run(["tar", "-tzf", packed.tarball], "/")).stdout
      .trimEnd()
      .split("\n")
      .map((name) => name.replace(/^package\//, ""));
  });

  test("has the programs, the bundle, the template with its dotfiles, the documentation and the licences", () => {
    const needed = [
      "package.json",
      "README.md",
      "LICENSE",
      "bin/claude-workers",
      "bin/empty-bunfig.toml",
      "bin/empty-tsconfig.json",
      "dist/main.js",
      "dist/index.js",
      "dist/voice-server.js",
      "dist/rehearsal.js",
      "dist/types/index.d.ts",
      "dist/THIRD-PARTY-LICENSES.txt",
      "templates/worker/.claude/CLAUDE.md",
      "templates/worker/.claude/settings.json",
      "templates/worker/.gitconfig",
      "templates/worker/.config/git/ignore",
      "templates/worker/.zshenv",
      "docs/adding-a-command.md",
      "scripts/setup-vps",
    ];
    expect(needed.filter((name) => !names.includes(name))).toEqual([]);
  });

  test("has nothing else: no sources, no tests, no scripts of ours, no build leftovers", () => {
    const allowed = /^(?:package\.json|README\.md|LICENSE|scripts\/setup-vps|(?:bin|dist|templates|docs)\/.+)$/;
    expect(names.filter((name) => !allowed.test(name))).toEqual([]);
    expect(names.filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"))).toEqual([]);
    expect(names.filter((name) => /\.(?:map|log|tgz|orig|rej)$|(?:^|\/)\.env|node_modules|~$/.test(name))).toEqual([]);
  });

  test("has no secret, and nothing of the place where it was made", async () => {
    const folder = join(packed.prefix, "lib/node_modules/claude-workers");
    const place = new RegExp(`${checkout}/|cw-packing-|/root/`);
    const odd: string[] = [];
    for (const name of names.filter((one) => !one.endsWith("/"))) {
      const text = readFileSync(join(folder, name), "utf8");
      // The rule set names the key of Amazon's own documentation, as one to be let through; Octokit looks for the head of keys.
      const heads = ["RSA", "OPENSSH"].map((kind) => `-----BEGIN ${kind} PRIVATE KEY-----`);
      const known = [`AKIA${"IOSFODNN7EXAMPLE"}`, ...heads];
      const secret = secretIn(
        known.reduce((rest, word) => rest.replaceAll(word, ""), text),
        [],
      );
      if (secret) odd.push(`${name}: ${secret}`);
      if (name.startsWith("dist/") && place.test(text)) odd.push(`${name}: ${place.exec(text)?.[0]}`);
    }
    expect(odd).toEqual([]);
  });
});

describe("the installed program", () => {
  test("says its version and its help, under both names", async () => {
    for (const name of ["cw", "claude-workers"]) {
      const program = join(packed.prefix, "bin", name);
      expect(await run([program, "--version"], "/")).toEqual({
        code: 0,
        stdout: `${packageJson.version}\n`,
        stderr: "",
      });
      const help = await run([program, "--help"], "/");
      expect([help.code, help.stderr]).toEqual([0, ""]);
      for (const command of ["init", "dispatch", "watch", "status", "stop", "reset"])
        expect(help.stdout).toContain(`  ${command} `);
      expect(help.stdout).not.toContain("_attempt");
    }
  });

  test("works through links, from any folder, with nothing but a HOME", async () => {
    const folder = join(fleet.folder, "links");
    mkdirSync(folder);
    symlinkSync(join(packed.prefix, "bin/cw"), join(folder, "one"));
    symlinkSync("one", join(folder, "two"));
    mkdirSync(join(folder, "far away"));
    const ran = await run([join(folder, "two"), "status", "--json"], join(folder, "far away"), { HOME: folder });
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    expect(JSON.parse(ran.stdout)).toEqual({ root: join(folder, "workers"), workers: [] });
  });

  test("delivers, as an ordinary user", async () => {
    const play = { worker: "01", body: "[[scenario:complete]]" };
    const issue = await begin(fleet, play);
    await expectEnd(fleet, play, issue, {
      outcome: "delivered",
      reason: /pull/,
      labels: [],
      claim: "done",
      comments: 1,
      pull: true,
      patch: false,
    });
    expect(readFileSync(join(fleet.root, "01/.gitconfig"), "utf8")).toContain("Worker 01");
    expect(await fleet.leftovers()).toEqual([]);
  }, 60_000);
});

describe("the library", () => {
  const script = `
import { type End, exitCodes, type FleetEvent, FleetError, meaningOf, openFleet, type Outcome } from "claude-workers";

const heard: FleetEvent["type"][] = [];
const fleet = await openFleet({ onEvent: (event) => heard.push(event.type) });
const [made] = await fleet.init({ ids: ["09"] });
const issue = Number(process.argv[2]);
const dispatched = await fleet.dispatch({ repo: "acme/site", issue, worker: "09" });
const attempt: string = dispatched.attempt;
const seen: FleetEvent[] = [];
const events = fleet.watch(["09"]);
let next = await events.next();
for (; !next.done; next = await events.next()) seen.push(next.value);
const ends: End[] = next.value;
const outcome: Outcome | undefined = ends[0]?.outcome;
const [status] = await fleet.status(["09"]);
const failure = await fleet.dispatch({ repo: "acme/site", issue, worker: "09" }).catch((error: unknown) => error);
console.log(JSON.stringify({
  home: made?.home,
  attempt,
  heard,
  last: seen.at(-1)?.type,
  outcome,
  good: outcome && meaningOf(outcome).good,
  state: status?.state,
  failure: failure instanceof FleetError ? [failure.code, exitCodes[failure.code], failure.message] : String(failure),
}));
`;
  /** Errors where a type that is promised is not there, or is \`any\`. */
  const types = `
import { type End, openFleet, type Outcome } from "claude-workers";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};
same<End["outcome"], Outcome>(true);
same<End["durationMs"], number>(true);
same<End["issue"], number | null>(true);
const fleet = await openFleet();
same<Awaited<ReturnType<typeof fleet.history>>, End[]>(true);
// @ts-expect-error a request needs a repository
await fleet.dispatch({});
// @ts-expect-error there is no such verb
fleet.fly();
`;
  let folder: string;
  beforeAll(() => {
    folder = join(fleet.folder, "project");
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    symlinkSync(join(packed.prefix, "lib/node_modules/claude-workers"), join(folder, "node_modules/claude-workers"));
    writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
    writeFileSync(join(folder, "script.ts"), script);
    writeFileSync(join(folder, "types.ts"), types);
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: "esnext",
      module: "preserve",
      skipLibCheck: true,
      lib: ["esnext", "dom"],
      types: ["bun"],
      typeRoots: [join(checkout, "node_modules/@types")],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["script.ts", "types.ts"] }));
  });

  test("is imported by its name, and does what the program does", async () => {
    const issue = fleet.repo.openIssue({ title: "By a script", body: "[[scenario:edit]]" });
    const bun = join(packed.prefix, "lib/node_modules/claude-workers/node_modules/bun/bin/bun.exe");
    const ran = await run([...user.as([bun, join(folder, "script.ts"), String(issue)])], folder, { ...fleet.env });
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    const said = JSON.parse(ran.stdout);
    expect(said).toMatchObject({
      home: join(fleet.root, "09"),
      attempt: "09-1",
      last: "attempt:ended",
      outcome: "delivered",
      good: true,
      state: "idle",
    });
    expect(said.heard.slice(0, 3)).toEqual(["attempt:reserved", "issue:read", "issue:claimed"]);
    expect(said.failure).toEqual(["busy", 4, expect.stringContaining("is open")]);
    expect(await fleet.leftovers()).toEqual([]);
  }, 60_000);

  test("has types that check, and that are what they say", async () => {
    const ran = await run([join(checkout, "node_modules/.bin/tsc"), "-p", folder], folder);
    expect([ran.code, ran.stdout]).toEqual([0, ""]);
  }, 60_000);
});

test.skipIf(process.getuid?.() !== 0)("update of what belongs to root says who can do it, and how", async () => {
  const refused = await fleet.cw(["update"]);
  expect(refused.code).toBe(5);
  expect(refused.stderr).toContain("belongs to somebody else");
  expect(refused.stderr).toContain("npm install --global --prefix");
});
