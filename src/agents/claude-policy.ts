/** What Claude Code may do: its policy and its one MCP server, written to the control folder, read-only for the agent. */
import { dirname } from "node:path";
import { domainsOf } from "../model/egress.ts";
import { bunFlags } from "../system/self.ts";
import type { AgentRequest } from "./agent.ts";
import { providerNames } from "./environment.ts";

/** Tools that make no sense for an unattended worker: they wait, schedule, leave the clone or talk to other sessions. */
export const disallowedTools = [
  "ScheduleWakeup",
  "CronCreate",
  "CronDelete",
  "CronList",
  "SendMessage",
  "ListAgents",
  "EnterWorktree",
  "ExitWorktree",
  "Workflow",
  "Monitor",
  "ReportFindings",
] as const;

/** Caches of package managers, which Claude's sandbox would otherwise keep the shell from. */
const caches = ["~/.cache", "~/.npm", "~/.bun"];

/**
 * Passed by `--settings`, which fails closed and outranks what the repository or HOME say. `dontAsk` with an allow-list never
 * waits for an answer and keeps the safety checks. With the sandbox on, the block* keys close the file tools to everything
 * outside the clone as well; without it they would deny every shell command that might name a path outside, which is most,
 * and there the isolation around the process is the wall for both.
 *
 * @param hidden what the shell must not read where nothing else hides it: home of the operator, root of the fleet
 */
export function policy(request: AgentRequest, hidden: readonly string[]): object {
  return {
    permissions: {
      defaultMode: "dontAsk",
      allow: ["Bash", "Read", "Edit", "Write", "NotebookEdit", "Agent", "Skill", "mcp__worker"],
      deny: ["WebFetch", "WebSearch"],
      disableBypassPermissionsMode: "disable",
      blockReadsOutsideWorkingDirectories: request.innerSandbox,
      blockWritesOutsideWorkingDirectories: request.innerSandbox,
      denyInsteadOfPrompting: true,
    },
    sandbox: request.innerSandbox ? sandbox(request, hidden) : { enabled: false },
    crossSessionInbound: "refuse",
    disableWorkflows: true,
    enableAllProjectMcpServers: false,
    includeCoAuthoredBy: false,
    cleanupPeriodDays: 90,
  };
}

function sandbox(request: AgentRequest, hidden: readonly string[]): object {
  return {
    enabled: true,
    // Without it a missing tool is a warning, and the shell runs outside of any sandbox.
    failIfUnavailable: true,
    autoAllowBashIfSandboxed: true,
    allowUnsandboxedCommands: false,
    excludedCommands: [],
    filesystem: {
      allowWrite: caches,
      denyRead: [...new Set(["/home", "/root", ...hidden, dirname(request.home), request.controlFolder])],
      allowRead: [request.cwd, ...caches, "~/.gitconfig", "~/.config/git"],
    },
    network: {
      // With our proxy this list only has to be there: without a name in it the shell would get no proxy at all.
      ...(request.proxyPort === null
        ? { allowedDomains: domainsOf(request.egress) }
        : { allowedDomains: ["the-proxy-decides.invalid"], httpProxyPort: request.proxyPort }),
      strictAllowlist: true,
    },
    credentials: {
      files: [{ path: "~/.claude/.credentials.json", mode: "deny" }],
      envVars: providerNames.map((name) => ({ name, mode: "deny" })),
    },
  };
}

export interface VoiceServer {
  readonly bun: string;
  readonly packageRoot: string;
  readonly file: string;
}

/** `alwaysLoad`: otherwise the model sees only the names of the tools, behind a search. */
export function mcpConfig(voice: VoiceServer, proposals: boolean): object {
  return {
    mcpServers: {
      worker: {
        type: "stdio",
        command: voice.bun,
        args: [...bunFlags(voice.packageRoot), voice.file, ...(proposals ? ["--proposals"] : [])],
        env: {},
        alwaysLoad: true,
        timeout: 60_000,
      },
    },
  };
}
