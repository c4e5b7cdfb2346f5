/** Claude Code without a terminal, as an agent of the fleet. */
import { join } from "node:path";
import type { Agent, AgentRequest } from "./agent.ts";
import { checkClaude, findClaude } from "./claude-check.ts";
import { disallowedTools, mcpConfig, policy } from "./claude-policy.ts";
import { claudeReader } from "./claude-stream.ts";
import { type AgentVariable, baseEnvironment, providerEnvironment, temporaryFolder } from "./environment.ts";

export interface ClaudeOptions {
  /** The configured executable, absolute; null: `claude` on `searchPath`. */
  readonly path: string | null;
  /** Where to look, colon-separated; entries that are not absolute are ignored. */
  readonly searchPath: string;
  /** Absolute real path of Bun: runs the voice server. */
  readonly bun: string;
  readonly packageRoot: string;
  /** The voice server below `packageRoot`: `src/agents/voice-server.ts` in a checkout, `dist/voice-server.js` in the package. */
  readonly voiceServer: string;
  /** Home of the operator and root of the fleet: not to be read by the agent's shell where its own sandbox is on. */
  readonly hidden: readonly string[];
}

const policyFile = "policy.json";
const mcpFile = "mcp.json";

/** The program is looked up when it is first needed; `needs` and `command` throw like `check` when there is none. */
export function claudeAgent(options: ClaudeOptions): Agent {
  let found: string | undefined;
  const program = () => (found ??= findClaude(options.path, options.searchPath));
  const voice = { bun: options.bun, packageRoot: options.packageRoot, file: options.voiceServer };
  return {
    name: "claude",
    check: () => checkClaude(program()),
    get needs() {
      return [program(), options.bun, options.packageRoot];
    },
    files: (request) => ({
      [policyFile]: `${JSON.stringify(policy(request, options.hidden), null, 2)}\n`,
      [mcpFile]: `${JSON.stringify(mcpConfig(voice, request.proposals), null, 2)}\n`,
    }),
    command: (request) => ({
      argv: [program(), ...flags(request)],
      env: { ...baseEnvironment(request), ...behaviour(request.home), ...providerEnvironment(request) },
      cwd: request.cwd,
    }),
    reader: claudeReader,
  };
}

function flags(request: AgentRequest): string[] {
  return [
    "-p",
    "--output-format=stream-json",
    "--verbose",
    request.resume ? "--resume" : "--session-id",
    request.sessionId,
    // One word: a model that begins with a dash stays a value.
    `--model=${request.model}`,
    ...(request.turns === null ? [] : [`--max-turns=${request.turns}`]),
    ...(request.budgetUsd === null ? [] : [`--max-budget-usd=${request.budgetUsd}`]),
    // The worker's own CLAUDE.md, and none of the repository's settings.
    "--setting-sources",
    "user",
    "--settings",
    join(request.controlFolder, policyFile),
    "--mcp-config",
    join(request.controlFolder, mcpFile),
    "--strict-mcp-config",
    "--permission-mode",
    "dontAsk",
    "--permission-prompts",
    "none",
    "--disallowedTools",
    disallowedTools.join(","),
  ];
}

function behaviour(home: string): Partial<Record<AgentVariable, string>> {
  return {
    BASH_DEFAULT_TIMEOUT_MS: "600000",
    BASH_MAX_TIMEOUT_MS: "3600000",
    CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
    // A background task would keep `-p` alive after its result.
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
    CLAUDE_CODE_DISABLE_CRON: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    CLAUDE_CODE_ENABLE_TODO_TOOLS: "1",
    CLAUDE_CODE_STARTUP_FAILURE_RESULTS: "1",
    CLAUDE_CODE_TMPDIR: temporaryFolder(home),
    DISABLE_AUTOUPDATER: "1",
    MCP_TIMEOUT: "15000",
  };
}
