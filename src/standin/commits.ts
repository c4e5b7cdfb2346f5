/** Commits and branches over REST. */
import { commitBody, gitCommitBody, htmlUrl, repoUrl } from "./commit-bodies.ts";
import { type Commit, identity, type Person, readCommit, resolveCommit, writeCommit } from "./commit-object.ts";
import { diffFiles } from "./diff.ts";
import { fields, neededText, notFound, Refusal, type Reply, type RepoCall } from "./http.ts";
import { objectType, refuseEmpty } from "./refs.ts";

function person(call: RepoCall, name: "author" | "committer"): Person | undefined {
  const given = fields(call)[name];
  if (given === undefined || given === null) return undefined;
  const { name: who, email, date } = given as Record<string, unknown>;
  if (typeof who !== "string" || typeof email !== "string") {
    throw new Refusal(422, `Invalid request.\n\nFor 'properties/${name}', name and email are needed.`);
  }
  const when = typeof date === "string" ? new Date(date) : call.world.now();
  if (Number.isNaN(when.getTime())) throw new Refusal(422, `Invalid request.\n\n${name}.date is not a timestamp.`);
  return { name: who, email, date: when };
}

function sha(text: string, name: string): string {
  if (/^[0-9a-f]{40}$/.test(text)) return text;
  throw new Refusal(422, `The ${name} parameter must be exactly 40 characters and contain only [0-9a-f].`);
}

/** POST git/commits. Without author and committer the server stamps the user and its own time. */
export async function createCommit(call: RepoCall): Promise<Reply> {
  const { git, repo, viewer, world } = call;
  const message = neededText(call, "message");
  const tree = sha(neededText(call, "tree"), "tree");
  const parents = fields(call)["parents"] ?? [];
  if (!Array.isArray(parents) || !parents.every((parent) => typeof parent === "string")) {
    throw new Refusal(422, "Invalid request.\n\nFor 'properties/parents', it is not an array of strings.");
  }
  await refuseEmpty(call);
  if ((await objectType(git, repo, tree)) !== "tree") throw new Refusal(422, "Tree SHA does not exist");
  for (const parent of parents) {
    if ((await objectType(git, repo, sha(parent, "parents"))) !== "commit") {
      throw new Refusal(422, "Parent SHA does not exist or is not a commit object");
    }
  }
  const self = { ...identity(viewer), date: world.now() };
  const author = person(call, "author") ?? self;
  const committer = person(call, "committer") ?? author;
  const made = await writeCommit(git, repo, { tree, parents, author, committer, message });
  const commit = await readCommit(git, repo, made);
  return { status: 201, body: gitCommitBody(call, commit as Commit) };
}

export async function getGitCommit(call: RepoCall): Promise<Reply> {
  await refuseEmpty(call);
  const wanted = call.params["sha"] ?? "";
  if ((await objectType(call.git, call.repo, sha(wanted, "commit_sha"))) !== "commit") throw notFound();
  return { status: 200, body: gitCommitBody(call, (await readCommit(call.git, call.repo, wanted)) as Commit) };
}

export async function getCommit(call: RepoCall): Promise<Reply> {
  await refuseEmpty(call);
  const name = call.params["ref"] ?? "";
  const found = await resolveCommit(call.git, call.repo, name);
  if (found === undefined) throw new Refusal(422, `No commit found for SHA: ${name}`);
  const commit = (await readCommit(call.git, call.repo, found)) as Commit;
  const files = await diffFiles(call, commit.parents[0], found);
  const additions = files.reduce((sum, file) => sum + file.additions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  const stats = { additions, deletions, total: additions + deletions };
  return { status: 200, body: { ...commitBody(call, commit), stats, files } };
}

export async function getBranch(call: RepoCall): Promise<Reply> {
  const name = call.params["branch"] ?? "";
  const { code, out } = await call.git.run(call.repo.dir, ["rev-parse", "--verify", "--quiet", `refs/heads/${name}`]);
  if (code !== 0) throw new Refusal(404, "Branch not found");
  const commit = (await readCommit(call.git, call.repo, out.trim())) as Commit;
  const base = repoUrl(call);
  const body = {
    name,
    commit: commitBody(call, commit),
    _links: { self: `${base}/branches/${name}`, html: `${htmlUrl(call)}/tree/${name}` },
    protected: false,
    protection: { enabled: false, required_status_checks: { enforcement_level: "off", contexts: [], checks: [] } },
    protection_url: `${base}/branches/${name}/protection`,
  };
  return { status: 200, body };
}
