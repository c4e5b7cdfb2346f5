/**
 * A child that may do nothing before its identity is on disk. A gate in front of the program waits for the line `go` on
 * standard input: when the supervisor dies first, the gate reads the end of the file and exits, and no agent was ever there.
 */
import { accessSync, closeSync, constants, openSync } from "node:fs";
import type { Command } from "../model/command.ts";
import type { ProcessIdentity } from "../model/process.ts";
import { sleep, tickerMs } from "./clock.ts";
import { readOwn } from "./files.ts";
import { openInputs } from "./inputs.ts";
import { identify, waitsForChild } from "./process.ts";
import { expendable } from "./usage.ts";

/** No core: it would hold the credential. `-p` is dash's word for `-u`. */
const gate =
  'ulimit -c 0; [ -z "$1" ] || { ulimit -u "$1" || ulimit -p "$1"; } 2>/dev/null; shift; IFS= read -r go && [ "$go" = go ] && exec "$@"';
/** When memory runs out the kernel takes these first, and neither the supervisor nor anybody's ssh. */
const begin = `echo ${expendable} > /proc/self/oom_score_adj; exec "$@"`;

/**
 * The same command behind the gate. Wrap it after this: the gate belongs inside the isolation, where it comes first of all.
 * @param processes most processes that the kernel lets it have; null: as many as its user may
 */
export function gated(command: Command, processes: number | null = null): Command {
  return {
    ...command,
    gate: ["/bin/sh", "-c", gate, "gate", processes === null ? "" : String(processes)],
  };
}

export interface Child {
  /** The process that we started; with a pid namespace, its monitor outside. */
  readonly monitor: ProcessIdentity;
  /** First process of the pid namespace; null without one. */
  readonly first: ProcessIdentity | null;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** Opens the gate and hands over the input. A child that does not read it is no error. */
  go(input: string): Promise<void>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/**
 * Starts a gated command.
 * @param infoFile where the program's `infoFd` goes: must not exist yet
 * @throws Error with the tool's words when it does not come up within 10 s
 */
export async function startChild(command: Command, infoFile: string): Promise<Child> {
  const info = command.infoFd === undefined ? null : openSync(infoFile, "wx", 0o600);
  const inputs = openInputs(command);
  try {
    const stdio: ("pipe" | number)[] = ["pipe", "pipe", "pipe"];
    if (info !== null) stdio[command.infoFd ?? 3] = info;
    for (const { fd, open } of inputs) stdio[fd] = open;
    accessSync(command.argv[0], constants.X_OK);
    // Bun's own spawn, from the main thread: bubblewrap's --die-with-parent is bound to the thread that forks.
    const started = Bun.spawn(["/bin/sh", "-c", begin, "start", ...(command.gate ?? []), ...command.argv], {
      cwd: command.cwd,
      env: { ...command.env },
      stdio: stdio as ["pipe", "pipe", "pipe"],
    });
    const exited = started.exited.then(() => ({
      code: started.exitCode,
      signal: started.signalCode === null ? null : String(started.signalCode),
    }));
    const gone = () => started.exitCode !== null || started.signalCode !== null;
    const { monitor, first } = await identities(started.pid, info === null ? null : infoFile, gone).catch((error) => {
      // Who it is could not be looked at: nothing has it on disk.
      started.kill("SIGKILL");
      throw error;
    });
    if (monitor === null || (info !== null && first === null)) {
      started.kill("SIGKILL");
      const words = await Promise.race([new Response(started.stderr).text(), sleep(1000).then(() => "")]);
      throw new Error(`${command.argv[0]} did not start: ${words.trim().slice(0, 500) || "no reason given"}`);
    }
    return {
      monitor,
      first,
      stdout: started.stdout,
      stderr: started.stderr,
      exited,
      async go(input) {
        try {
          await started.stdin.write(`go\n${input}`);
          await started.stdin.end();
        } catch {
          // It closed its input: what it did then is judged by its output.
        }
      },
    };
  } finally {
    if (info !== null) closeSync(info);
    for (const { open } of inputs) closeSync(open);
  }
}

/** @throws Error when it could not be looked at */
async function identities(pid: number, infoFile: string | null, gone: () => boolean) {
  const monitor = identify(pid);
  return { monitor, first: infoFile === null ? null : await firstInside(infoFile, gone) };
}

async function firstInside(infoFile: string, gone: () => boolean): Promise<ProcessIdentity | null> {
  const deadline = tickerMs() + 10_000;
  while (tickerMs() < deadline) {
    const read = readOwn(infoFile, 4096);
    const pid = read?.ok ? /"child-pid"\s*:\s*(\d+)/.exec(read.value)?.[1] : undefined;
    // Only when the gate runs: what waits in its pipe would let it go on after our death, too.
    if (pid !== undefined && waitsForChild(Number(pid))) return identify(Number(pid));
    if (gone()) return null;
    await sleep(2);
  }
  return null;
}
