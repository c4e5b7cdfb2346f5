/** What of GitHub's answers is used, in plain shapes. */

export interface Repository {
  /** Stays whatever it is called, and is given once. */
  readonly id: number;
  readonly nodeId: string;
  readonly fullName: string;
  readonly defaultBranch: string;
  readonly private: boolean;
  readonly archived: boolean;
  readonly mayPush: boolean;
}

export interface Issue {
  readonly nodeId: string;
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly author: string;
  readonly url: string;
  readonly open: boolean;
  readonly isPullRequest: boolean;
  readonly labels: readonly string[];
  readonly comments: number;
}

export interface Comment {
  readonly id: number;
  readonly author: string;
  readonly createdAt: string;
  readonly body: string;
  readonly url: string;
}

export interface Pull {
  readonly number: number;
  readonly url: string;
  readonly open: boolean;
  readonly body: string;
  readonly headSha: string;
  readonly headRef: string;
}

export function namesOf(labels: readonly (string | { name?: string | null })[]): string[] {
  return labels.flatMap((label) => (typeof label === "string" ? [label] : label.name ? [label.name] : []));
}

export function toIssue(data: {
  node_id: string;
  number: number;
  title: string;
  body?: string | null | undefined;
  user: { login: string } | null;
  html_url: string;
  state: string;
  pull_request?: object | undefined;
  labels: Parameters<typeof namesOf>[0];
  comments: number;
}): Issue {
  return {
    nodeId: data.node_id,
    number: data.number,
    title: data.title,
    body: data.body ?? "",
    author: data.user?.login ?? "ghost",
    url: data.html_url,
    open: data.state === "open",
    isPullRequest: data.pull_request !== undefined,
    labels: namesOf(data.labels),
    comments: data.comments,
  };
}

export function toComment(data: {
  id: number;
  user: { login: string } | null;
  created_at: string;
  body?: string;
  html_url: string;
}): Comment {
  return {
    id: data.id,
    author: data.user?.login ?? "ghost",
    createdAt: data.created_at,
    body: data.body ?? "",
    url: data.html_url,
  };
}

export function toPull(data: {
  number: number;
  html_url: string;
  state: string;
  body?: string | null;
  head: { sha: string; ref: string };
}): Pull {
  return {
    number: data.number,
    url: data.html_url,
    open: data.state === "open",
    body: data.body ?? "",
    headSha: data.head.sha,
    headRef: data.head.ref,
  };
}
