/** The program as a user has it: packed, then installed into a prefix. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { oneAtATime } from "../../src/system/lock.ts";

const checkout = join(import.meta.dir, "../..");
/** What packing reads; build output is made anew. */
const sources = ["src", "bin", "templates", "docs", "scripts", "package.json", "tsconfig.json", "README.md", "LICENSE"];
const path = `${process.execPath.replace(/\/[^/]*$/, "")}:${process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"}`;

export interface Installed {
  /** npm's prefix: `bin/cw` is the program, `lib/node_modules/claude-workers` the package. */
  readonly prefix: string;
  /** What was installed. */
  readonly tarball: string;
}

/**
 * Once for each state of the sources: kept in the folder for temporary files, readable by everybody, and removed by a later
 * call after a day. @throws Error with npm's words
 */
export async function installed(): Promise<Installed> {
  const user = process.getuid?.() ?? 0;
  const place = join(tmpdir(), `cw-installed-${user}-${await fingerprint()}`);
  const answer = { prefix: join(place, "prefix"), tarball: join(place, "claude-workers.tgz") };
  if (existsSync(place)) return answer;
  return await oneAtATime(join(tmpdir(), `cw-installing-${user}`), "install", async () => {
    if (existsSync(place)) return answer;
    dropOld(user);
    const made = mkdtempSync(join(tmpdir(), "cw-packing-"));
    try {
      await make(made);
      chmodSync(made, 0o755);
      renameSync(made, place);
    } finally {
      rmSync(made, { recursive: true, force: true });
    }
    return answer;
  });
}

/** Beside the checkout, whose dist/ belongs to others. */
async function make(folder: string): Promise<void> {
  const stage = join(folder, "stage");
  for (const name of sources) {
    if (existsSync(join(checkout, name))) cpSync(join(checkout, name), join(stage, name), { recursive: true });
  }
  // The build finds its compiler and what it bundles where the checkout has them.
  await run(["ln", "-s", join(checkout, "node_modules"), join(stage, "node_modules")], stage);
  await run([process.execPath, "scripts/build.ts"], stage);
  await run(["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder], stage);
  const packed = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (packed === undefined) throw new Error("npm pack made no tarball");
  const tarball = join(folder, "claude-workers.tgz");
  renameSync(join(folder, packed), tarball);
  const prefix = join(folder, "prefix");
  mkdirSync(prefix);
  const quietly = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  // npm looks for its global settings in the prefix: this machine's certificates and registry are in those of its own.
  const settings = await run(["npm", "config", "get", "globalconfig"], folder);
  const own = { npm_config_globalconfig: settings.trim() };
  await run(["npm", "install", "--global", "--prefix", prefix, ...quietly, tarball], folder, own);
  rmSync(stage, { recursive: true });
}

/** What the settings of npm and node are where they are not in a file. */
const machine = /^(?:NODE_EXTRA_CA_CERTS|npm_config_(?:cafile|registry)|(?:https?|no)_proxy)$/i;

async function run(argv: string[], cwd: string, more: Record<string, string> = {}): Promise<string> {
  const inherited = Object.entries(process.env).filter(([name]) => machine.test(name));
  // A umask of 077 would make an installation that only we can read.
  const child = Bun.spawn(["/bin/sh", "-c", 'umask 022 && exec "$@"', "run", ...argv], {
    cwd,
    env: {
      ...Object.fromEntries(inherited),
      PATH: path,
      HOME: process.env["HOME"] ?? "/",
      npm_config_update_notifier: "false",
      ...more,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0)
    throw new Error(`${basename(argv[0] ?? "")} ${argv.slice(1, 3).join(" ")}: ${err.trim() || out.trim()}`);
  return out;
}

async function fingerprint(): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for (const source of sources) {
    const at = join(checkout, source);
    if (!existsSync(at)) continue;
    const files = statSync(at).isDirectory() ? readdirSync(at, { recursive: true }).map(String).sort() : [""];
    for (const file of files) {
      const name = join(at, file);
      if (!statSync(name).isFile()) continue;
      hash.update(`${source}/${file}\0`);
      hash.update(await Bun.file(name).bytes());
    }
  }
  return hash.digest("hex").slice(0, 16);
}

function dropOld(user: number): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(`cw-installed-${user}-`)) continue;
    const old = join(tmpdir(), name);
    if (Date.now() - statSync(old).mtimeMs > 24 * 3_600_000) rmSync(old, { recursive: true, force: true });
  }
}
