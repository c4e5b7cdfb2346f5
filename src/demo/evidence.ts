/** Looks at the local GitHub itself: what the fleet calls done has to be there. */
import type { End } from "../model/attempt.ts";
import type { Standin } from "../standin/standin.ts";
import type { Performed } from "./perform.ts";
import { repoName } from "./project.ts";

export interface Evidence extends Performed {
  readonly title: string;
  /** What is not as it should be; empty: verified. */
  readonly problems: readonly string[];
  /** The change as GitHub's list of files shows it; null without a pull request. */
  readonly diff: readonly FileDiff[] | null;
  /** The comment that answers the issue; null where a pull request does. */
  readonly answer: string | null;
}

interface FileDiff {
  readonly filename: string;
  readonly patch: string;
}

export async function gather(github: Standin, token: string, { issue, end }: Performed): Promise<Evidence> {
  const repo = github.repo(repoName);
  const { title, labels } = repo.issue(issue);
  const comment = repo.comments(issue).findLast(({ author }) => author === "fleet-bot")?.body ?? null;
  const pull = end?.pull ? await diffOf(github, token, end.pull.number) : null;
  const problems =
    end === null
      ? ["the attempt has crashed"]
      : [
          ...(end.outcome === "delivered" ? await pullProblems(github, issue, end) : []),
          ...(end.outcome === "answered" || end.outcome === "simulated"
            ? comment === null
              ? ["there is no comment"]
              : []
            : []),
          ...(["delivered", "answered", "simulated"].includes(end.outcome) ? [] : [`${end.outcome}: ${end.reason}`]),
          ...labels.filter((label) => label.startsWith("worker:")).map((label) => `the label ${label} was left`),
        ];
  return { issue, end, title, problems, diff: pull, answer: pull ? null : comment };
}

async function pullProblems(github: Standin, issue: number, end: End): Promise<string[]> {
  const repo = github.repo(repoName);
  const pull = repo.pulls().find(({ number }) => number === end.pull?.number);
  if (pull === undefined) return ["there is no such pull request"];
  const heads = await repo.refs("refs/heads/");
  return [
    ...(pull.state === "open" ? [] : ["the pull request is not open"]),
    ...(pull.headSha === heads[`refs/heads/${end.branch}`] ? [] : ["its head is not the pushed commit"]),
    ...(pull.body?.includes(`Closes #${issue}`) ? [] : ["it does not close the issue"]),
  ];
}

async function diffOf(github: Standin, token: string, pull: number): Promise<FileDiff[]> {
  const response = await fetch(`${github.url}/repos/${repoName}/pulls/${pull}/files`, {
    headers: { authorization: `Bearer ${token}`, "user-agent": "claude-workers" },
  });
  const files = (await response.json()) as readonly { filename: string; patch?: string }[];
  return files.map(({ filename, patch = "" }) => ({ filename, patch }));
}
