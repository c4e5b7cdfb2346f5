/** Who may do what, and which issue a path names; each refusal in GitHub's own words. */
import { notFound, Refusal, type RepoCall } from "./http.ts";
import { atLeast, type Issue, type Level, levelOf, type User } from "./world.ts";

/** The issue that the path names: 404, 410 and 301 as GitHub answers them. */
export function neededIssue(call: RepoCall): Issue {
  const issue = call.repo.issues.get(Number(call.params["number"]));
  if (!issue) throw notFound();
  if (!call.repo.hasIssues && !issue.pull) throw new Refusal(410, "Issues are disabled for this repo");
  if (issue.gone === "deleted") throw new Refusal(410, "This issue was deleted");
  if (issue.gone) {
    const target = call.world.repos.get(issue.gone.repo);
    if (!target || levelOf(target, call.viewer) === "none") throw notFound();
    const url = `${call.origin}/repositories/${target.id}/issues/${issue.gone.number}`;
    throw new Refusal(301, "Moved Permanently", undefined, { location: url });
  }
  return issue;
}

/** For what any signed-in reader may do: 401 without a token. */
export function neededViewer(call: RepoCall): User {
  if (!call.viewer) throw new Refusal(401, "Requires authentication");
  return call.viewer;
}

export function mayTriage(call: RepoCall): boolean {
  return atLeast(levelOf(call.repo, call.viewer), "triage");
}

/** Refuses a write to an archived repository, without a token, or by somebody with less than that level. */
export function refuseWrite(call: RepoCall, needed: Level, words = "Must have admin rights to Repository."): void {
  neededViewer(call);
  if (!atLeast(levelOf(call.repo, call.viewer), needed)) throw new Refusal(403, words);
  if (call.repo.archived) throw new Refusal(403, "Repository was archived so is read-only.");
}
