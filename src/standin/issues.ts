/** Issues over REST. A pull request is an issue too: it is listed and read by its number, as on GitHub. */

import { mayTriage, neededIssue, neededViewer } from "./access.ts";
import { addLabel, closeIssue, commentsOf, editIssue, openIssue, reopenIssue } from "./actions.ts";
import { issueBody } from "./bodies.ts";
import { choice, fields, invalid, paged, Refusal, type Reply, type RepoCall, textField } from "./http.ts";
import { replaceLabels, wantedLabels } from "./labels.ts";
import { atLeast, type Issue, levelOf, type User } from "./world.ts";

export function listIssues(call: RepoCall): Reply {
  if (!call.repo.hasIssues) throw new Refusal(410, "Issues are disabled for this repo");
  const state = choice(call, "state", ["open", "closed", "all"]);
  const sort = choice(call, "sort", ["created", "updated", "comments"]);
  const rising = choice(call, "direction", ["desc", "asc"]) === "asc";
  const labels = (call.query.get("labels") ?? "").split(",").filter((name) => name !== "");
  const since = call.query.get("since");
  // Second resolution on both sides: an update within the asked second is part of the answer.
  const from = since === null ? 0 : Math.floor(Date.parse(since) / 1000);
  if (Number.isNaN(from)) throw invalid("Search", "since", "invalid");
  const found = [...call.repo.issues.values()].filter(
    (issue) =>
      !issue.gone &&
      (state === "all" || issue.state === state) &&
      labels.every((name) => issue.labels.some((label) => label.name.toLowerCase() === name.toLowerCase())) &&
      Math.floor(issue.updatedAt.getTime() / 1000) >= from &&
      byAssignee(issue, call.query.get("assignee")) &&
      byCreator(issue, call.query.get("creator")),
  );
  const key = (issue: Issue) =>
    sort === "comments"
      ? commentsOf(call.repo, issue).length
      : (sort === "updated" ? issue.updatedAt : issue.createdAt).getTime();
  found.sort((a, b) => (key(a) - key(b) || a.number - b.number) * (rising ? 1 : -1));
  return paged(call, found, (issue) => issueBody(call, issue));
}

function byAssignee(issue: Issue, login: string | null): boolean {
  if (login === null) return true;
  if (login === "none") return issue.assignees.length === 0;
  if (login === "*") return issue.assignees.length > 0;
  return issue.assignees.some((user) => user.login.toLowerCase() === login.toLowerCase());
}

function byCreator(issue: Issue, login: string | null): boolean {
  return login === null || issue.author.login.toLowerCase() === login.toLowerCase();
}

export function getIssue(call: RepoCall): Reply {
  return { status: 200, body: issueBody(call, neededIssue(call)) };
}

export function createIssue(call: RepoCall): Reply {
  const author = neededViewer(call);
  if (!call.repo.hasIssues) throw new Refusal(410, "Issues are disabled for this repo");
  const title = textField(call, "title")?.trim() ?? "";
  if (title === "") throw invalid("Issue", "title", "missing_field");
  const body = textField(call, "body");
  const issue = openIssue(call.world, call.repo, author, { title, body });
  if (mayTriage(call)) {
    for (const name of wantedLabels(call) ?? []) addLabel(call.world, call.repo, issue, author, name);
    issue.assignees = assignees(call) ?? [];
  }
  return { status: 201, body: issueBody(call, issue), headers: { location: issueBody(call, issue).url } };
}

export function patchIssue(call: RepoCall): Reply {
  const actor = neededViewer(call);
  const issue = neededIssue(call);
  if (!mayTriage(call) && issue.author !== actor) throw new Refusal(403, "Must have admin rights to Repository.");
  const title = textField(call, "title")?.trim();
  if (title === "") throw invalid("Issue", "title", "missing_field");
  const body = fields(call)["body"] === null ? null : textField(call, "body");
  const state = textField(call, "state");
  if (state !== undefined && state !== "open" && state !== "closed") throw invalid("Issue", "state", "invalid");
  const reason = textField(call, "state_reason");
  const reasons = ["completed", "not_planned", "duplicate", "reopened"] as const;
  const known = reasons.find((word) => word === reason);
  if (reason !== undefined && known === undefined) throw invalid("Issue", "state_reason", "invalid");
  const labels = wantedLabels(call);
  editIssue(call.world, issue, actor, { title, body });
  if (mayTriage(call)) {
    if (labels) replaceLabels(call, issue, actor, labels);
    issue.assignees = assignees(call) ?? issue.assignees;
  }
  if (state === "closed") closeIssue(call.world, issue, actor, known ?? "completed");
  if (state === "open") reopenIssue(call.world, issue, actor);
  return { status: 200, body: issueBody(call, issue) };
}

/** Unknown accounts and those without access are left out silently, as on GitHub. */
function assignees(call: RepoCall): User[] | undefined {
  const given = fields(call)["assignees"];
  if (!Array.isArray(given)) return undefined;
  const users = given.map((login) => call.world.users.get(String(login).toLowerCase()));
  return users.filter((user) => user !== undefined).filter((user) => atLeast(levelOf(call.repo, user), "triage"));
}
