/** Runs short-lived tools (git, bwrap probes, version checks) to their end. */
import { closeSync, openSync } from "node:fs";
import { FleetError } from "../model/errors.ts";
import { within } from "./clock.ts";
import { errorCode } from "./files.ts";
import { isOfTheMachine } from "./machine-trouble.ts";

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
/** For what a tool that was killed has said: a child of it may hold the pipe. */
const restMs = 1000;

/**
 * Never throws for what the tool did: the caller judges. A tool past its time is killed.
 * @throws FleetError `environment` when the system has no room for another process
 */
export async function runTool(call: ToolCall): Promise<ToolResult> {
  const file = call.stdoutFile === undefined ? null : openSync(call.stdoutFile, "w", 0o600);
  try {
    return await run(call, file);
  } finally {
    if (file !== null) closeSync(file);
  }
}

async function run(call: ToolCall, file: number | null): Promise<ToolResult> {
  const encoding = call.encoding ?? "utf8";
  const child = started(call.argv[0], () =>
    Bun.spawn([...call.argv], {
      env: { ...call.env },
      ...(call.cwd === undefined ? {} : { cwd: call.cwd }),
      stdin: call.stdin === undefined ? "ignore" : Buffer.from(call.stdin, encoding),
      stdout: file ?? "pipe",
      stderr: "pipe",
      maxBuffer: maxOutput,
      killSignal: "SIGKILL",
    }),
  );
  if ("missing" in child) return child;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, call.timeoutMs);
  const read = async (stream: ReadableStream<Uint8Array> | number | undefined) =>
    stream instanceof ReadableStream ? Buffer.from(await stream.bytes()).toString(encoding) : "";
  const output = Promise.all([read(child.stdout), read(child.stderr)]);
  await child.exited;
  clearTimeout(timer);
  const patience = child.signalCode === null ? call.timeoutMs : restMs;
  const said = await within(patience, output);
  const [stdout = "", stderr = ""] = said ?? [];
  const code = child.exitCode;
  // Without its words, a success must not be taken for one that had none.
  return { ok: code === 0 && !timedOut && said !== null, code, stdout, stderr, timedOut, missing: false };
}

function started<T>(program: string, start: () => T): T | ToolResult {
  try {
    return start();
  } catch (error) {
    if (isOfTheMachine(error)) {
      throw new FleetError("environment", `${program} could not be started (${errorCode(error)})`, {
        hint: "raise ulimit -n and ulimit -u, or free memory",
        cause: error,
      });
    }
    const missing = errorCode(error) === "ENOENT";
    return { ok: false, code: null, stdout: "", stderr: String(error), timedOut: false, missing };
  }
}
