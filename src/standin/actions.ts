/** What people do to issues, labels and comments; the one place that writes them, for the API and for seeding. */
import type { Comment, Issue, IssueEvent, Label, Repo, User, World } from "./world.ts";

export function findLabel(repo: Repo, name: string): Label | undefined {
  return repo.labels.get(name.toLowerCase());
}

export function createLabel(
  world: World,
  repo: Repo,
  name: string,
  color = "ededed",
  description: string | null = null,
) {
  const label: Label = { id: world.nextId(), name, color, description };
  repo.labels.set(name.toLowerCase(), label);
  return label;
}

function record(world: World, issue: Issue, event: Omit<IssueEvent, "id" | "createdAt">): void {
  const createdAt = world.now();
  issue.events.push({ ...event, id: world.nextId(), createdAt });
  issue.updatedAt = createdAt;
}

export function openIssue(
  world: World,
  repo: Repo,
  author: User,
  given: { title: string; body?: string | null | undefined; pull?: Issue["pull"] },
): Issue {
  const now = world.now();
  const issue: Issue = {
    id: world.nextId(),
    number: ++repo.lastNumber,
    title: given.title,
    body: given.body ?? null,
    state: "open",
    stateReason: null,
    author,
    labels: [],
    assignees: [],
    locked: false,
    createdAt: now,
    updatedAt: now,
    closedAt: undefined,
    closedBy: undefined,
    lastEditedAt: undefined,
    editor: undefined,
    events: [],
    pull: given.pull,
    gone: undefined,
  };
  repo.issues.set(issue.number, issue);
  return issue;
}

/** Adds the label, making it in the repository if it is missing. Already there: nothing happens. */
export function addLabel(world: World, repo: Repo, issue: Issue, actor: User, name: string): void {
  const label = findLabel(repo, name) ?? createLabel(world, repo, name);
  if (issue.labels.includes(label)) return;
  issue.labels.push(label);
  record(world, issue, { event: "labeled", actor, label });
}

export function removeLabel(world: World, issue: Issue, actor: User, label: Label): void {
  issue.labels = issue.labels.filter((other) => other !== label);
  record(world, issue, { event: "unlabeled", actor, label });
}

export function closeIssue(
  world: World,
  issue: Issue,
  actor: User,
  reason: Issue["stateReason"] = "completed",
  commit?: string,
): void {
  if (issue.state === "closed") return;
  issue.state = "closed";
  issue.stateReason = issue.pull ? null : reason;
  issue.closedAt = world.now();
  issue.closedBy = actor;
  record(world, issue, { event: "closed", actor, ...(commit === undefined ? {} : { commit }) });
}

export function reopenIssue(world: World, issue: Issue, actor: User): void {
  if (issue.state === "open") return;
  issue.state = "open";
  issue.stateReason = issue.pull ? null : "reopened";
  issue.closedAt = undefined;
  issue.closedBy = undefined;
  record(world, issue, { event: "reopened", actor });
}

/** Only a changed body counts as an edit, as GraphQL's lastEditedAt does; a new title is an event. */
export function editIssue(
  world: World,
  issue: Issue,
  actor: User,
  change: { title?: string | undefined; body?: string | null | undefined },
): void {
  if (change.title !== undefined && change.title !== issue.title) {
    const rename = { from: issue.title, to: change.title };
    issue.title = change.title;
    record(world, issue, { event: "renamed", actor, rename });
  }
  if (change.body !== undefined && change.body !== issue.body) {
    issue.body = change.body;
    issue.lastEditedAt = world.now();
    issue.editor = actor;
    issue.updatedAt = issue.lastEditedAt;
  }
}

export function addComment(world: World, repo: Repo, issue: Issue, author: User, body: string): Comment {
  const now = world.now();
  const comment: Comment = {
    id: world.nextId(),
    issue: issue.number,
    author,
    body,
    createdAt: now,
    updatedAt: now,
  };
  repo.comments.set(comment.id, comment);
  issue.updatedAt = now;
  return comment;
}

export function commentsOf(repo: Repo, issue: Issue): Comment[] {
  return [...repo.comments.values()].filter((comment) => comment.issue === issue.number);
}

/** Moves the issue under a new number; the old one answers 301 from then on. */
export function transferIssue(world: World, from: Repo, issue: Issue, to: Repo, actor: User): Issue {
  const moved = openIssue(world, to, issue.author, { title: issue.title, body: issue.body });
  moved.createdAt = issue.createdAt;
  for (const label of issue.labels) {
    const same = findLabel(to, label.name);
    if (same) moved.labels.push(same);
  }
  for (const comment of commentsOf(from, issue)) {
    from.comments.delete(comment.id);
    to.comments.set(comment.id, { ...comment, issue: moved.number });
  }
  record(world, moved, { event: "transferred", actor });
  issue.gone = { repo: to.id, number: moved.number };
  return moved;
}

export function recordMerge(world: World, issue: Issue, actor: User, commit: string): void {
  record(world, issue, { event: "merged", actor, commit });
}

export function recordBranchGone(world: World, issue: Issue, actor: User): void {
  record(world, issue, { event: "head_ref_deleted", actor });
}
