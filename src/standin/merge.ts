/** Merging a pull request: git's own three-way merge, then the issues that its keywords name are closed. */

import { neededViewer } from "./access.ts";
import { closeIssue, recordMerge } from "./actions.ts";
import { identity, readCommits, writeCommit } from "./commit-object.ts";
import { Refusal, type Reply, type RepoCall, textField } from "./http.ts";
import { mergedTree } from "./merge-tree.ts";
import { syncPulls } from "./pull-state.ts";
import { neededPull } from "./pulls.ts";
import type { PullIssue, User } from "./world.ts";

export async function mergePull(call: RepoCall): Promise<Reply> {
  const { git, repo, world } = call;
  const actor = neededViewer(call);
  const issue = await neededPull(call);
  const { pull } = issue;
  const method = textField(call, "merge_method") ?? "merge";
  const wanted = textField(call, "sha");
  if (issue.state === "closed") throw new Refusal(405, "Pull Request is not mergeable");
  if (pull.draft) throw new Refusal(405, "Pull Request is still a draft");
  if (wanted !== undefined && wanted !== pull.headSha) {
    throw new Refusal(409, "Head branch was modified. Review and try the merge again.");
  }
  if (method === "rebase") throw new Refusal(405, "Rebase merges are not allowed on this repository.");
  const tree = await mergedTree(git, repo, pull.baseSha, pull.headSha);
  if (tree === undefined) throw new Refusal(405, "Pull Request is not mergeable");
  const commits = await readCommits(git, repo, [`${pull.baseSha}..${pull.headSha}`]);
  const who = { ...identity(actor), date: world.now() };
  const squash = method === "squash";
  const title =
    textField(call, "commit_title") ??
    (squash
      ? `${issue.title} (#${issue.number})`
      : `Merge pull request #${issue.number} from ${repo.owner.login}/${pull.headRef}`);
  const text = textField(call, "commit_message") ?? (squash ? (issue.body ?? "") : issue.title);
  const sha = await writeCommit(git, repo, {
    tree,
    parents: squash ? [pull.baseSha] : [pull.baseSha, pull.headSha],
    author: who,
    committer: who,
    message: `${title}\n\n${text}`.trimEnd(),
  });
  const moved = await git.run(repo.dir, ["update-ref", `refs/heads/${pull.baseRef}`, sha, pull.baseSha]);
  if (moved.code !== 0) throw new Refusal(405, "Base branch was modified. Review and try the merge again.");
  repo.pushedAt = world.now();
  pull.mergedAt = world.now();
  pull.mergedBy = actor;
  pull.mergeSha = sha;
  closeIssue(world, issue, actor);
  recordMerge(world, issue, actor, sha);
  const texts = [issue.body ?? "", `${title}\n${text}`, ...commits.map((commit) => commit.message)];
  if (pull.baseRef === repo.defaultBranch) closeNamedIssues(call, issue, actor, sha, texts);
  await syncPulls(world, git, repo, actor);
  return { status: 200, body: { sha, merged: true, message: "Pull Request successfully merged" } };
}

const keyword = /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:([\w.-]+\/[\w.-]+))?#(\d+)\b/gi;

function closeNamedIssues(call: RepoCall, from: PullIssue, actor: User, sha: string, texts: string[]): void {
  for (const [, place, number] of texts.join("\n").matchAll(keyword)) {
    const [owner = "", name = ""] = place?.split("/") ?? [];
    const repo = place === undefined ? call.repo : call.world.findRepo(owner, name);
    const issue = repo?.issues.get(Number(number));
    if (issue && issue !== from && !issue.pull && !issue.gone) closeIssue(call.world, issue, actor, "completed", sha);
  }
}
