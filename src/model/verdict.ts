/** How an attempt ends: decided from facts, never from an exit code or from prose alone. */
import { FleetError } from "./errors.ts";
import type { Outcome } from "./outcome.ts";

/** Thrown by a step that ends the attempt, caught once. */
export class Verdict extends Error {
  constructor(
    readonly outcome: Outcome,
    readonly reason: string,
  ) {
    super(reason);
  }
}

/** What the agent said by its own tools; the last word of each kind. */
interface Words {
  readonly complete: string | null;
  readonly answer: string | null;
  readonly fail: string | null;
}

/** The agent's final statement, in terms of whom to blame. */
export interface FinalWord {
  readonly ok: boolean;
  readonly kind: "done" | "error" | "auth" | "turns" | "budget" | "limited";
  readonly text: string;
}

export interface AgentEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last one before the process was gone; null when there was none. */
  readonly result: FinalWord | null;
  readonly words: Words;
  /** It had called the model at least once. */
  readonly worked: boolean;
}

/** What the end of the agent means by itself, before its work is looked at. Null: look at the work. */
export function verdictOfAgent(end: AgentEnd): Verdict | null {
  const { result, words } = end;
  if (result?.kind === "auth")
    return new Verdict("refused", `the model provider refuses the credentials: ${result.text}`);
  if (result?.kind === "limited") return new Verdict("limited", result.text);
  if (result?.kind === "turns" || result?.kind === "budget") return new Verdict("over-budget", result.text);
  if (words.fail !== null) return new Verdict("declined", words.fail);
  if (result === null) {
    const how = end.signal === null ? `exit code ${end.code}` : `signal ${end.signal}`;
    return new Verdict("failed", `the agent ended without a result (${how})`);
  }
  if (!result.ok) return new Verdict("failed", result.text || "the agent reported an error");
  if (end.code !== 0)
    return new Verdict(
      "failed",
      `the agent ended with ${end.signal === null ? `exit code ${end.code}` : `signal ${end.signal}`}`,
    );
  return null;
}

/** What a well-ended agent without a change has done. */
export function verdictWithoutChange(end: AgentEnd, hasIssue: boolean): Verdict {
  if (end.words.answer !== null) return new Verdict("answered", end.words.answer);
  const said = end.words.complete ?? end.result?.text ?? "";
  // Without an issue nobody can miss a pull request: what it said is what was wanted.
  if (!hasIssue && said.trim() !== "") return new Verdict("answered", said);
  return new Verdict("no-change", "the agent ended without an error, without a change and without an answer");
}

/** What an error of the host, of GitHub or of a tool means for the attempt: the one to blame is named. */
export function verdictOfError(error: unknown, before: "agent" | "publish"): Verdict {
  if (error instanceof Verdict) return error;
  if (!(error instanceof FleetError)) throw error;
  if (before === "agent") return new Verdict("refused", error.message);
  return new Verdict(error.code === "environment" ? "failed" : "rejected", error.message);
}
