/** Runs this program on another machine, over ssh. */
import { existsSync, lstatSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FleetError } from "../model/errors.ts";
import type { Host } from "../model/host.ts";
import { printable } from "../model/text.ts";
import { makeFolder, readOwn } from "../system/files.ts";
import { notThere, type SshOptions, sshCommand, sshFailed } from "./ssh.ts";

const connectSeconds = 10;
/** A socket's path may have 108 bytes, and ssh needs 17 of them while it makes one. */
const longestSocket = 90;

export interface Reach {
  /** Where ssh is looked for. */
  readonly toolPath: string;
  /** A folder of ours, for sockets where the system has none for us. */
  readonly folder: string;
}

/** How the streams of this process are used. */
export interface Streams {
  /** There is a terminal, and the command uses it. */
  readonly terminal: boolean;
  /** Hand standard input over. */
  readonly input: boolean;
}

/**
 * On the standard streams of this process.
 * @returns the exit code there. @throws FleetError `environment` with ssh's words when it could not be reached
 */
export async function runThere(reach: Reach, host: Host, argv: readonly string[], streams: Streams): Promise<number> {
  const options = sshOptions(reach, host, streams.terminal, connectSeconds);
  // With the whole environment of this process: ssh finds there the agent that holds the keys.
  const child = Bun.spawn(sshCommand(host, argv, options), {
    stdio: [streams.input || streams.terminal ? "inherit" : "ignore", "inherit", "inherit"],
  });
  const signals = ["SIGTERM", "SIGHUP", "SIGINT"] as const;
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  try {
    return judged(host, await child.exited, options.log);
  } finally {
    for (const signal of signals) process.off(signal, pass);
    rmSync(options.log, { force: true });
  }
}

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What it says there, kept. @throws FleetError `environment`: not reached, or no end within that time */
export async function askThere(reach: Reach, host: Host, argv: readonly string[], timeoutMs: number): Promise<Said> {
  const options = sshOptions(reach, host, false, Math.max(1, Math.ceil(timeoutMs / 1000)));
  let late = false;
  const child = Bun.spawn(sshCommand(host, argv, options), { stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  try {
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (late) throw unreachable(host, `no answer within ${timeoutMs / 1000} s`);
    return { code: judged(host, code, options.log), stdout, stderr };
  } finally {
    clearTimeout(timer);
    rmSync(options.log, { force: true });
  }
}

/** Closes the connection that commands share, if there is one. */
export async function hangUp(reach: Reach, host: Host): Promise<void> {
  const { control, program } = sshOptions(reach, host, false, connectSeconds);
  if (control === null || !existsSync(control)) return;
  const argv = [program, "-o", `ControlPath=${control}`, "-O", "exit", "--", host.address];
  await Bun.spawn(argv, { stdio: ["ignore", "ignore", "ignore"] }).exited;
}

function judged(host: Host, code: number, log: string): number {
  if (code === notThere)
    throw new FleetError("environment", `${host.name}: there is no ${host.command} on ${host.address}`, {
      hint: `cw hosts add ${host.name} ${host.address} --command /path/to/cw`,
    });
  if (code !== sshFailed) return code;
  const read = readOwn(log);
  throw unreachable(host, read?.ok ? read.value : "");
}

function unreachable(host: Host, words: string): FleetError {
  const said = printable(words.trim(), 500) || "the connection was lost";
  const message = `${host.name} can't be reached: ${said}`;
  if (/host key verification failed/i.test(said))
    return new FleetError("environment", message, {
      hint: `ssh ${host.address} by hand, once: it shows the key and asks`,
    });
  if (/permission denied/i.test(said))
    return new FleetError("environment", message, { hint: `ssh-copy-id ${host.address}, or ssh-add` });
  return new FleetError("environment", message);
}

let serial = 0;

function sshOptions(reach: Reach, host: Host, terminal: boolean, seconds: number): SshOptions {
  const program = Bun.which("ssh", { PATH: reach.toolPath, cwd: "/" });
  if (program === null)
    throw new FleetError("environment", "ssh is not installed", { hint: "apt-get install openssh-client" });
  const folder = privateFolder(reach);
  const name = new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([reach.folder, host]))
    .digest("hex")
    .slice(0, 12);
  const socket = join(folder, name);
  return {
    program,
    terminal,
    control: Buffer.byteLength(socket) > longestSocket ? null : socket,
    log: join(folder, `log-${process.pid}-${++serial}`),
    connectSeconds: Math.min(seconds, connectSeconds),
  };
}

/** For sockets and logs, for nobody else: below the system's folder for this user, else below ours. */
function privateFolder(reach: Reach): string {
  const runtime = `/run/user/${process.getuid?.()}`;
  const stat = lstatSync(runtime, { throwIfNoEntry: false });
  const ours = stat?.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0;
  const folder = ours ? join(runtime, "claude-workers") : join(reach.folder, "ssh");
  makeFolder(folder);
  return folder;
}
