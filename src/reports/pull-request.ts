/** Title and text of the pull request. The agent's prose is quoted, and made harmless, never obeyed. */
import type { End } from "../model/attempt.ts";
import type { IssueSnapshot } from "../model/issue.ts";
import type { Task } from "../model/task.ts";
import { printable } from "../model/text.ts";
import { figuresTable } from "./figures.ts";

type Figures = Pick<End, "turns" | "tokens" | "costUsd" | "commits" | "added" | "removed" | "files" | "model">;

const longestTitle = 120;
const longestProse = 20_000;

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
    `Made by worker ${task.worker} of a claude-workers fleet, attempt ${attempt}. A person should read it before it is merged.`,
  ];
  return parts.join("\n\n");
}

/** Prose of an agent as a quotation in which nothing pings people, closes issues or reads as a command. */
export function quote(prose: string): string {
  const cut = prose.length > longestProse ? `${prose.slice(0, longestProse)}\n[...]` : prose;
  return cut
    .trim()
    .split("\n")
    .map((line) => `> ${harmless(printable(line))}`.trimEnd().replace(closingAtEnd, "$&\u2060"))
    .join("\n");
}

/** What it closes may stand at the beginning of the next line. */
const closingAtEnd = /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?$/i;

/** An entity in the place of the character that GitHub acts on; readers see the same text. */
function harmless(text: string): string {
  // References become characters before GitHub looks for names and numbers.
  return unlinked(text.replace(/&(?=#|[A-Za-z][A-Za-z0-9]*;)/g, "&\u2060").replace(/<!--/g, "&lt;!--"));
}

/** Nobody is mentioned, nothing is closed: an invisible character stands where GitHub would see the word end. */
export function unlinked(text: string): string {
  return text
    .replace(/@(?=[A-Za-z0-9])/g, "@\u2060")
    .replace(
      /\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(:?\s+)(?=[*_~`[(<]*(?:(?:[\w.-]+\/[\w.-]+)?#\d|GH-\d|https?:\/\/))/gi,
      "$1\u2060$2\u2060",
    );
}
