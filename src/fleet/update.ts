/** Brings this program up to date in the way in which it was installed, then the workers' HOMEs. Busy workers are left alone. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
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

/** @throws FleetError `environment` with the words of git or npm */
export async function update(fleet: Fleet): Promise<Updated> {
  const before = await version(fleet);
  const way = existsSync(join(packageRoot, ".git")) ? "checkout" : "package";
  if (way === "checkout") {
    const lock = () => readFileSync(join(packageRoot, "package-lock.json"), "utf8");
    const locked = lock();
    await must(fleet, ["git", "-C", packageRoot, "pull", "--ff-only", "--quiet"], 5 * minutes);
    const npm: [string, ...string[]] = ["npm", "--prefix", packageRoot, "ci", "--no-fund", "--no-audit"];
    if (lock() !== locked) await must(fleet, npm, 15 * minutes);
  } else {
    needOwnership();
    await must(
      fleet,
      ["npm", "install", "--global", "--prefix", prefix(), "claude-workers@latest", "--no-fund", "--no-audit"],
      15 * minutes,
    );
  }
  // The new program refreshes: it knows its own templates.
  const ids = fleet.store.workers.list();
  const refreshed =
    ids.length === 0
      ? ""
      : await must(fleet, [launcher, "--root", fleet.store.paths.root, "refresh", "--all"], 5 * minutes);
  return { way, before, after: await version(fleet), refreshed: refreshed.trim() };
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

async function must(fleet: Fleet, argv: readonly [string, ...string[]], timeoutMs: number): Promise<string> {
  const path = fleet.git(null).toolPath;
  const program = argv[0].startsWith("/") ? argv[0] : Bun.which(argv[0], { PATH: path, cwd: "/" });
  if (program === null) throw new FleetError("environment", `${argv[0]} is not installed`);
  // Whoever sits between could answer for http: and git: addresses.
  const env = { PATH: path, HOME: fleet.operatorHome, GIT_TERMINAL_PROMPT: "0", GIT_ALLOW_PROTOCOL: "https:ssh:file" };
  const result = await runTool({ argv: [program, ...argv.slice(1)], env, cwd: "/", timeoutMs });
  if (result.ok) return result.stdout;
  const words = result.timedOut ? "it took too long" : result.stderr.trim().split("\n").slice(-3).join(" ");
  throw new FleetError("environment", `${argv[0]} ${argv[1] ?? ""} failed: ${words}`, {
    hint: "nothing of the fleet was changed",
  });
}
