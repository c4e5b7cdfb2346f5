/** Claude Code without a terminal, as an agent of the fleet. */
import type { Agent } from "./agent.ts";

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

export function claudeAgent(options: ClaudeOptions): Agent {
  throw new Error(`not written yet: ${options.voiceServer}`);
}
