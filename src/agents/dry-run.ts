/** The agent that rehearses: everything around it is real, it calls no model and changes no file. */
import type { Agent } from "./agent.ts";

export interface DryRunOptions {
  /** Absolute real path of Bun. */
  readonly bun: string;
  readonly packageRoot: string;
  /** The program below `packageRoot`: `src/agents/rehearsal.ts` in a checkout, `dist/rehearsal.js` in the package. */
  readonly rehearsal: string;
}

export function dryRunAgent(options: DryRunOptions): Agent {
  throw new Error(`not written yet: ${options.rehearsal}`);
}
