/** The agent that rehearses: everything around it is real, it calls no model and changes no file. */
import * as z from "zod/mini";
import { bunFlags } from "../system/self.ts";
import type { Agent, AgentReader, AgentSignal } from "./agent.ts";
import { baseEnvironment } from "./environment.ts";

export interface DryRunOptions {
  /** Absolute real path of Bun. */
  readonly bun: string;
  readonly packageRoot: string;
  /** The program below `packageRoot`: `src/agents/rehearsal.ts` in a checkout, `dist/rehearsal.js` in the package. */
  readonly rehearsal: string;
}

const nothing = { turns: 0, tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }, costUsd: 0 };

const said = z.discriminatedUnion("type", [
  z.object({ type: z.literal("init") }),
  z.object({ type: z.literal("step"), text: z.string() }),
  z.object({ type: z.literal("result"), ok: z.boolean(), text: z.string() }),
]);

export function dryRunAgent(options: DryRunOptions): Agent {
  return {
    name: "dry-run",
    check: async () => ({ path: options.bun, version: Bun.version }),
    needs: [options.bun, options.packageRoot],
    files: () => ({}),
    command: (request) => ({
      argv: [options.bun, ...bunFlags(options.packageRoot), options.rehearsal],
      env: baseEnvironment(request),
      cwd: request.cwd,
    }),
    reader: dryRunReader,
  };
}

function dryRunReader(): AgentReader {
  return { read, essential: (line) => line.includes('"result"') };
}

function read(line: string): AgentSignal[] {
  const one = said.safeParse(parse(line));
  if (!one.success) return [];
  switch (one.data.type) {
    case "init":
      return [{ type: "init", model: "none", version: Bun.version, sessionId: "", problems: [] }];
    case "step":
      return [{ type: "activity", kind: "text", text: one.data.text }];
    case "result":
      return [
        { type: "usage", usage: nothing },
        { type: "result", ok: one.data.ok, kind: one.data.ok ? "done" : "error", text: one.data.text },
      ];
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
