/** Accounts, repositories, issues, labels, comments and events as GitHub shows them. */
import { commentsOf } from "./actions.ts";
import {
  atLeast,
  type Comment,
  fullName,
  type Issue,
  type Label,
  levelOf,
  type Repo,
  stamp,
  type User,
} from "./world.ts";

interface Place {
  origin: string;
  repo: Repo;
}

const node = (kind: string, id: number) => Buffer.from(`${kind}:${id}`).toString("base64url");

export function simpleUser(origin: string, user: User) {
  // Of a bot: dependabot[bot].
  const login = encodeURIComponent(user.login);
  const url = `${origin}/users/${login}`;
  return {
    login: user.login,
    id: user.id,
    node_id: node("U", user.id),
    avatar_url: `${origin}/avatars/u/${user.id}`,
    gravatar_id: "",
    url,
    html_url: `${origin}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: user.type,
    site_admin: false,
  };
}

const repoLinks = [
  ..."archive:{archive_format}{/ref} assignees:{/user} blobs:git/blobs{/sha} branches:{/branch}".split(" "),
  ..."collaborators:{/collaborator} comments:{/number} commits:{/sha} compare:{base}...{head} contents:{+path}".split(
    " ",
  ),
  ..."contributors deployments downloads events forks git_commits:git/commits{/sha} git_refs:git/refs{/sha}".split(" "),
  ..."git_tags:git/tags{/sha} hooks issue_comment:issues/comments{/number} issue_events:issues/events{/number}".split(
    " ",
  ),
  ..."issues:{/number} keys:{/key_id} labels:{/name} languages merges milestones:{/number}".split(" "),
  ..."notifications:{?since,all,participating} pulls:{/number} releases:{/id} stargazers statuses:{sha}".split(" "),
  ..."subscribers subscription tags teams trees:git/trees{/sha}".split(" "),
];

function repoUrls(base: string): Record<string, string> {
  const pairs = repoLinks.map((entry) => {
    const [key = "", rest = ""] = entry.split(/:(.*)/s);
    const path = rest === "" ? key : /^git\/|^issues\//.test(rest) ? rest : `${key}${rest}`;
    return [`${key}_url`, `${base}/${path}`];
  });
  return Object.fromEntries(pairs);
}

/** The short form that events and pull requests carry, then what a listing adds. */
export function repoBody({ origin, repo }: Place, viewer: User | undefined) {
  const base = `${origin}/repos/${fullName(repo)}`;
  const html = `${origin}/${fullName(repo)}`;
  const level = levelOf(repo, viewer);
  const open = [...repo.issues.values()].filter((issue) => issue.state === "open" && !issue.gone).length;
  return {
    id: repo.id,
    node_id: node("R", repo.id),
    name: repo.name,
    full_name: fullName(repo),
    private: repo.private,
    owner: simpleUser(origin, repo.owner),
    html_url: html,
    description: repo.description,
    fork: false,
    url: base,
    ...repoUrls(base),
    created_at: stamp(repo.createdAt),
    updated_at: stamp(repo.updatedAt),
    pushed_at: stamp(repo.pushedAt),
    git_url: `git:${html.replace(/^http:/, "")}.git`,
    ssh_url: `git@localhost:${fullName(repo)}.git`,
    clone_url: `${html}.git`,
    svn_url: html,
    mirror_url: null,
    homepage: null,
    size: 0,
    stargazers_count: 0,
    watchers_count: 0,
    watchers: 0,
    language: null,
    has_issues: repo.hasIssues,
    has_projects: false,
    has_downloads: false,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    has_pull_requests: true,
    pull_request_creation_policy: "all",
    forks_count: 0,
    forks: 0,
    archived: repo.archived,
    disabled: false,
    open_issues_count: open,
    open_issues: open,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: repo.private ? "private" : "public",
    default_branch: repo.defaultBranch,
    permissions: {
      admin: atLeast(level, "admin"),
      maintain: atLeast(level, "maintain"),
      push: atLeast(level, "write"),
      triage: atLeast(level, "triage"),
      pull: atLeast(level, "read"),
    },
  };
}

export function fullRepoBody(place: Place, viewer: User | undefined) {
  const merging = { allow_merge_commit: true, allow_squash_merge: true, allow_rebase_merge: false };
  return { ...repoBody(place, viewer), ...merging, network_count: 0, subscribers_count: 0 };
}

export function labelBody({ origin, repo }: Place, label: Label) {
  return {
    id: label.id,
    node_id: node("LA", label.id),
    url: `${origin}/repos/${fullName(repo)}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    description: label.description,
    color: label.color,
    default: false,
  };
}

export function association(repo: Repo, user: User): string {
  if (user === repo.owner) return "OWNER";
  return atLeast(levelOf(repo, user), "triage") ? "COLLABORATOR" : "NONE";
}

const reactionKinds = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];

function reactions(url: string) {
  const counts = Object.fromEntries(reactionKinds.map((kind) => [kind, 0]));
  return { url: `${url}/reactions`, total_count: 0, ...counts };
}

export function issueBody(place: Place, issue: Issue) {
  const { origin, repo } = place;
  const base = `${origin}/repos/${fullName(repo)}`;
  const html = `${origin}/${fullName(repo)}`;
  const url = `${base}/issues/${issue.number}`;
  const page = `${html}/${issue.pull ? "pull" : "issues"}/${issue.number}`;
  return {
    url,
    repository_url: base,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: page,
    id: issue.id,
    node_id: node(issue.pull ? "PR" : "I", issue.id),
    number: issue.number,
    title: issue.title,
    user: simpleUser(origin, issue.author),
    labels: issue.labels.map((label) => labelBody(place, label)),
    state: issue.state,
    locked: issue.locked,
    assignee: issue.assignees[0] ? simpleUser(origin, issue.assignees[0]) : null,
    assignees: issue.assignees.map((user) => simpleUser(origin, user)),
    milestone: null,
    comments: commentsOf(repo, issue).length,
    created_at: stamp(issue.createdAt),
    updated_at: stamp(issue.updatedAt),
    closed_at: issue.closedAt ? stamp(issue.closedAt) : null,
    author_association: association(repo, issue.author),
    active_lock_reason: null,
    body: issue.body,
    closed_by: issue.closedBy ? simpleUser(origin, issue.closedBy) : null,
    reactions: reactions(url),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: null,
    state_reason: issue.stateReason,
    ...(issue.pull
      ? {
          draft: issue.pull.draft,
          pull_request: {
            url: `${base}/pulls/${issue.number}`,
            html_url: page,
            diff_url: `${page}.diff`,
            patch_url: `${page}.patch`,
            merged_at: issue.pull.mergedAt ? stamp(issue.pull.mergedAt) : null,
          },
        }
      : {}),
  };
}

export function commentBody(place: Place, comment: Comment) {
  const { origin, repo } = place;
  const url = `${origin}/repos/${fullName(repo)}/issues/comments/${comment.id}`;
  const kind = repo.issues.get(comment.issue)?.pull ? "pull" : "issues";
  return {
    url,
    html_url: `${origin}/${fullName(repo)}/${kind}/${comment.issue}#issuecomment-${comment.id}`,
    issue_url: `${origin}/repos/${fullName(repo)}/issues/${comment.issue}`,
    id: comment.id,
    node_id: node("IC", comment.id),
    user: simpleUser(origin, comment.author),
    created_at: stamp(comment.createdAt),
    updated_at: stamp(comment.updatedAt),
    author_association: association(repo, comment.author),
    body: comment.body,
    reactions: reactions(url),
    performed_via_github_app: null,
  };
}
