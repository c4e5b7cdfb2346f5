/** Units of the user's own systemd: files below ~/.config/systemd/user, switched on and off through systemctl; scopes. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { sizeOf } from "../model/resources.ts";
import { scopeCall } from "../model/user-scope.ts";
import { makeFolder, replaceFile } from "./files.ts";
import { runTool } from "./tools.ts";

export function userUnits(home: string, toolPath: string) {
  const folder = join(home, ".config/systemd/user");
  const runtime = `/run/user/${process.getuid?.()}`;
  /** @returns why it failed, in its own words; null when it did not */
  const systemctl = async (...args: string[]) => {
    const program = Bun.which("systemctl", { PATH: toolPath, cwd: "/" });
    if (program === null) return "systemctl is not installed";
    const env = { PATH: toolPath, HOME: home, XDG_RUNTIME_DIR: runtime, LC_ALL: "C" };
    const ran = await runTool({ argv: [program, "--user", ...args], env, timeoutMs: 20_000 });
    return ran.ok ? null : ran.stderr.trim() || "systemd did not answer";
  };
  return {
    file: (unit: string) => join(folder, unit),
    read(unit: string): string | null {
      const file = join(folder, unit);
      return existsSync(file) ? readFileSync(file, "utf8") : null;
    },
    write(unit: string, content: string): void {
      makeFolder(folder);
      replaceFile(join(folder, unit), content);
    },
    remove(unit: string): void {
      rmSync(join(folder, unit), { force: true });
    },
    /** @returns why the user's systemd does not run it; null when it does */
    enable: async (timer: string) =>
      (await systemctl("daemon-reload")) ??
      (await systemctl("enable", "--now", timer)) ??
      (await systemctl("restart", timer)),
    isActive: async (timer: string) => (await systemctl("is-active", timer)) === null,
    disable: async (timer: string) => await systemctl("disable", "--now", timer),
    reload: async () => await systemctl("daemon-reload"),
    lingers: async () => await lingers(toolPath),
  };
}

/**
 * Moves this process, and with it all that it starts, out of the ssh session or the oneshot unit that it was started from:
 * logind (KillUserProcesses) and systemd end what they think is theirs. Only where the user lingers: elsewhere the user's
 * systemd itself ends with the last session, and what is in its scopes with it.
 *
 * @returns why it could not; null when it is done, or when there is nothing to do it with
 */
export async function moveToScope(
  scope: string,
  home: string,
  toolPath: string,
  most: { memory: string; processes: number },
): Promise<string | null> {
  const runtime = `/run/user/${process.getuid?.()}`;
  const program = Bun.which("busctl", { PATH: toolPath, cwd: "/" });
  if (program === null || !existsSync(join(runtime, "bus")) || !(await lingers(toolPath))) return null;
  const env = { PATH: toolPath, HOME: home, XDG_RUNTIME_DIR: runtime, LC_ALL: "C" };
  // Whatever else is in the scope is the supervisor: it may have a little more, to end the agent in.
  const memoryBytes = (sizeOf(most.memory, totalmem()) ?? totalmem()) + (256 << 20);
  const limits = { memoryBytes, processes: most.processes + 256 };
  const ran = await runTool({ argv: [program, ...scopeCall(scope, process.pid, limits)], env, timeoutMs: 5000 });
  return ran.ok ? null : ran.stderr.trim() || "systemd did not answer";
}

/** Whether the user's systemd runs while nobody is logged in. */
async function lingers(toolPath: string): Promise<boolean> {
  const program = Bun.which("loginctl", { PATH: toolPath, cwd: "/" });
  if (program === null) return false;
  // By number: Bun takes the name of the user from the environment, which may say anything.
  const argv = [program, "show-user", String(process.getuid?.()), "--property=Linger", "--value"] as const;
  const ran = await runTool({ argv: [...argv], env: { PATH: toolPath, LC_ALL: "C" }, timeoutMs: 5000 });
  return ran.stdout.trim() === "yes";
}
