/** What a branch has beyond another: GitHub's three-dot comparison. */
import { commitBody, htmlUrl, repoUrl } from "./commit-bodies.ts";
import { type Commit, readCommit, readCommits, resolveCommit } from "./commit-object.ts";
import { diffFiles } from "./diff.ts";
import { notFound, Refusal, type Reply, type RepoCall } from "./http.ts";

export async function compare(call: RepoCall): Promise<Reply> {
  const { git, repo } = call;
  const [baseName, headName] = (call.params["basehead"] ?? "").split("...");
  if (!baseName || !headName) throw notFound();
  const base = await resolveCommit(git, repo, ownName(call, baseName));
  const head = await resolveCommit(git, repo, ownName(call, headName));
  if (base === undefined || head === undefined) throw notFound();
  const { code, out } = await git.run(repo.dir, ["merge-base", base, head]);
  if (code !== 0) throw new Refusal(404, `No common ancestor between ${baseName} and ${headName}.`);
  const mergeBase = out.trim();
  const counts = await git.must(repo.dir, ["rev-list", "--left-right", "--count", `${base}...${head}`]);
  const [behind = 0, ahead = 0] = counts.split("\t").map(Number);
  const commits = await readCommits(git, repo, ["--reverse", "--topo-order", "-250", `${base}..${head}`]);
  const basehead = encodeURIComponent(`${baseName}...${headName}`);
  const html = `${htmlUrl(call)}/compare/${basehead}`;
  const body = {
    url: `${repoUrl(call)}/compare/${basehead}`,
    html_url: html,
    permalink_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    base_commit: commitBody(call, (await readCommit(git, repo, base)) as Commit),
    merge_base_commit: commitBody(call, (await readCommit(git, repo, mergeBase)) as Commit),
    status: ahead > 0 ? (behind > 0 ? "diverged" : "ahead") : behind > 0 ? "behind" : "identical",
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    commits: commits.map((commit) => commitBody(call, commit)),
    files: await diffFiles(call, mergeBase, head),
  };
  return { status: 200, body };
}

/** "owner:branch" of this repository is the branch itself. */
function ownName(call: RepoCall, name: string): string {
  const prefix = `${call.repo.owner.login}:`.toLowerCase();
  return name.toLowerCase().startsWith(prefix) ? name.slice(prefix.length) : name;
}
