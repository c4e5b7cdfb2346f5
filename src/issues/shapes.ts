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
