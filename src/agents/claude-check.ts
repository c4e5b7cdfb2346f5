/** Finds Claude Code and asks it for its version, before anything is reserved. */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { FleetError } from "../model/errors.ts";

/** The first version that is known to confine its file tools (permissions.block*); 2.1.197 ignores those keys silently. */
export const minimumClaude = "2.1.329";

const install = `npm install -g @anthropic-ai/claude-code@latest, or set CW_CLAUDE to the program (${minimumClaude} or newer)`;

/**
 * Real, absolute path. The current directory is never searched: it may be a cloned repository.
 * @throws FleetError `environment`
 */
export function findClaude(configured: string | null, searchPath: string): string {
  const folders = searchPath.split(":").filter((folder) => isAbsolute(folder));
  const candidate = configured ?? Bun.which("claude", { PATH: folders.join(":"), cwd: "/" });
  if (candidate === null) throw new FleetError("environment", "claude is not on PATH", { hint: install });
  if (!isAbsolute(candidate)) {
    throw new FleetError("environment", `the path of claude has to be absolute: ${candidate}`, { hint: install });
  }
  try {
    const path = realpathSync(candidate);
    accessSync(path, constants.X_OK);
    if (statSync(path).isFile()) return path;
  } catch (cause) {
    throw new FleetError("environment", `claude can't be run: ${candidate} does not exist or is not executable`, {
      hint: install,
      cause,
    });
  }
  throw new FleetError("environment", `claude can't be run: ${candidate} is not a file`, { hint: install });
}

/** @throws FleetError `environment` when it does not answer, or is too old. */
export async function checkClaude(path: string): Promise<{ path: string; version: string }> {
  const { runTool } = await import("../system/tools.ts");
  const { inTemporaryFolder } = await import("../system/temporary.ts");
  return await inTemporaryFolder("version", async (home) => {
    const env = {
      HOME: home,
      PATH: "/usr/bin:/bin",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
    };
    const result = await runTool({ argv: [path, "--version"], env, cwd: home, timeoutMs: 20_000 });
    const version = /^(\d+\.\d+\.\d+)\b/.exec(result.stdout)?.[1];
    if (!result.ok || version === undefined) {
      const words = result.timedOut ? "no answer in time" : (result.stderr || result.stdout).trim().slice(0, 300);
      throw new FleetError("environment", `${path} --version failed: ${words || `exit ${result.code}`}`, {
        hint: install,
      });
    }
    if (Bun.semver.order(version, minimumClaude) < 0) {
      throw new FleetError("environment", `${path} is version ${version}, ${minimumClaude} or newer is needed`, {
        hint: install,
      });
    }
    return { path, version };
  });
}
