/** The tree of a three-way merge, by git itself and without a working directory. */
import type { Git } from "./git.ts";
import type { Repo } from "./world.ts";

/** Undefined on a conflict. */
export async function mergedTree(git: Git, repo: Repo, base: string, head: string): Promise<string | undefined> {
  const { code, out } = await git.run(repo.dir, ["merge-tree", "--write-tree", "--no-messages", base, head]);
  return code === 0 ? out.trim() : undefined;
}
