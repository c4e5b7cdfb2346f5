/** Runs git for the fleet: nothing of the operator's configuration, no prompt, no token in an argument or a file. */
import { totalmem } from "node:os";
import { FleetError } from "../model/errors.ts";
import { runTool, type ToolResult } from "../system/tools.ts";
import { expendable } from "../system/usage.ts";

/** What git needs to know of the fleet. */
export interface GitSettings {
  /** Absolute path of the git program. */
  readonly program: string;
  readonly toolPath: string;
  /** HOME of these git processes: a folder of the fleet without a configuration. */
  readonly home: string;
  /** Origin of the repositories, for example https://github.com */
  readonly serverUrl: string;
  /** Made anew when it is needed, where it does not last. */
  readonly token: string | null | ((repo: string) => Promise<string>);
  /** Of the attempt that it works for: as long as that git lives, also behind its caller's back, the attempt is not over. */
  readonly cookie?: string;
  /** After these waits, in ms, GitHub is asked again when it fails in a way that may pass. */
  readonly waitsMs: readonly number[];
}

export interface GitCall {
  readonly cwd?: string;
  readonly timeoutMs: number;
  readonly stdin?: string;
  readonly encoding?: "utf8" | "latin1";
  /** For those that go to GitHub; the others need none. */
  readonly token?: string | null;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdoutFile?: string;
}

/** Older ones take no configuration from the environment (2.31), without a word: no credential, and hooks that run. */
const minimumGit = "2.31.0";

/** @returns its version. @throws FleetError `environment` */
export async function checkGit({ program, toolPath }: GitSettings): Promise<string> {
  const hint = "apt-get install git";
  const result = await runTool({ argv: [program, "--version"], env: { PATH: toolPath }, timeoutMs: 10_000 });
  const found = /^git version (\d+\.\d+)(\.\d+)?/.exec(result.stdout);
  if (!result.ok || found === null) {
    const words = (result.stderr || result.stdout).trim() || `exit code ${result.code}`;
    throw new FleetError("environment", `${program} --version failed: ${words.slice(0, 300)}`, { hint });
  }
  const version = `${found[1]}${found[2] ?? ".0"}`;
  if (Bun.semver.order(version, minimumGit) >= 0) return version;
  throw new FleetError("environment", `${program} is version ${version}, 2.31 or newer is needed`, { hint });
}

/**
 * A bundle of a few kilobytes may stand for a file of many gigabytes, and git makes the whole of it in memory. It gets half of
 * the machine's; when there is none left, the kernel takes git before whoever is not of the fleet.
 */
const bounded = '{ echo "$1" > /proc/self/oom_score_adj; ulimit -d "$2"; } 2>/dev/null; shift 2; exec "$@"';
const limits = () => ["git", String(expendable), String(Math.floor(totalmem() / 2048))];

export async function git(settings: GitSettings, args: readonly string[], call: GitCall): Promise<ToolResult> {
  const { token = null, ...rest } = call;
  const env = { ...environment(settings, token), ...call.env };
  const result = await runTool({
    ...rest,
    argv: ["/bin/sh", "-c", bounded, ...limits(), settings.program, ...args],
    env,
  });
  return token === null ? result : { ...result, stderr: result.stderr.replaceAll(token, "***") };
}

/** The way to GitHub, or GitHub itself, failed; a refusal is none of these. */
export function mayPass({ ok, stderr }: Pick<ToolResult, "ok" | "stderr">): boolean {
  if (ok || /returned error: 4(?!29)\d\d/.test(stderr)) return false;
  return /unable to access|RPC failed|early EOF|hung up|disconnect|returned error: (?:429|5\d\d)/.test(stderr);
}

export function gitFailure(settings: GitSettings, args: readonly string[], result: ToolResult): FleetError {
  const words = result.stderr.trim() || result.stdout.trim();
  const what = `git ${args.find((arg) => !arg.startsWith("-")) ?? ""}`;
  // The shell before it says so.
  if (result.missing || result.code === 127)
    return new FleetError("environment", `git is missing: ${settings.program}`, { hint: "apt-get install git" });
  if (result.timedOut) return new FleetError("github", `${what} took too long and was ended`);
  if (/Authentication failed|could not read Username|HTTP 401|error: 401/i.test(words)) {
    return new FleetError("auth", `${what}: GitHub refuses the credentials: ${words}`, { hint: "cw doctor" });
  }
  const branch = /couldn't find remote ref refs\/heads\/(\S+)/.exec(words)?.[1];
  if (branch !== undefined) {
    return new FleetError("notFound", `${what}: the branch ${branch} is not there`, {
      hint: "push a first commit, or name another base in the configuration",
    });
  }
  return new FleetError("github", `${what} failed: ${words}`, { hint: "cw doctor" });
}

/** Url of a repository, without credentials. */
export function repositoryUrl(settings: Pick<GitSettings, "serverUrl">, repo: string): string {
  return `${settings.serverUrl.replace(/\/+$/, "")}/${repo}.git`;
}

function environment(settings: GitSettings, token: string | null): Record<string, string> {
  const origin = new URL(settings.serverUrl).origin;
  const entries: [string, string][] = [
    // Empty: forget every helper that might write the token to a disk.
    ["credential.helper", ""],
    // Answers this one origin from the environment; the token is in no argument, file or url.
    [
      `credential.${origin}.helper`,
      '!f() { test "$1" = get || exit 0; echo username=x-access-token; echo "password=$CW_GIT_TOKEN"; }; f',
    ],
    ["transfer.fsckObjects", "true"],
    ["gc.auto", "0"],
    ["maintenance.auto", "false"],
    ["core.hooksPath", "/dev/null"],
    ["core.fsmonitor", "false"],
    ["protocol.allow", "never"],
    ["protocol.https.allow", "always"],
    ["protocol.http.allow", origin.startsWith("http://") ? "always" : "never"],
    ["protocol.file.allow", "always"],
    ["http.followRedirects", "initial"],
    ["safe.directory", "*"],
  ];
  if (token === null) entries.splice(1, 1);
  return {
    PATH: settings.toolPath,
    HOME: settings.home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "/bin/false",
    GIT_LFS_SKIP_SMUDGE: "1",
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], at) => [
        [`GIT_CONFIG_KEY_${at}`, key],
        [`GIT_CONFIG_VALUE_${at}`, value],
      ]),
    ),
    ...(token === null ? {} : { CW_GIT_TOKEN: token }),
    ...(settings.cookie === undefined ? {} : { CW_ATTEMPT_COOKIE: settings.cookie }),
  };
}
