/** Units of the user's own systemd: files below ~/.config/systemd/user, switched on and off through systemctl. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { makeFolder, replaceFile } from "./files.ts";
import { runTool } from "./tools.ts";

export function userUnits(home: string, toolPath: string) {
  const folder = join(home, ".config/systemd/user");
  const runtime = `/run/user/${process.getuid?.()}`;
  const systemctl = async (...args: string[]) => {
    const program = Bun.which("systemctl", { PATH: toolPath, cwd: "/" });
    if (program === null || !existsSync(runtime)) return false;
    const env = { PATH: toolPath, HOME: home, XDG_RUNTIME_DIR: runtime, LC_ALL: "C" };
    return (await runTool({ argv: [program, "--user", ...args], env, timeoutMs: 20_000 })).ok;
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
    /** @returns false when the user's systemd does not answer or refuses */
    enable: async (timer: string) =>
      (await systemctl("daemon-reload")) &&
      (await systemctl("enable", "--now", timer)) &&
      (await systemctl("restart", timer)),
    disable: async (timer: string) => await systemctl("disable", "--now", timer),
    reload: async () => await systemctl("daemon-reload"),
    /** Whether the user's systemd runs while nobody is logged in. */
    lingers: () => existsSync(join("/var/lib/systemd/linger", userInfo().username)),
  };
}
