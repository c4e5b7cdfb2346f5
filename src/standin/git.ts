/** Runs the real git on the stand-in's bare repositories, with no configuration of this machine. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";

export interface GitResult {
  code: number;
  out: string;
  err: string;
}

export const zeroSha = "0".repeat(40);
export const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/** Fetch by commit as on GitHub; pull request refs are GitHub's own; no housekeeping that outlives a request. */
const settings = `
[http]
	receivepack = true
	getanyfile = false
[receive]
	autogc = false
	hideRefs = refs/pull
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
[gc]
	auto = 0
[core]
	repositoryformatversion = 0
	bare = true
	compression = 0
	bigFileThreshold = 1m
	filesRefLockTimeout = 10000
	packedRefsTimeout = 10000
`;

export class Git {
  readonly binary: string;
  readonly root: string;
  readonly env: Record<string, string>;
  readonly #running = new Set<Bun.Subprocess>();

  /** @param folder holds the repositories and git's own empty HOME. */
  constructor(folder: string) {
    const binary = Bun.which("git");
    if (binary === null) throw new Error("git is not on the PATH");
    this.binary = binary;
    this.root = join(folder, "repos");
    const home = join(folder, "home");
    mkdirSync(this.root, { recursive: true, mode: 0o700 });
    mkdirSync(home, { recursive: true, mode: 0o700 });
    this.env = {
      PATH: `${dirname(binary)}:/usr/local/bin:/usr/bin:/bin`,
      HOME: home,
      LC_ALL: "C",
      TZ: "UTC",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
    };
  }

  async run(
    dir: string,
    args: string[],
    options: { stdin?: string; env?: Record<string, string> } = {},
  ): Promise<GitResult> {
    const child = Bun.spawn([this.binary, ...args], {
      cwd: dir,
      env: { ...this.env, GIT_DIR: dir, ...options.env },
      stdin: options.stdin === undefined ? "ignore" : new TextEncoder().encode(options.stdin),
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#running.add(child);
    try {
      const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return { code, out, err };
    } finally {
      this.#running.delete(child);
    }
  }

  /** Standard output without its last newline. Throws when git fails: only for what must work. */
  async must(dir: string, args: string[], options: { stdin?: string; env?: Record<string, string> } = {}) {
    const result = await this.run(dir, args, options);
    if (result.code !== 0) throw new Error(`git ${args.join(" ")}: ${result.err.trim()}`);
    return result.out.replace(/\n$/, "");
  }

  /** An empty bare repository, written as `git init` would, but without its three processes. */
  init(path: string, branch: string): string {
    const dir = join(this.root, path);
    const treeFolder = join(dir, "objects", emptyTree.slice(0, 2));
    mkdirSync(treeFolder, { recursive: true, mode: 0o700 });
    mkdirSync(join(dir, "refs/heads"), { recursive: true, mode: 0o700 });
    writeFileSync(join(dir, "HEAD"), `ref: refs/heads/${branch}\n`);
    writeFileSync(join(dir, "config"), settings);
    // Claims commit the empty tree, which GitHub takes without asking; a clone needs it as an object.
    writeFileSync(join(treeFolder, emptyTree.slice(2)), deflateSync("tree 0\0"));
    return dir;
  }

  async close(): Promise<void> {
    const left = [...this.#running];
    // TERM, not KILL: git then removes its lock files, which would block a kept repository for ever.
    for (const child of left) child.kill("SIGTERM");
    await Promise.all(left.map((child) => child.exited));
  }
}
