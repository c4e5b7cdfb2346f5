/** The real git client with a HOME of its own, as the tests use it against the local GitHub. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface GitOutput {
  code: number;
  out: string;
  err: string;
}

export class GitClient {
  readonly folder = mkdtempSync(join(tmpdir(), "cw-git-client-"));

  /** @param token goes to the server as git's own password. */
  constructor(
    private readonly origin: string,
    private readonly token?: string,
  ) {}

  url(name: string): string {
    const user = this.token === undefined ? "" : `x-access-token:${this.token}@`;
    return `${this.origin.replace("//", `//${user}`)}/${name}.git`;
  }

  /** In a process group of its own: git has others talk for it. */
  start(args: string[], cwd = this.folder) {
    return Bun.spawn(["git", ...args], {
      cwd,
      detached: true,
      env: {
        PATH: "/usr/local/bin:/usr/bin:/bin",
        HOME: this.folder,
        LC_ALL: "C",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_TERMINAL_PROMPT: "0",
        GIT_AUTHOR_NAME: "Client",
        GIT_AUTHOR_EMAIL: "client@example.org",
        GIT_COMMITTER_NAME: "Client",
        GIT_COMMITTER_EMAIL: "client@example.org",
      },
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  async run(args: string[], cwd?: string): Promise<GitOutput> {
    const child = this.start(args, cwd);
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code, out: out.trim(), err };
  }

  async must(args: string[], cwd?: string): Promise<string> {
    const { code, out, err } = await this.run(args, cwd);
    if (code !== 0) throw new Error(`git ${args[0]}: ${err}`);
    return out;
  }

  /** @returns the clone's folder. */
  async clone(name: string, into: string): Promise<string> {
    const target = join(this.folder, into);
    await this.must(["clone", "-q", this.url(name), target]);
    return target;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
