/** The comments of an issue, page by page. */
import { ask, split } from "./ask.ts";
import type { Client } from "./octokit.ts";
import { type Comment, toComment } from "./shapes.ts";

/** Oldest first, to the last one. */
export async function* pagesOfComments(client: Client, repo: string, number: number): AsyncGenerator<Comment[]> {
  for (let page = 1; ; page++) {
    const request = client.rest.issues.listComments({ ...split(repo), issue_number: number, per_page: 100, page });
    const { data } = await ask(`comments of ${repo}#${number}`, request);
    yield data.map(toComment);
    if (data.length < 100) return;
  }
}

/** The first with that marker at its top, wherever it stands: anybody may have written a thousand before it. */
export async function commentOf(
  client: Client,
  repo: string,
  number: number,
  marker: string,
): Promise<Comment | undefined> {
  for await (const page of pagesOfComments(client, repo, number)) {
    const found = page.find((one) => one.body.startsWith(`<!-- ${marker} -->`));
    if (found !== undefined) return found;
  }
  return undefined;
}
