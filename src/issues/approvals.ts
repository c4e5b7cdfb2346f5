/** Who approved an issue's text, and whether it was changed after that. */
import { ask, split } from "./ask.ts";
import type { Client } from "./octokit.ts";

/** A stranger can make as many events as they like, by a new title for their own issue; each page costs a request. */
const mostPages = 10;

export class Approvals {
  constructor(private readonly client: Client) {}

  /**
   * Who put a label that is still there, and when; null when nobody did, as far as GitHub's events tell, or there are too many.
   * @returns `renamedAt`: when the title was changed last, which GitHub does not count as an edit
   */
  async labelledBy(
    repo: string,
    number: number,
    label: string,
  ): Promise<{ by: string; at: string; renamedAt: string | null } | null> {
    let found: { by: string; at: string } | null = null;
    let renamedAt: string | null = null;
    for (let page = 1; page <= mostPages; page++) {
      const request = this.client.rest.issues.listEvents({ ...split(repo), issue_number: number, per_page: 100, page });
      const { data } = await ask(`events of ${repo}#${number}`, request);
      for (const event of data) {
        if (event.event === "renamed") renamedAt = event.created_at;
        if (!("label" in event) || event.label?.name?.toLowerCase() !== label.toLowerCase()) continue;
        if (event.event === "labeled") found = { by: event.actor?.login ?? "ghost", at: event.created_at };
        if (event.event === "unlabeled") found = null;
      }
      if (data.length < 100) return found && { ...found, renamedAt };
    }
    return null;
  }

  /** Last edit of an issue's body; null when there was none, "unknown" when GitHub does not say. */
  async lastEdited(repo: string, number: number): Promise<string | null | "unknown"> {
    const { owner, repo: name } = split(repo);
    const query = `query($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name){issue(number:$number){lastEditedAt}}}`;
    try {
      const answer = await this.client.graphql<{
        repository: { issue: { lastEditedAt: string | null } | null } | null;
      }>(query, { owner, name, number });
      const issue = answer.repository?.issue;
      return issue === null || issue === undefined ? "unknown" : issue.lastEditedAt;
    } catch {
      return "unknown";
    }
  }
}
