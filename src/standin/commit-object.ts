/** Commits read and written through git's own plumbing, so that clones and the API never disagree. */
import type { Git } from "./git.ts";
import type { Repo, User } from "./world.ts";

export interface Person {
  name: string;
  email: string;
  date: Date;
}

export interface Commit {
  sha: string;
  tree: string;
  parents: string[];
  author: Person;
  committer: Person;
  message: string;
}

const format = "%H%n%T%n%P%n%an%n%ae%n%at%n%cn%n%ce%n%ct%n%B";

export async function readCommits(git: Git, repo: Repo, args: string[]): Promise<Commit[]> {
  const { code, out } = await git.run(repo.dir, ["log", "-z", `--format=${format}`, ...args, "--"]);
  if (code !== 0) return [];
  return out
    .split("\0")
    .filter((text) => text !== "")
    .map((text) => {
      const [sha = "", tree = "", parents = "", an = "", ae = "", at = "", cn = "", ce = "", ct = "", ...message] =
        text.split("\n");
      return {
        sha,
        tree,
        parents: parents.split(" ").filter((parent) => parent !== ""),
        author: { name: an, email: ae, date: new Date(Number(at) * 1000) },
        committer: { name: cn, email: ce, date: new Date(Number(ct) * 1000) },
        message: message.join("\n").replace(/\n$/, ""),
      };
    });
}

export async function readCommit(git: Git, repo: Repo, sha: string): Promise<Commit | undefined> {
  return (await readCommits(git, repo, ["-1", sha]))[0];
}

export async function writeCommit(git: Git, repo: Repo, commit: Omit<Commit, "sha">): Promise<string> {
  const line = (person: Person) => `${person.name} <${person.email}> ${Math.floor(person.date.getTime() / 1000)} +0000`;
  const text = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${line(commit.author)}`,
    `committer ${line(commit.committer)}`,
    "",
    commit.message,
  ].join("\n");
  return git.must(repo.dir, ["hash-object", "-t", "commit", "-w", "--stdin"], { stdin: text });
}

/** The commit that a branch, tag, full ref or SHA names. */
export async function resolveCommit(git: Git, repo: Repo, name: string): Promise<string | undefined> {
  for (const candidate of [`refs/heads/${name}`, `refs/tags/${name}`, name]) {
    if (candidate === name && !/^[0-9a-f]{7,40}$/.test(name) && !name.startsWith("refs/") && name !== "HEAD") break;
    const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${candidate}^{commit}`];
    const { code, out } = await git.run(repo.dir, args);
    if (code === 0) return out.trim();
  }
  return undefined;
}

/** The author of a commit that the server makes for a user. */
export function identity(user: User | undefined): { name: string; email: string } {
  if (!user) return { name: "ghost", email: "ghost@users.noreply.github.com" };
  return { name: user.login, email: `${user.id}+${user.login}@users.noreply.github.com` };
}
