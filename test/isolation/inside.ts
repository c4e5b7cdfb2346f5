/** A small fleet on disk with an operator's home beside it, and a way to run a program as worker 01 of it. */
import { chmodSync, chownSync, closeSync, readSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bubblewrap } from "../../src/isolation/bubblewrap.ts";
import type { Space } from "../../src/isolation/isolation.ts";
import { type NetworkRequest, openNetwork } from "../../src/isolation/network.ts";
import { systemFolders } from "../../src/isolation/system-folders.ts";
import type { Command } from "../../src/model/command.ts";
import { forwardsOf } from "../../src/model/egress.ts";
import { protectedInHome } from "../../src/model/protected.ts";
import { openInputs } from "../../src/system/inputs.ts";
import { bunFlags, moduleFile, packageRoot } from "../../src/system/self.ts";
import { folderOf, type OrdinaryUser, ordinaryUser } from "../support/user.ts";

export type Who = "root" | "ordinary user";
/** As root both can be tried, else only ourselves. */
export const everybody: Who[] = process.getuid?.() === 0 ? ["root", "ordinary user"] : ["ordinary user"];

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface SmallFleet {
  readonly base: string;
  readonly home: string;
  readonly cwd: string;
  readonly control: string;
  readonly operator: string;
  readonly space: Space;
  put(file: string, content: string): void;
  /** Starts the command wrapped, with a pipe as descriptor 3 as the supervisor does it. */
  start(command: Command, space?: Partial<Space>): Started;
  /** Starts a command as the same user without any wrapping. */
  startBare(command: Command): { readonly process: Bun.Subprocess<"pipe", "pipe", "pipe"> };
  /** Runs a shell script inside, in the clone. */
  run(script: string, space?: Partial<Space>): Promise<{ code: number; out: string; err: string }>;
  /** Opens the ways out as the supervisor does it; `forwards` is for the space. */
  network(request: Partial<NetworkRequest>): Promise<Opened>;
  remove(): void;
}

interface Opened {
  readonly forwards: NonNullable<Space["forwards"]>;
  /** What was refused: target and reason. */
  readonly denied: [target: string, reason: string][];
  close(): Promise<void>;
}

interface Started {
  readonly process: Bun.Subprocess<"pipe", "pipe", "pipe">;
  /** What bubblewrap wrote to descriptor 3. */
  info(): { "child-pid": number };
}

export function smallFleet(who: Who): SmallFleet {
  const ordinary = ordinaryUser();
  const user: OrdinaryUser =
    who === "root" ? { ...ordinary, uid: 0, gid: 0, as: (argv) => [...argv] as [string, ...string[]] } : ordinary;
  const base = ordinary.folder();
  chownSync(base, user.uid, user.gid);
  const root = folderOf(user, base, "workers");
  const home = folderOf(user, root, "01");
  const cwd = folderOf(user, home, "github/acme/site");
  const control = folderOf(user, root, ".fleet/01/attempts/0001/control");
  const operator = folderOf(user, base, "operator");
  const put = (file: string, content: string) => {
    folderOf(user, base, dirname(file).slice(base.length + 1));
    writeFileSync(file, content);
    chmodSync(file, 0o600);
    chownSync(file, user.uid, user.gid);
  };
  put(join(home, ".claude/settings.json"), "{}\n");
  put(join(home, ".claude/CLAUDE.md"), "You are worker 01.\n");
  put(join(home, ".gitconfig"), '[user]\n\tname = "W"\n\temail = "w@example.com"\n');
  put(join(home, ".config/git/ignore"), "/.bashrc\n");
  put(join(root, "02/secret"), "SECRET of 02\n");
  put(join(root, ".fleet/01/secrets.json"), "SECRET of the fleet\n");
  put(join(operator, ".ssh/id_ed25519"), "SECRET of the operator\n");
  put(join(control, "policy.json"), "{}\n");

  const space: Space = {
    home,
    hidden: [operator, root],
    readOnly: [control],
    protect: protectedInHome.map((name) => join(home, name)),
  };
  const forwarder = {
    argv: [process.execPath, ...bunFlags(packageRoot), moduleFile("forwarder")] as const,
    needs: [process.execPath, packageRoot],
  };

  function start(command: Command, more: Partial<Space> = {}): Started {
    const isolation = bubblewrap({ ...systemFolders("/usr/bin/bwrap"), root: who === "root" }, forwarder);
    const wrapped = isolation.wrap(command, { ...space, ...more });
    const inputs = openInputs(wrapped);
    const extra: number[] = [];
    for (const { fd, open } of inputs) extra[fd - 4] = open;
    const child = Bun.spawn(user.as(wrapped.argv), {
      env: { ...wrapped.env },
      cwd: wrapped.cwd,
      stdio: ["pipe", "pipe", "pipe", "pipe", ...extra] as ["pipe", "pipe", "pipe", "pipe"],
    });
    for (const { open } of inputs) closeSync(open);
    const fd = Number(child.stdio[3]);
    return { process: child, info: () => JSON.parse(drain(fd)) };
  }
  function startBare(command: Command) {
    const { cwd, env } = command;
    return { process: Bun.spawn(user.as(command.argv), { env: { ...env }, cwd, stdio: ["pipe", "pipe", "pipe"] }) };
  }
  async function run(script: string, more?: Partial<Space>) {
    const { process: child } = start({ argv: ["/bin/sh", "-c", script], env: { PATH: path, HOME: home }, cwd }, more);
    child.stdin.end();
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    closeSync(Number(child.stdio[3]));
    return { code, out, err };
  }
  async function network(request: Partial<NetworkRequest>): Promise<Opened> {
    const folder = folderOf(user, base, `sockets-${crypto.randomUUID()}`);
    const denied: Opened["denied"] = [];
    const settings = { folder, rules: [], model: null, denied: (...one: Opened["denied"][0]) => void denied.push(one) };
    const close = await openNetwork({ ...settings, ...request });
    const forwards = forwardsOf(folder, Boolean(request.model));
    // We may be root, and the program inside somebody else.
    for (const { socket } of forwards) chmodSync(socket, 0o777);
    return { forwards, denied, close };
  }
  const remove = () => rmSync(base, { recursive: true, force: true });
  return { base, home, cwd, control, operator, space, put, start, startBare, run, network, remove };
}

/** Reads until the writer closes; it is written and closed before the program inside starts. */
function drain(fd: number): string {
  const chunk = Buffer.alloc(4096);
  let text = "";
  for (;;) {
    let count: number;
    try {
      count = readSync(fd, chunk);
    } catch (error) {
      if ((error as { code?: string }).code === "EAGAIN") continue;
      throw error;
    }
    if (count === 0) break;
    text += chunk.toString("utf8", 0, count);
  }
  closeSync(fd);
  return text;
}
