/** What an agent has said so far: its figures, its events, its last words, and whether it is the agent that was asked for. */
import type { AgentSignal, Usage } from "../agents/agent.ts";
import type { Said } from "../model/events.ts";
import type { Redactor } from "../model/redaction.ts";
import { type AgentEnd, type FinalWord, Verdict } from "../model/verdict.ts";
import { tickerMs } from "../system/clock.ts";
import type { Figures } from "./end-attempt.ts";
import type { InFlight } from "./in-flight.ts";

export interface Proposal {
  readonly title: string;
  readonly body: string;
}

const longestText = 500;
/** More are not even remembered; far fewer are filed. */
const mostProposals = 50;
/** What a night's work says is a few thousand; more would fill the disk, outside of the agent's limits. */
const mostTold = 50_000;

export class Heard {
  result: FinalWord | null = null;
  resetsAt: number | null = null;
  worked = false;
  refusal: Verdict | null = null;
  readonly proposals: Proposal[] = [];
  words: AgentEnd["words"] = { complete: null, answer: null, fail: null };
  private readonly before: Figures;
  private readyMs: number | null = null;
  private heardMs = tickerMs();
  private told = 0;

  constructor(
    private readonly attempt: InFlight,
    private readonly redactor: Redactor,
  ) {
    this.before = attempt.figures;
  }

  anything(): void {
    this.heardMs = tickerMs();
  }

  pace() {
    const { turns, costUsd } = this.attempt.figures;
    return { readyMs: this.readyMs, heardMs: this.heardMs, turns, costUsd };
  }

  private tell(said: Said): void {
    if (this.told++ < mostTold) this.attempt.say(said);
  }

  signal(signal: AgentSignal): void {
    const { attempt } = this;
    this.readyMs ??= tickerMs();
    switch (signal.type) {
      case "init":
        if (signal.problems.length > 0)
          this.refusal = new Verdict(
            "refused",
            `the agent is not as its policy demands: ${signal.problems.join("; ")}`,
          );
        attempt.figures = { ...attempt.figures, model: signal.model };
        this.tell({ type: "agent:ready", model: signal.model, version: signal.version });
        break;
      case "activity":
        this.tell({ type: "agent:activity", kind: signal.kind, text: this.short(signal.text) });
        break;
      case "usage": {
        this.worked = true;
        // Its totals are of this process alone; an attempt that was parked has several.
        attempt.figures = plus(this.before, signal.usage, attempt.figures.model);
        const { turns, tokens, costUsd } = attempt.figures;
        this.tell({ type: "agent:usage", turns, tokens, costUsd });
        break;
      }
      case "waiting":
        this.tell({ type: "agent:waiting", reason: this.short(signal.reason) });
        break;
      case "limited":
        this.resetsAt = signal.resetsAt;
        break;
      case "voice":
        if (signal.word === "complete" || signal.word === "answer" || signal.word === "fail") {
          this.words = { ...this.words, [signal.word]: this.redactor.text(signal.text) };
        }
        this.tell({ type: "agent:spoke", word: signal.word, text: this.short(signal.text) });
        break;
      case "result":
        this.result = { ok: signal.ok, kind: signal.kind, text: this.redactor.text(signal.text) };
        break;
      case "proposal":
        if (this.proposals.length < mostProposals) {
          this.proposals.push({ title: this.redactor.text(signal.title), body: this.redactor.text(signal.body) });
        }
        this.tell({ type: "agent:spoke", word: "propose_issue", text: this.short(signal.title) });
        break;
      case "todo":
      case "heartbeat":
        break;
    }
  }

  private short(text: string): string {
    // Cut off last: half a secret has no form any more.
    return this.redactor.text(text).slice(0, longestText);
  }
}

function plus(before: Figures, usage: Usage, model: string): Figures {
  const sum = (name: keyof Usage["tokens"]) => before.tokens[name] + usage.tokens[name];
  return {
    ...before,
    model,
    turns: before.turns + usage.turns,
    tokens: { input: sum("input"), output: sum("output"), cacheRead: sum("cacheRead"), cacheWrite: sum("cacheWrite") },
    costUsd: usage.costUsd === null ? before.costUsd : (before.costUsd ?? 0) + usage.costUsd,
  };
}
