/** The newest program, in the way in which it was installed. */
import { afterAll, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { held } from "../support/attack.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { installed } from "../support/installed.ts";

const checkout = join(import.meta.dir, "../..");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-update-")));
const fleets: TestFleet[] = [];
afterAll(async () => {
  for (const fleet of fleets) await fleet.close();
  rmSync(folder, { recursive: true, force: true });
});

function git(...args: string[]): string {
  const who = ["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "safe.directory=*"];
  const ran = Bun.spawnSync(["git", ...who, ...args], { env: { PATH: "/usr/bin:/bin", HOME: folder } });
  if (ran.exitCode !== 0) throw new Error(`git ${args[0]}: ${ran.stderr}`);
  return ran.stdout.toString();
}

async function newFleet(): Promise<TestFleet> {
  const fleet = await testFleet();
  fleets.push(fleet);
  return fleet;
}

async function runProgram(program: string, fleet: TestFleet, args: readonly string[]) {
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: fleet.operator, CW_ROOT: fleet.root };
  const ran = Bun.spawn([program, ...args], { env, cwd: "/", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(ran.stdout).text(), new Response(ran.stderr).text()]);
  return { code: await ran.exited, stdout, stderr };
}

test.skipIf(!existsSync(join(checkout, ".git")))(
  "A64: a checkout pulls fast-forward and refreshes; what can't be pulled changes nothing",
  async () => {
    const origin = join(folder, "origin");
    const copy = join(folder, "copy");
    git("clone", "--quiet", "--no-hardlinks", checkout, origin);
    // What runs tests may have checked out a commit, and no branch.
    git("-C", origin, "checkout", "--quiet", "-B", "main");
    git("clone", "--quiet", origin, copy);
    // A folder of links, not a link: a package manager that clears it must not clear what they lead to.
    mkdirSync(join(copy, "node_modules"));
    for (const name of readdirSync(join(checkout, "node_modules"))) {
      symlinkSync(join(checkout, "node_modules", name), join(copy, "node_modules", name));
    }
    // As npm leaves it: written after what it was told.
    const installed = join(copy, "node_modules/.package-lock.json");
    rmSync(installed);
    writeFileSync(installed, "{}");
    const fleet = await newFleet();
    const run = (args: readonly string[]) => runProgram(join(copy, "bin/cw"), fleet, args);

    const manifest = join(origin, "package.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/"version": "[^"]+"/, '"version": "9.9.9"'));
    git("-C", origin, "commit", "--quiet", "-am", "Release");
    const elsewhere = join(folder, "settings");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "config.json"), "{}", { mode: 0o600 });
    writeFileSync(join(elsewhere, "env"), `GH_TOKEN=${"t".repeat(40)}\n`, { mode: 0o600 });
    const updated = await run(["update", "--json", "--config", join(elsewhere, "config.json")]);
    expect({ code: updated.code, stderr: updated.code === 0 ? "" : updated.stderr }).toEqual({ code: 0, stderr: "" });
    const done = JSON.parse(updated.stdout);
    expect([done.way, done.after]).toEqual(["checkout", "9.9.9"]);
    expect(done.refreshed).toContain("worker 01: HOME made anew");
    // With the settings of the one that was updated.
    expect(done.refreshed).toContain("GH_TOKEN");

    // What npm did not come to the end of is tried by the next as well.
    const locked = join(copy, "package-lock.json");
    const lock = readFileSync(locked);
    writeFileSync(locked, "{}");
    writeFileSync(join(fleet.operator, ".npmrc"), "registry=http://127.0.0.1:1/\nfetch-retries=0\n");
    for (const _ of [1, 2]) {
      const { code, stderr } = await run(["update", "--json"]);
      expect([code, JSON.parse(stderr).error.hint]).toEqual([5, expect.stringContaining(`npm --prefix ${copy} ci`)]);
    }
    writeFileSync(locked, lock);
    writeFileSync(installed, "{}");

    writeFileSync(join(copy, "mine.txt"), "mine\n");
    git("-C", copy, "add", "mine.txt");
    git("-C", copy, "commit", "--quiet", "-m", "Mine");
    writeFileSync(join(origin, "theirs.txt"), "theirs\n");
    git("-C", origin, "add", "theirs.txt");
    git("-C", origin, "commit", "--quiet", "-m", "Theirs");
    const before = git("-C", copy, "rev-parse", "HEAD");
    const refused = await run(["update", "--json"]);
    expect(refused.code).toBe(5);
    expect(JSON.parse(refused.stderr).error.message).toContain("git");
    expect(git("-C", copy, "rev-parse", "HEAD")).toBe(before);

    // Other ways to have it run what the operator did not choose: a rewritten history, a transport that anybody can answer.
    const escaped: string[] = [];
    // On top of what is here, so that git by itself would take it.
    const lower = () => {
      git("-C", origin, "fetch", "--quiet", copy, "HEAD");
      git("-C", origin, "reset", "--quiet", "--hard", "FETCH_HEAD");
      writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/"version": "[^"]+"/, '"version": "0.0.9"'));
      git("-C", origin, "commit", "--quiet", "-am", "Lower");
    };
    const tampered: [what: string, prepare: () => void][] = [
      ["a history that was rewritten", () => git("-C", origin, "commit", "--quiet", "--amend", "-m", "Rewritten")],
      ["an older release", () => git("-C", origin, "reset", "--quiet", "--hard", "HEAD~2")],
      ["a release of a lower version", lower],
      ["http", () => git("-C", copy, "remote", "set-url", "origin", `${fleet?.standin.url}/acme/site.git`)],
      ["git:", () => git("-C", copy, "remote", "set-url", "origin", "git://127.0.0.1:1/x")],
      ["a program", () => git("-C", copy, "remote", "set-url", "origin", `ext::touch ${folder}/ran`)],
    ];
    for (const [what, prepare] of tampered) {
      prepare();
      const { code, stderr } = await run(["update", "--json"]);
      const why = /^(?:http|git:|a program)/.test(what) ? /not allowed/ : /lower/.test(what) ? /older/ : /./;
      const kept = git("-C", copy, "rev-parse", "HEAD") === before;
      const same = what === "an older release" && code === 0;
      if (!kept || !(same || (code === 5 && why.test(stderr))) || existsSync(join(folder, "ran")))
        escaped.push(`${what}: ${code} ${stderr}`);
    }
    held("A64", tampered.length, escaped);
  },
  120_000,
);

function npmSetting(name: string): string {
  return Bun.spawnSync(["npm", "config", "get", name]).stdout.toString().trim();
}

interface Manifest {
  version: string;
  dependencies?: Record<string, string>;
}

/** A registry with one package, which a test can release anew; for all others it sends npm to the one of this machine. */
function registry() {
  const others = npmSetting("registry");
  const released = new Map<string, { tarball: Uint8Array; manifest: Manifest; at?: string }>();
  let latest = "";
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname, origin } = new URL(request.url);
      const tarball = released.get(/^\/(.+)\.tgz$/.exec(pathname)?.[1] ?? "")?.tarball;
      if (tarball) return new Response(tarball);
      if (latest === "") return new Response(null, { status: 503 });
      if (pathname !== "/claude-workers") return Response.redirect(`${others.replace(/\/$/, "")}${pathname}`);
      const versions = Object.fromEntries(
        [...released].map(([version, { tarball, manifest, at = origin }]) => {
          const integrity = `sha512-${new Bun.CryptoHasher("sha512").update(tarball).digest("base64")}`;
          return [version, { ...manifest, version, dist: { tarball: `${at}/${version}.tgz`, integrity } }];
        }),
      );
      return Response.json({ name: "claude-workers", "dist-tags": { latest }, versions });
    },
  });
  return {
    url: server.url.href,
    /** @param at where the registry says that it lies; default: with itself */
    release(version: string, tarball: Uint8Array, manifest: Manifest, at?: string) {
      released.set(version, { tarball, manifest, ...(at ? { at } : {}) });
      latest = version;
    },
    stop: () => server.stop(true),
  };
}

test("A64: an installed package takes its newest release, from its registry alone; what it refuses changes nothing", async () => {
  const { prefix } = await installed();
  const place = join(folder, "prefix");
  const modules = join(place, "lib/node_modules");
  mkdirSync(modules, { recursive: true });
  cpSync(join(prefix, "lib/node_modules/claude-workers"), join(modules, "claude-workers"), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const program = join(modules, "claude-workers/bin/claude-workers");
  const fleet = await newFleet();
  const shop = registry();
  try {
    const settings = [`registry=${shop.url}`, `cache=${npmSetting("cache")}`, "prefer-offline=true", "fetch-retries=0"];
    const authority = process.env["NODE_EXTRA_CA_CERTS"];
    if (authority) settings.push(`cafile=${authority}`);
    writeFileSync(join(fleet.operator, ".npmrc"), `${settings.join("\n")}\n`);

    const before = JSON.parse((await runProgram(program, fleet, ["status", "--json"])).stdout);
    const refused = await runProgram(program, fleet, ["update", "--json"]);
    expect(refused.code).toBe(5);
    expect(JSON.parse(refused.stderr).error.message).toContain("npm view failed");
    expect(JSON.parse((await runProgram(program, fleet, ["status", "--json"])).stdout)).toEqual(before);

    const manifestFile = join(modules, "claude-workers/package.json");
    const manifest: Manifest = JSON.parse(readFileSync(manifestFile, "utf8"));
    const pristine = join(folder, "pristine");
    cpSync(join(modules, "claude-workers"), pristine, {
      recursive: true,
      filter: (from) => !from.startsWith(join(modules, "claude-workers/node_modules")),
    });
    /** The same program under another version; the build has it in the bundle, too. */
    const packed = (version: string, more: Record<string, string> = {}): Uint8Array => {
      const next = join(folder, "package");
      rmSync(next, { recursive: true, force: true });
      cpSync(pristine, next, { recursive: true });
      for (const name of readdirSync(join(next, "dist")).filter((file) => file.endsWith(".js"))) {
        const file = join(next, "dist", name);
        writeFileSync(file, readFileSync(file, "utf8").replaceAll(`"${manifest.version}"`, `"${version}"`));
      }
      const dependencies = { ...manifest.dependencies, ...more };
      writeFileSync(join(next, "package.json"), JSON.stringify({ ...manifest, version, dependencies }));
      const tarball = join(folder, "next.tgz");
      Bun.spawnSync(["tar", "-czf", tarball, "-C", folder, "package"]);
      return readFileSync(tarball);
    };
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await runProgram(program, fleet, ["update", "--json", ...args]);
      if (code === 0) return JSON.parse(stdout);
      return { code, message: JSON.parse(stderr).error.message as string };
    };
    const here = () => JSON.parse(readFileSync(manifestFile, "utf8")).version as string;
    shop.release("9.9.9", packed("9.9.9"), manifest);
    const done = await run();
    expect([done.way, done.after]).toEqual(["package", "9.9.9"]);
    expect(done.refreshed).toContain("worker 01: HOME made anew");

    // Somebody else's, whom the registry names, or who answers in its place.
    let asked = 0;
    const stranger = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        asked++;
        return new Response(packed("9.9.10"));
      },
    });
    const elsewhere = stranger.url.origin;
    const dependency = (what: string) => ({ ...manifest, dependencies: { ...manifest.dependencies, stranger: what } });
    const forged = (what: string): [Uint8Array, Manifest] => [packed("9.9.10", { stranger: what }), dependency(what)];
    const attacks: [what: string, prepare: () => void, why: RegExp][] = [
      [
        "the newest is older",
        () => shop.release("9.9.8", packed("9.9.8"), manifest),
        /older than what is here: 9\.9\.8/,
      ],
      ["a release before it", () => shop.release("9.9.9-rc.1", packed("9.9.9-rc.1"), manifest), /older/],
      ["a word for a version", () => shop.release("newest", packed("newest"), manifest), /older|No match|404/],
      ["a dependency by address", () => shop.release("9.9.10", ...forged(`${elsewhere}/x.tgz`)), /install failed/],
      ["a dependency of git", () => shop.release("9.9.10", ...forged(`git+${elsewhere}/x.git`)), /install failed/],
      ["a file of this machine", () => shop.release("9.9.10", ...forged(`file:${pristine}`)), /install failed/],
      ["an archive that lies elsewhere", () => shop.release("9.9.11", packed("9.9.11"), manifest, elsewhere), /./],
    ];
    const escaped: string[] = [];
    // An older npm takes what it is told.
    const strict = npmSetting("allow-remote") !== "undefined";
    const tried = attacks.filter(([what]) => strict || !/^a (?:dependency|file)/.test(what));
    for (const [what, prepare, why] of tried) {
      prepare();
      const { code, message } = await run();
      if (what.includes("elsewhere")) {
        // What has the address of another is asked for here, and here it is.
        if (asked > 0 || here() !== "9.9.11") escaped.push(`${what}: ${here()} ${message}`);
      } else if (code !== 5 || !why.test(message) || here() !== "9.9.9" || asked > 0)
        escaped.push(`${what}: ${code} ${message} ${here()} ${asked}`);
    }
    await stranger.stop(true);
    held("A64", tried.length, escaped);

    // Named outright it may be older; what does not name one release is no name.
    for (const word of ["latest", "^9.9.8", "9.9", "-g", "../x", "https://example.org/x.tgz"])
      expect([word, (await run("--", word)).code]).toEqual([word, 2]);
    expect((await run("9.9.8")).after).toBe("9.9.8");
  } finally {
    shop.stop();
  }
}, 120_000);
