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
/** A machine that talks without end must not take this one's memory. */
const longestAnswer = 16 << 20;

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

/** What it says there, kept. @throws FleetError `environment`: not reached, no end within that time, or of what it says */
export async function askThere(reach: Reach, host: Host, argv: readonly string[], timeoutMs: number): Promise<Said> {
  const options = sshOptions(reach, host, false, Math.max(1, Math.ceil(timeoutMs / 1000)));
  const child = Bun.spawn(sshCommand(host, argv, options), { stdio: ["ignore", "pipe", "pipe"] });
  const given = Promise.withResolvers<FleetError>();
  const giveUp = (why: FleetError) => {
    child.kill("SIGKILL");
    given.resolve(why);
  };
  const timer = setTimeout(() => giveUp(unreachable(host, `no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  const tooMuch = () => giveUp(new FleetError("environment", `${host.name} says more than ${longestAnswer >> 20} MiB`));
  const streams = [kept(child.stdout, tooMuch), kept(child.stderr, tooMuch)] as const;
  try {
    // The end of the streams is not awaited once it is killed: the ssh that others share a connection with holds them, too.
    const ended = Promise.all([streams[0].text, streams[1].text, child.exited]);
    const said = await Promise.race([given.promise, ended]);
    if (said instanceof FleetError) throw said;
    const [stdout, stderr, code] = said;
    return { code: judged(host, code, options.log), stdout, stderr };
  } finally {
    clearTimeout(timer);
    await Promise.all(streams.map((stream) => stream.close()));
    rmSync(options.log, { force: true });
  }
}

function kept(stream: ReadableStream<Uint8Array>, tooMuch: () => void) {
  const reader = stream.getReader();
  const read = async () => {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      bytes += next.value.byteLength;
      if (bytes > longestAnswer) {
        tooMuch();
        break;
      }
      parts.push(next.value);
    }
    return new TextDecoder().decode(Buffer.concat(parts));
  };
  return { text: read(), close: () => reader.cancel() };
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
