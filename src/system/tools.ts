/** Runs short-lived tools (git, bwrap probes, version checks) to their end. The only user of execa. */
import { execa } from "execa";
import { FleetError } from "../model/errors.ts";

export interface ToolCall {
  readonly argv: readonly [string, ...string[]];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs: number;
  readonly stdin?: string;
  /** Default: utf8. `latin1` carries any bytes through, one character each, in both directions. */
  readonly encoding?: "utf8" | "latin1";
  /** Write standard output to this file instead of keeping it. */
  readonly stdoutFile?: string;
}

export interface ToolResult {
  readonly ok: boolean;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** The program could not be started at all. */
  readonly missing: boolean;
}

const maxOutput = 64 << 20;

/**
 * Never throws for what the tool did: the caller judges. A tool past its time is killed.
 * @throws FleetError `environment` when the system has no room for another process
 */
export async function runTool(call: ToolCall): Promise<ToolResult> {
  const [program, ...args] = call.argv;
  const running = () =>
    execa(program, args, {
      env: call.env,
      extendEnv: false,
      ...(call.cwd === undefined ? {} : { cwd: call.cwd }),
      timeout: call.timeoutMs,
      killSignal: "SIGKILL",
      reject: false,
      stripFinalNewline: false,
      maxBuffer: maxOutput,
      encoding: call.encoding ?? "utf8",
      ...(call.stdin === undefined
        ? { stdin: "ignore" as const }
        : { input: Buffer.from(call.stdin, call.encoding ?? "utf8") }),
      ...(call.stdoutFile === undefined ? {} : { stdout: { file: call.stdoutFile } }),
    });
  const result = await started(program, running);
  const code = result.exitCode ?? null;
  return {
    ok: !result.failed,
    code,
    stdout: typeof result.stdout === "string" ? result.stdout : "",
    stderr: typeof result.stderr === "string" ? result.stderr : "",
    timedOut: result.timedOut,
    missing: code === null && result.code === "ENOENT",
  };
}

/** With Bun, execa stumbles over what it wants to say when there are no more files, processes or memory: the cause is lost. */
function started<T>(program: string, start: () => T): T {
  try {
    return start();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new FleetError("environment", `${program} could not be started (EMFILE, EAGAIN or ENOMEM)`, {
      hint: "raise ulimit -n and ulimit -u, or free memory",
      cause: Object.assign(error, { code: "EAGAIN" }),
    });
  }
}
