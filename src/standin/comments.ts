/** Comments, events and the timeline of an issue over REST. */

import { neededIssue, neededViewer } from "./access.ts";
import { addComment, commentsOf } from "./actions.ts";
import { commentBody, simpleUser } from "./bodies.ts";
import { nodeId, repoUrl } from "./commit-bodies.ts";
import { invalid, notFound, paged, Refusal, type Reply, type RepoCall, textField } from "./http.ts";
import { atLeast, type Comment, type IssueEvent, levelOf, stamp } from "./world.ts";

const longest = 65_536;

function text(call: RepoCall): string {
  const body = textField(call, "body") ?? "";
  if (body.trim() === "") throw invalid("IssueComment", "body", "missing_field");
  if (body.length > longest) {
    throw invalid("IssueComment", "body", "custom", `body is too long (maximum is ${longest} characters)`);
  }
  return body;
}

function neededComment(call: RepoCall): Comment {
  const comment = call.repo.comments.get(Number(call.params["id"]));
  if (!comment) throw notFound();
  return comment;
}

export function listComments(call: RepoCall): Reply {
  const since = Math.floor(Date.parse(call.query.get("since") ?? "1970-01-01T00:00:00Z") / 1000);
  const all = commentsOf(call.repo, neededIssue(call));
  const found = all.filter((comment) => Math.floor(comment.updatedAt.getTime() / 1000) >= since);
  return paged(call, found, (comment) => commentBody(call, comment));
}

export function createComment(call: RepoCall): Reply {
  const author = neededViewer(call);
  const issue = neededIssue(call);
  if (issue.locked && !atLeast(levelOf(call.repo, author), "write")) {
    throw new Refusal(403, "Unable to create comment because issue is locked.");
  }
  const comment = addComment(call.world, call.repo, issue, author, text(call));
  const body = commentBody(call, comment);
  return { status: 201, body, headers: { location: body.url } };
}

export function getComment(call: RepoCall): Reply {
  return { status: 200, body: commentBody(call, neededComment(call)) };
}

/** Its author, or whoever may write. */
export function patchComment(call: RepoCall): Reply {
  const editor = neededViewer(call);
  const comment = neededComment(call);
  if (comment.author !== editor && !atLeast(levelOf(call.repo, editor), "write")) {
    throw new Refusal(403, "Must have admin rights to Repository.");
  }
  comment.body = text(call);
  comment.updatedAt = call.world.now();
  return { status: 200, body: commentBody(call, comment) };
}

function eventBody(call: RepoCall, event: IssueEvent) {
  const commit = event.commit ?? null;
  return {
    id: event.id,
    node_id: nodeId("E", call.repo, event.id),
    url: `${repoUrl(call)}/issues/events/${event.id}`,
    actor: simpleUser(call.origin, event.actor),
    event: event.event,
    commit_id: commit,
    commit_url: commit === null ? null : `${repoUrl(call)}/commits/${commit}`,
    created_at: stamp(event.createdAt),
    performed_via_github_app: null,
    ...(event.label ? { label: { name: event.label.name, color: event.label.color } } : {}),
    ...(event.rename ? { rename: event.rename } : {}),
    ...(event.event === "closed" ? { state_reason: null } : {}),
  };
}

export function listEvents(call: RepoCall): Reply {
  return paged(call, neededIssue(call).events, (event) => eventBody(call, event));
}

/** Events and comments together, oldest first. */
export function listTimeline(call: RepoCall): Reply {
  const issue = neededIssue(call);
  const rows = [
    ...issue.events.map((event) => ({ at: event.createdAt, id: event.id, body: eventBody(call, event) as object })),
    ...commentsOf(call.repo, issue).map((comment) => {
      const body = commentBody(call, comment);
      return { at: comment.createdAt, id: comment.id, body: { event: "commented", actor: body.user, ...body } };
    }),
  ];
  rows.sort((a, b) => a.at.getTime() - b.at.getTime() || a.id - b.id);
  return paged(call, rows, (row) => row.body);
}
