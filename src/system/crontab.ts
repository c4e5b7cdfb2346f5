/** The user's crontab, through crontab(1). Its text is carried as latin1, so that bytes of others survive whatever they are. */
import { readdirSync, readFileSync } from "node:fs";
import { FleetError } from "../model/errors.ts";
import { runTool, type ToolResult } from "./tools.ts";

/** @param toolPath where crontab(1) is looked for */
export function crontab(toolPath: string) {
  const run = async (args: string[], stdin?: string): Promise<ToolResult> => {
    const program = Bun.which("crontab", { PATH: toolPath, cwd: "/" });
    if (program === null)
      throw new FleetError("environment", "cron is not installed", { hint: "apt-get install cron, or --systemd" });
    return await runTool({
      argv: [program, ...args],
      env: { PATH: toolPath, LC_ALL: "C" },
      timeoutMs: 20_000,
      encoding: "latin1",
      ...(stdin === undefined ? {} : { stdin }),
    });
  };
  const failed = ({ stderr, stdout }: ToolResult) =>
    new FleetError("environment", `crontab: ${(stderr || stdout).trim().slice(0, 500) || "failed without a word"}`);
  return {
    /** "" when there is none. @throws FleetError `environment` */
    async read(): Promise<string> {
      const result = await run(["-l"]);
      if (result.ok) return result.stdout;
      if (/no crontab for/i.test(result.stderr)) return "";
      throw failed(result);
    },
    /** @throws FleetError `environment`: the old one stays */
    async write(content: string): Promise<void> {
      const result = content === "" ? await run(["-r"]) : await run(["-"], content);
      if (!result.ok) throw failed(result);
    },
  };
}

/** Whether a cron daemon runs here; one outside of this container can't be seen. */
export function cronRuns(): boolean {
  return readdirSync("/proc").some((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return /^(?:cron|crond|fcron|bcron-sched)$/.test(readFileSync(`/proc/${entry}/comm`, "utf8").trim());
    } catch {
      return false;
    }
  });
}

/** Our text among those bytes. */
export function asBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function asText(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
