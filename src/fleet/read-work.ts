/** Reads what is to be worked on, once: repository, issue, and the comments of people who may write. Strangers' text is cleaned here. */
import type { GitHub } from "../issues/github.ts";
import type { Comment, Issue, Repository } from "../issues/shapes.ts";
import { FleetError } from "../model/errors.ts";
import type { IssueSnapshot, Snapshot } from "../model/issue.ts";
import { withoutHiddenCharacters } from "../model/text.ts";
import { visibleText } from "../model/visible-text.ts";
import { isoNow } from "../system/clock.ts";

const mostComments = 100;
const mostCommenters = 20;
/** Longer issue text is cut: a prompt has room for more than any issue that one agent can solve. */
const longestText = 64 << 10;

export interface Work {
  readonly repository: Repository;
  readonly issue: Issue | null;
  readonly snapshot: Snapshot;
}

/** @throws FleetError `notFound`, `usage` (a pull request's number), `github` (archived), `auth` (no push right) */
export async function readWork(github: GitHub, repo: string, number: number | null): Promise<Work> {
  const asked = number === null ? null : github.issue(repo, number);
  asked?.catch(() => {}); // What is wrong with the repository is said first.
  const repository = await github.repository(repo);
  checkRepository(repo, repository);
  const issue = await asked;
  if (issue) checkIssue(repo, issue);
  const { nodeId, fullName, defaultBranch } = repository;
  const snapshot: Snapshot = {
    version: 1,
    readAt: isoNow(),
    repository: { nodeId, fullName, defaultBranch, private: repository.private },
    issue: issue && (await snapshotIssue(github, repo, issue)),
  };
  return { repository, issue, snapshot };
}

function checkRepository(repo: string, repository: Repository): void {
  if (repository.archived) {
    throw new FleetError("github", `${repo} is archived: nothing can be pushed to it`, { hint: "unarchive it first" });
  }
  if (repository.mayPush) return;
  throw new FleetError("auth", `the GitHub credential may not push to ${repo}`, {
    hint: "give the token Contents, Issues and Pull requests: read and write for this repository",
  });
}

function checkIssue(repo: string, issue: Issue): void {
  const name = `${repo}#${issue.number}`;
  if (issue.isPullRequest) {
    throw new FleetError("usage", `${name} is a pull request, not an issue`, { hint: "give the number of an issue" });
  }
  if (!issue.open) throw new FleetError("usage", `${name} is closed`, { hint: "reopen it first" });
}

async function snapshotIssue(github: GitHub, repo: string, issue: Issue): Promise<IssueSnapshot> {
  const all = issue.comments === 0 ? [] : await github.comments(repo, issue.number, mostComments);
  const trusted = await byWriters(github, repo, all);
  let hidden = 0;
  const clean = (text: string, of = visibleText) => {
    // Before it is cut: a comment without its end would be text.
    const seen = of(text);
    hidden += seen.hidden;
    return seen.text.slice(0, longestText);
  };
  return {
    nodeId: issue.nodeId,
    number: issue.number,
    // No Markdown: GitHub shows it as it was typed.
    title: clean(issue.title, withoutHiddenCharacters),
    body: clean(issue.body),
    author: issue.author,
    url: issue.url,
    labels: [...issue.labels],
    comments: trusted.map(({ author, createdAt, body }) => ({ author, createdAt, body: clean(body) })),
    commentsLeftOut: Math.max(issue.comments, all.length) - trusted.length,
    hidden,
  };
}

/** Only people who may write now; a role that GitHub shows beside a comment may be long gone. Our own reports are no instructions. */
async function byWriters(github: GitHub, repo: string, comments: readonly Comment[]): Promise<Comment[]> {
  const people = comments.filter((one) => !one.body.startsWith("<!-- claude-workers:"));
  const logins = [...new Set(people.map((one) => one.author))].slice(0, mostCommenters);
  const answers = await Promise.all(logins.map(async (login) => [login, await github.mayWrite(repo, login)] as const));
  const writers = new Set(answers.filter(([, may]) => may).map(([login]) => login));
  return people.filter((one) => writers.has(one.author));
}
