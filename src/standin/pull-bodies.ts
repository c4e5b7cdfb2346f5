/** Pull requests as GitHub shows them: the listed form, and the full one with counts and mergeability. */
import { association, issueBody, repoBody, simpleUser } from "./bodies.ts";
import { repoUrl } from "./commit-bodies.ts";
import { diffFiles } from "./diff.ts";
import type { RepoCall } from "./http.ts";
import { mergedTree } from "./merge-tree.ts";
import { type PullIssue, type Repo, stamp } from "./world.ts";

function side(call: RepoCall, repo: Repo, ref: string, sha: string) {
  const owner = repo.owner;
  const user = simpleUser(call.origin, owner);
  const place = { origin: call.origin, repo };
  return { label: `${owner.login}:${ref}`, ref, sha, user, repo: repoBody(place, call.viewer) };
}

export function shortPullBody(call: RepoCall, issue: PullIssue) {
  const { pull } = issue;
  const base = repoUrl(call);
  const url = `${base}/pulls/${issue.number}`;
  const shared = issueBody(call, issue);
  const html = shared.html_url;
  const comments = `${base}/issues/${issue.number}/comments`;
  const statuses = `${base}/statuses/${pull.headSha}`;
  const reviews = { review_comments: `${url}/comments`, review_comment: `${base}/pulls/comments{/number}` };
  return {
    url,
    id: issue.id,
    node_id: shared.node_id,
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: `${base}/issues/${issue.number}`,
    commits_url: `${url}/commits`,
    review_comments_url: reviews.review_comments,
    review_comment_url: reviews.review_comment,
    comments_url: comments,
    statuses_url: statuses,
    number: issue.number,
    state: issue.state,
    locked: issue.locked,
    title: issue.title,
    user: shared.user,
    body: issue.body,
    labels: shared.labels,
    milestone: null,
    active_lock_reason: null,
    created_at: shared.created_at,
    updated_at: shared.updated_at,
    closed_at: shared.closed_at,
    merged_at: pull.mergedAt ? stamp(pull.mergedAt) : null,
    merge_commit_sha: pull.mergeSha ?? null,
    assignee: shared.assignee,
    assignees: shared.assignees,
    requested_reviewers: [],
    requested_teams: [],
    head: side(call, call.world.repos.get(pull.headRepo) ?? call.repo, pull.headRef, pull.headSha),
    base: side(call, call.repo, pull.baseRef, pull.baseSha),
    _links: {
      self: { href: url },
      html: { href: html },
      issue: { href: `${base}/issues/${issue.number}` },
      comments: { href: comments },
      review_comments: { href: reviews.review_comments },
      review_comment: { href: reviews.review_comment },
      commits: { href: `${url}/commits` },
      statuses: { href: statuses },
    },
    author_association: association(call.repo, issue.author),
    auto_merge: null,
    draft: pull.draft,
  };
}

export async function pullBody(call: RepoCall, issue: PullIssue) {
  const { git, repo } = call;
  const { pull } = issue;
  // A merged head is an ancestor of its base, so what it brought is counted from where the base stood then.
  const { code, out } = await git.run(repo.dir, ["merge-base", pull.baseSha, pull.headSha]);
  const from = code === 0 ? out.trim() : pull.baseSha;
  const [files, count, tree] = await Promise.all([
    diffFiles(call, from, pull.headSha),
    git.must(repo.dir, ["rev-list", "--count", `${from}..${pull.headSha}`]),
    issue.state === "open" ? mergedTree(git, repo, pull.baseSha, pull.headSha) : undefined,
  ]);
  const mergeable = issue.state === "open" ? tree !== undefined : null;
  return {
    ...shortPullBody(call, issue),
    merged: pull.mergedAt !== undefined,
    mergeable,
    rebaseable: mergeable,
    mergeable_state: mergeable === null ? "unknown" : !mergeable ? "dirty" : pull.draft ? "draft" : "clean",
    merged_by: pull.mergedBy ? simpleUser(call.origin, pull.mergedBy) : null,
    comments: issueBody(call, issue).comments,
    review_comments: 0,
    maintainer_can_modify: false,
    commits: Number(count),
    additions: files.reduce((sum, file) => sum + file.additions, 0),
    deletions: files.reduce((sum, file) => sum + file.deletions, 0),
    changed_files: files.length,
  };
}
