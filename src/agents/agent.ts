/** The contract of an agent: the program that does the work. It makes values and reads its own output; it starts nothing. */
import type { Command } from "../model/command.ts";
import type { EgressRule } from "../model/egress.ts";

/** What the agent is asked to do, and where. All paths are absolute and the same inside and outside the isolation. */
export interface AgentRequest {
  /** HOME of the worker. */
  readonly home: string;
  /** The clone: working directory of the agent. */
  readonly cwd: string;
  /** Folder for the files of {@link Agent.files}; read-only for the agent. */
  readonly controlFolder: string;
  /** UUID, known before the agent starts. */
  readonly sessionId: string;
  /** Continue that session instead of beginning it. */
  readonly resume: boolean;
  readonly model: string;
  /** Most turns and most US dollars; null is no limit. */
  readonly turns: number | null;
  readonly budgetUsd: number | null;
  /** Environment variables of the model provider: credential and endpoint, or what stands in their place inside. */
  readonly provider: Readonly<Record<string, string>>;
  /** Put in the environment so that every process of the attempt can be found in /proc. */
  readonly cookie: string;
  readonly worker: string;
  /** Whether the agent's own sandbox is to be used for its shell, inside the isolation. */
  readonly innerSandbox: boolean;
  /** What may be reached besides the model. */
  readonly egress: readonly EgressRule[];
  /** Port of the proxy on the agent's loopback; null: it shares the network of the machine. */
  readonly proxyPort: number | null;
  /** Whether the agent may propose new issues. */
  readonly proposals: boolean;
}

export interface Usage {
  readonly turns: number;
  readonly tokens: {
    readonly input: number;
    readonly output: number;
    readonly cacheRead: number;
    readonly cacheWrite: number;
  };
  /** US dollars; null while the agent has not said. */
  readonly costUsd: number | null;
}

/** One thing that the agent's output says, whatever the agent. Texts are as the agent wrote them: hostile. */
export type AgentSignal =
  /** The agent is up. `problems`: what is not as the policy demands; any entry ends the attempt as refused. */
  | {
      readonly type: "init";
      readonly model: string;
      readonly version: string;
      readonly sessionId: string;
      readonly problems: readonly string[];
    }
  | { readonly type: "activity"; readonly kind: "text" | "tool" | "result"; readonly text: string }
  /** Still alive, nothing to show. */
  | { readonly type: "heartbeat" }
  /** Totals so far, not increments. */
  | { readonly type: "usage"; readonly usage: Usage }
  | { readonly type: "waiting"; readonly reason: string }
  /** The account is at its usage limit; `resetsAt` in epoch ms. */
  | { readonly type: "limited"; readonly resetsAt: number | null }
  /** An accepted call of the task-bound tools. */
  | {
      readonly type: "voice";
      readonly word: "start" | "report_progress" | "complete" | "answer" | "fail";
      readonly text: string;
    }
  /** An accepted proposal of a new issue. */
  | { readonly type: "proposal"; readonly title: string; readonly body: string }
  /** An entry of the agent's own list of things to do was made or changed; `subject` null: as before. */
  | { readonly type: "todo"; readonly id: string; readonly subject: string | null; readonly status: string }
  /** A final statement; the last one counts. `kind` says whom to blame. */
  | {
      readonly type: "result";
      readonly ok: boolean;
      readonly kind: "done" | "error" | "auth" | "turns" | "budget" | "limited";
      readonly text: string;
    };

/** Reads the output of one agent process, a line at a time. Keeps what it must remember between lines (totals, open tool calls). */
export interface AgentReader {
  /** @param line one line of standard output, without its newline. Never throws: a line that is not understood gives []. */
  read(line: string): readonly AgentSignal[];
  /** Whether a line is kept when the transcript is past its size limit (results and usage). */
  essential(line: string): boolean;
}

export interface Agent {
  readonly name: "claude" | "dry-run";
  /**
   * Finds the program and checks its version by running it.
   * @throws FleetError `environment` when it is missing or too old.
   */
  check(): Promise<{ readonly path: string; readonly version: string }>;
  /** Paths (files or folders) outside the system folders that the agent must be able to read. */
  readonly needs: readonly string[];
  /** Files that the supervisor writes to `request.controlFolder` before the start, name to content. */
  files(request: AgentRequest): Readonly<Record<string, string>>;
  /** Pure. The prompt arrives on standard input. */
  command(request: AgentRequest): Command;
  reader(): AgentReader;
}
