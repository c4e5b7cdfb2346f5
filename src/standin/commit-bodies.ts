/** Commits as GitHub's different operations show them, and the URLs and node ids that all bodies share. */
import { simpleUser } from "./bodies.ts";
import type { Commit, Person } from "./commit-object.ts";
import type { RepoCall } from "./http.ts";
import { type Repo, stamp, type World } from "./world.ts";

export function repoUrl(call: { origin: string; repo: Repo }): string {
  return `${call.origin}/repos/${call.repo.owner.login}/${call.repo.name}`;
}

export function htmlUrl(call: { origin: string; repo: Repo }): string {
  return `${call.origin}/${call.repo.owner.login}/${call.repo.name}`;
}

const unverified = { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null };

function personBody(who: Person) {
  return { name: who.name, email: who.email, date: stamp(who.date) };
}

/** As `git/commits` shows it. */
export function gitCommitBody(call: RepoCall, commit: Commit) {
  const base = repoUrl(call);
  return {
    sha: commit.sha,
    node_id: nodeId("C", call.repo, commit.sha),
    url: `${base}/git/commits/${commit.sha}`,
    html_url: `${htmlUrl(call)}/commit/${commit.sha}`,
    author: personBody(commit.author),
    committer: personBody(commit.committer),
    tree: { sha: commit.tree, url: `${base}/git/trees/${commit.tree}` },
    message: commit.message,
    parents: commit.parents.map((parent) => ({
      sha: parent,
      url: `${base}/git/commits/${parent}`,
      html_url: `${htmlUrl(call)}/commit/${parent}`,
    })),
    verification: unverified,
  };
}

/** As `commits`, `branches`, `compare` and pull requests show it. */
export function commitBody(call: RepoCall, commit: Commit) {
  const base = repoUrl(call);
  return {
    sha: commit.sha,
    node_id: nodeId("C", call.repo, commit.sha),
    commit: {
      author: personBody(commit.author),
      committer: personBody(commit.committer),
      message: commit.message,
      tree: { sha: commit.tree, url: `${base}/git/trees/${commit.tree}` },
      url: `${base}/git/commits/${commit.sha}`,
      comment_count: 0,
      verification: unverified,
    },
    url: `${base}/commits/${commit.sha}`,
    html_url: `${htmlUrl(call)}/commit/${commit.sha}`,
    comments_url: `${base}/commits/${commit.sha}/comments`,
    author: accountOf(call.world, call.origin, commit.author),
    committer: accountOf(call.world, call.origin, commit.committer),
    parents: commit.parents.map((parent) => ({
      sha: parent,
      url: `${base}/commits/${parent}`,
      html_url: `${htmlUrl(call)}/commit/${parent}`,
    })),
  };
}

function accountOf(world: World, origin: string, who: Person) {
  const login = /^(?:\d+\+)?([^@]+)@users\.noreply\.github\.com$/.exec(who.email)?.[1];
  const user = login === undefined ? undefined : world.users.get(login.toLowerCase());
  return user ? simpleUser(origin, user) : null;
}

export function nodeId(kind: string, repo: Repo, what: string | number): string {
  return Buffer.from(`${kind}:${repo.id}:${what}`).toString("base64url");
}
