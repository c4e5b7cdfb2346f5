/** The environment of an agent: built from nothing, by a published list. */
import { join } from "node:path";
import type { AgentRequest } from "./agent.ts";

/**
 * Every variable that an agent can get, whatever the operator's own environment holds. Tokens of GitHub, NODE_OPTIONS,
 * LD_PRELOAD, BUN_*, GIT_* and cloud credentials are not here, and so never inside; proxies are ours, not the operator's.
 */
export const agentEnvironmentNames = [
  // The worker.
  "HOME",
  "LANG",
  "PATH",
  "SHELL",
  "USER",
  // Finds every process of an attempt in /proc.
  "CW_ATTEMPT_COOKIE",
  // The model provider: credential and endpoint.
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_AUTH_TOKEN",
  "ANTHROPIC_BASE_URL",
  "CLAUDE_CODE_OAUTH_TOKEN",
  // The way out, where the isolation has a network of its own (model/egress.ts).
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "NODE_USE_ENV_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  // How Claude Code behaves; see claude.ts.
  "BASH_DEFAULT_TIMEOUT_MS",
  "BASH_MAX_TIMEOUT_MS",
  "CLAUDE_CODE_DISABLE_AUTO_MEMORY",
  "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
  "CLAUDE_CODE_DISABLE_CRON",
  "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
  "CLAUDE_CODE_ENABLE_TODO_TOOLS",
  "CLAUDE_CODE_STARTUP_FAILURE_RESULTS",
  "CLAUDE_CODE_TMPDIR",
  "DISABLE_AUTOUPDATER",
  "MCP_TIMEOUT",
] as const;

export type AgentVariable = (typeof agentEnvironmentNames)[number];

/** Variables of the model provider that a request may bring. */
export const providerNames = [
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_AUTH_TOKEN",
  "ANTHROPIC_BASE_URL",
  "CLAUDE_CODE_OAUTH_TOKEN",
] as const satisfies readonly AgentVariable[];

/** What every agent gets. Folders of the system only: the agent's HOME must not decide which `git` it runs. */
export function baseEnvironment(request: AgentRequest): Record<string, string> {
  return {
    HOME: request.home,
    LANG: "C.UTF-8",
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    SHELL: "/bin/bash",
    USER: `worker-${request.worker}`,
    CW_ATTEMPT_COOKIE: request.cookie,
  } satisfies Partial<Record<AgentVariable, string>>;
}

/** Of what a request brings for the provider, only what is on the list. */
export function providerEnvironment(request: AgentRequest): Record<string, string> {
  return Object.fromEntries(
    providerNames.flatMap((name) => {
      const value = request.provider[name];
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}

/** Folder for temporary files below HOME: on disk, and of one worker alone. */
export function temporaryFolder(home: string): string {
  return join(home, "tmp");
}
