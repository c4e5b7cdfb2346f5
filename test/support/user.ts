/** An ordinary user: ourselves, or, when the tests run as root, one that is made for them. */
import { chownSync, mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const name = "cw-test";

export interface OrdinaryUser {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** The command that runs this one as the user. Its environment is the caller's business. */
  as(argv: readonly string[]): [string, ...string[]];
  /** A new folder that belongs to the user, 0700. Whoever asks for it removes it. */
  folder(): string;
  /** Whether the user can read that path; a checkout below /root, for example, it can't. */
  canRead(path: string): boolean;
}

/** Makes the user on first use and leaves it: making one takes longer than most tests. */
export function ordinaryUser(): OrdinaryUser {
  if (process.getuid?.() !== 0) {
    const [uid, gid] = [process.getuid?.() ?? -1, process.getgid?.() ?? -1];
    return user(uid, gid, process.env["HOME"] ?? "/", (argv) => [...argv] as [string, ...string[]]);
  }
  if (lookUp() === null) {
    run(["useradd", "--create-home", "--shell", "/bin/bash", name]);
    run(["usermod", "--password", "*", name]); // A locked account could not run anything through PAM.
  }
  const found = lookUp();
  if (found === null) throw new Error(`the user ${name} could not be made`);
  const ids = [`--reuid=${found.uid}`, `--regid=${found.gid}`, "--init-groups"];
  return user(found.uid, found.gid, found.home, (argv) => ["/usr/bin/setpriv", ...ids, "--", ...argv]);
}

function user(uid: number, gid: number, home: string, as: OrdinaryUser["as"]): OrdinaryUser {
  return {
    uid,
    gid,
    home,
    as,
    folder() {
      const path = realpathSync(mkdtempSync(join(tmpdir(), "cw-user-")));
      chownSync(path, uid, gid);
      return path;
    },
    canRead: (path) => Bun.spawnSync(as(["/usr/bin/test", "-r", path]), { env: {} }).exitCode === 0,
  };
}

/** A folder and its parents below one of the user's, owned by the user. */
export function folderOf(user: OrdinaryUser, base: string, ...names: string[]): string {
  let path = base;
  for (const part of names.join("/").split("/")) {
    path = join(path, part);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chownSync(path, user.uid, user.gid);
  }
  return path;
}

function lookUp(): { uid: number; gid: number; home: string } | null {
  const { stdout, exitCode } = Bun.spawnSync(["getent", "passwd", name], { env: { PATH: "/usr/bin:/bin" } });
  if (exitCode !== 0) return null;
  const [, , uid, gid, , home] = stdout.toString().trim().split(":");
  return { uid: Number(uid), gid: Number(gid), home: home ?? "/" };
}

function run(argv: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(argv, { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  // Another test file may have made it in the same moment.
  if (exitCode !== 0 && lookUp() === null) throw new Error(`${argv.join(" ")}: ${stderr}`);
}
