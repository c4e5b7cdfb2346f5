/** Brings this program up to date in the way in which it was installed, then the workers' HOMEs. Busy workers are left alone. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { FleetError } from "../model/errors.ts";
import { launcher, packageRoot } from "../system/self.ts";
import { runTool } from "../system/tools.ts";
import type { Fleet } from "./fleet.ts";

export interface Updated {
  readonly way: "checkout" | "package";
  readonly before: string;
  readonly after: string;
  /** What `refresh --all` of the new program said. */
  readonly refreshed: string;
}

const minutes = 60_000;

/**
 * @param wanted a version, which may be older than this one; null: the newest
 * @param same what makes another process work with the same settings
 * @throws FleetError `environment` with the words of git or npm, `usage`
 */
export async function update(
  fleet: Fleet,
  wanted: string | null,
  same: { readonly flags: readonly string[]; readonly env: Readonly<Record<string, string>> },
): Promise<Updated> {
  const before = await version(fleet);
  const way = existsSync(join(packageRoot, ".git")) ? "checkout" : "package";
  if (way === "checkout") await pull(fleet, before, wanted);
  else await install(fleet, before, wanted);
  const after = await version(fleet);
  // The new program refreshes: it knows its own templates.
  const ids = fleet.store.workers.list();
  const argv: [string, ...string[]] = [launcher, ...same.flags, "refresh", "--all"];
  const refreshed =
    ids.length === 0
      ? ""
      : await must(fleet, argv, 5 * minutes, {
          env: same.env,
          hint: `the program is ${after} now; its workers are not: cw refresh --all`,
        });
  return { way, before, after, refreshed: refreshed.trim() };
}

async function pull(fleet: Fleet, before: string, wanted: string | null): Promise<void> {
  if (wanted !== null) {
    throw new FleetError("usage", "a checkout follows its branch: it can't be brought to a version", {
      hint: `git -C ${packageRoot} checkout v${wanted}`,
    });
  }
  const git: [string, ...string[]] = ["git", "-C", packageRoot];
  await must(fleet, [...git, "fetch", "--quiet"], 5 * minutes);
  // What was fetched can't change any more between this look at it and its use.
  const commit = (await must(fleet, [...git, "rev-parse", "--verify", "@{upstream}^{commit}"], minutes)).trim();
  const manifest = await must(fleet, [...git, "cat-file", "blob", `${commit}:package.json`], minutes);
  refuseOlder((JSON.parse(manifest) as { version: string }).version, before);
  await must(fleet, [...git, "merge", "--ff-only", "--quiet", commit], 5 * minutes);
  const npm: [string, ...string[]] = ["npm", "--prefix", packageRoot, "ci", "--no-fund", "--no-audit"];
  // Also where an earlier update came no further.
  if (changedAt("package-lock.json") > changedAt("node_modules/.package-lock.json"))
    await must(fleet, npm, 15 * minutes, { hint: `npm --prefix ${packageRoot} ci; then here: cw refresh --all` });
}

/** Epoch ms; 0: it is not there. */
const changedAt = (file: string) => statSync(join(packageRoot, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;

async function install(fleet: Fleet, before: string, wanted: string | null): Promise<void> {
  needOwnership();
  const { protocol, hostname, href } = new URL(
    (await must(fleet, ["npm", "config", "get", "registry"], minutes)).trim(),
  );
  if (protocol !== "https:" && !["127.0.0.1", "localhost", "[::1]"].includes(hostname)) {
    throw new FleetError("environment", `anybody on the way can answer for the registry ${href}`, {
      hint: "npm config set registry https://...",
    });
  }
  const offered = `claude-workers@${wanted ?? "latest"}`;
  const said = (
    await must(fleet, ["npm", "view", "--prefer-online", "--no-prefer-offline", offered, "version"], minutes)
  ).trim();
  if (said !== wanted) refuseOlder(said, before);
  if (said === before) return;
  // Whatever the registry names, for a dependency too: what is installed comes from the registry itself, or not at all.
  const only = ["git", "remote", "file", "directory"].map((kind) => `--allow-${kind}=none`);
  only.push("--replace-registry-host=always");
  const quietly = ["--prefer-online", "--no-fund", "--no-audit"];
  await must(
    fleet,
    ["npm", "install", "--global", "--prefix", prefix(), `claude-workers@${said}`, ...only, ...quietly],
    15 * minutes,
  );
}

function refuseOlder(offered: string, before: string): void {
  // What is no version counts as older.
  if (/^\d+\.\d+\.\d+/.test(offered) && Bun.semver.order(offered, before) >= 0) return;
  throw new FleetError("environment", `what is offered is older than what is here: ${offered}, not ${before}`, {
    hint: "a package goes back by name: cw update VERSION",
  });
}

async function version(fleet: Fleet): Promise<string> {
  return (await must(fleet, [launcher, "--version"], minutes)).trim();
}

/** `<prefix>/lib/node_modules/claude-workers`, as npm lays it out. */
function prefix(): string {
  const modules = dirname(packageRoot);
  if (modules.endsWith("/lib/node_modules")) return dirname(dirname(modules));
  throw new FleetError("environment", `${packageRoot} was not installed by npm install --global`, {
    hint: "update it in the way in which it was installed",
  });
}

/** An installation for all users is root's, and agents' operators are not root: said before npm fails in twenty lines. */
function needOwnership(): void {
  try {
    accessSync(dirname(packageRoot), constants.W_OK);
  } catch {
    throw new FleetError("environment", `${packageRoot} belongs to somebody else`, {
      hint: `as its owner: npm install --global --prefix ${prefix()} claude-workers@latest; then here: cw refresh --all`,
    });
  }
}

async function must(
  fleet: Fleet,
  argv: readonly [string, ...string[]],
  timeoutMs: number,
  more: { readonly env?: Readonly<Record<string, string>>; readonly hint?: string } = {},
): Promise<string> {
  const path = fleet.git(null).toolPath;
  const program = argv[0].startsWith("/") ? argv[0] : Bun.which(argv[0], { PATH: path, cwd: "/" });
  if (program === null) throw new FleetError("environment", `${argv[0]} is not installed`);
  // Whoever sits between could answer for http: and git: addresses.
  const env = {
    PATH: path,
    HOME: fleet.operatorHome,
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "https:ssh:file",
    ...more.env,
  };
  const result = await runTool({ argv: [program, ...argv.slice(1)], env, cwd: "/", timeoutMs });
  if (result.ok) return result.stdout;
  const words = result.timedOut ? "it took too long" : result.stderr.trim().split("\n").slice(-3).join(" ");
  throw new FleetError("environment", `${argv[0]} ${argv[1] ?? ""} failed: ${words}`, {
    hint: more.hint ?? "nothing of the fleet was changed",
  });
}
