/** Title and text of the pull request. The agent's prose is quoted, and made harmless, never obeyed. */
import type { End } from "../model/attempt.ts";
import type { IssueSnapshot } from "../model/issue.ts";
import type { Task } from "../model/task.ts";
import { printable } from "../model/text.ts";
import { figuresTable } from "./figures.ts";
import { harmless, quote } from "./posted-text.ts";

type Figures = Pick<End, "turns" | "tokens" | "costUsd" | "commits" | "added" | "removed" | "files" | "model">;

const longestTitle = 120;

export function pullRequestTitle(issue: IssueSnapshot | null, summary: string): string {
  const text = issue?.title ?? summary.split("\n").find((line) => line.trim() !== "") ?? "";
  return harmless(printable(text, longestTitle)).trim() || (issue ? `Issue ${issue.number}` : "Work by claude-workers");
}

export function pullRequestBody(
  task: Pick<Task, "issue" | "worker" | "agent">,
  attempt: string,
  summary: string,
  figures: Figures,
): string {
  const parts = [
    ...(task.issue === null ? [] : [`Closes #${task.issue}`]),
    ...(summary.trim() === "" ? [] : [quote(summary)]),
    figuresTable(figures),
    `${madeBy(task.worker, attempt)} A person should read it before it is merged.`,
  ];
  return parts.join("\n\n");
}

/** The sentence of each of our pull requests that says whose it is. */
export function madeBy(worker: string, attempt: string): string {
  return `Made by worker ${worker} of a claude-workers fleet, attempt ${attempt}.`;
}
