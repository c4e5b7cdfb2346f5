/** A command for another machine as an ssh command here. The one place where arguments become shell text. */
import type { Host } from "../model/host.ts";
import { shellLine } from "../model/quoting.ts";

/** How the script below ends when the program is not there. */
export const notThere = 254;
/** How ssh ends when ssh itself failed: nothing of ours may. */
export const sshFailed = 255;

// A shell stays in between: a program that is killed gives 128 + n, where sshd alone would give ssh's own 255. A program
// that ends with one of our two numbers (only `cw shell -- ...` can) is given the one below.
const script = `command -v "$1" >/dev/null 2>&1 || exit ${notThere}; "$@"; c=$?; [ $c -lt ${notThere} ] || c=253; exit $c`;

/** What the login shell of the other machine is handed: the arguments arrive to the byte. */
export function remoteLine(host: Pick<Host, "command">, argv: readonly string[]): string {
  return shellLine(["/bin/sh", "-c", script, "cw", host.command, ...argv]);
}

export interface SshOptions {
  /** Absolute path of ssh. */
  readonly program: string;
  /** Ask for a terminal there. */
  readonly terminal: boolean;
  /** Socket of the connection that later commands share; null: none. */
  readonly control: string | null;
  /** Where ssh's own words go, so that standard error is the other program's alone. */
  readonly log: string;
  readonly connectSeconds: number;
}

/** @param argv the arguments of the program there */
export function sshCommand(host: Host, argv: readonly string[], options: SshOptions): [string, ...string[]] {
  const { program, terminal, control, log, connectSeconds } = options;
  const settings = [
    "BatchMode=yes",
    `ConnectTimeout=${connectSeconds}`,
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    // What ~/.ssh/config may say for this machine, and what would get in the way.
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    "LogLevel=ERROR",
    ...(control === null ? [] : ["ControlMaster=auto", `ControlPath=${control}`, "ControlPersist=60"]),
  ];
  return [
    program,
    ...settings.flatMap((setting) => ["-o", setting]),
    terminal ? "-t" : "-T",
    "-E",
    log,
    ...(host.port === null ? [] : ["-p", String(host.port)]),
    "--",
    host.address,
    remoteLine(host, argv),
  ];
}
