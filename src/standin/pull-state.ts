/** Keeps pull requests true to git: an open one's head follows its branch, and it closes when the branch goes. */
import { closeIssue, recordBranchGone } from "./actions.ts";
import type { Git } from "./git.ts";
import type { Repo, User, World } from "./world.ts";

/** After anything that moved branches of `repo`. */
export async function syncPulls(world: World, git: Git, repo: Repo, actor: User): Promise<void> {
  const open = [...world.repos.values()].flatMap((base) =>
    [...base.issues.values()]
      .filter((issue) => issue.pull && issue.state === "open" && (issue.pull.headRepo === repo.id || base === repo))
      .map((issue) => ({ base, issue })),
  );
  for (const { base, issue } of open) {
    const pull = issue.pull;
    const head = world.repos.get(pull?.headRepo ?? 0);
    if (!pull || !head) continue;
    const sha = await branchTip(git, head, pull.headRef);
    pull.baseSha = (await branchTip(git, base, pull.baseRef)) ?? pull.baseSha;
    if (sha === undefined) {
      closeIssue(world, issue, actor);
      recordBranchGone(world, issue, actor);
    } else if (sha !== pull.headSha) {
      pull.headSha = sha;
      issue.updatedAt = world.now();
      await keepHead(git, base, issue.number, sha, head);
    }
  }
}

export async function branchTip(git: Git, repo: Repo, branch: string): Promise<string | undefined> {
  const { code, out } = await git.run(repo.dir, ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}^{commit}`]);
  return code === 0 ? out.trim() : undefined;
}

/** refs/pull/N/head, as on GitHub: it outlives the branch. The objects of a fork's branch are fetched for it. */
export async function keepHead(git: Git, base: Repo, number: number, sha: string, head: Repo): Promise<void> {
  const name = `refs/pull/${number}/head`;
  if (head === base) await git.must(base.dir, ["update-ref", name, sha]);
  else await git.must(base.dir, ["fetch", "-q", head.dir, `+${sha}:${name}`]);
}
