/** Git refs over REST. git itself decides every race: each write is an update-ref with the value that it replaces. */
import { type Git, zeroSha } from "./git.ts";
import { fields, neededText, notFound, paged, Refusal, type Reply, type RepoCall } from "./http.ts";
import { syncPulls } from "./pull-state.ts";
import type { Repo } from "./world.ts";

interface Ref {
  name: string;
  sha: string;
  type: string;
}

const shaForm = /^[0-9a-f]{40}$/;

/** All refs, in git's order. */
async function listRefs(git: Git, repo: Repo): Promise<Ref[]> {
  const out = await git.must(repo.dir, ["for-each-ref", "--format=%(refname) %(objectname) %(objecttype)"]);
  const refs = out.split("\n").map((line) => {
    const [name = "", sha = "", type = ""] = line.split(" ");
    return { name, sha, type };
  });
  return refs.filter((ref) => ref.name !== "");
}

async function readRef(git: Git, repo: Repo, name: string): Promise<string | undefined> {
  const { code, out } = await git.run(repo.dir, ["rev-parse", "--verify", "--quiet", "--end-of-options", name]);
  return code === 0 && name.startsWith("refs/") ? out.trim() : undefined;
}

/** The type of an object, or undefined where the repository has none of that name. */
export async function objectType(git: Git, repo: Repo, sha: string): Promise<string | undefined> {
  const { code, out } = await git.run(repo.dir, ["cat-file", "-t", sha]);
  return code === 0 ? out.trim() : undefined;
}

export async function isAncestor(git: Git, repo: Repo, older: string, newer: string): Promise<boolean> {
  return (await git.run(repo.dir, ["merge-base", "--is-ancestor", older, newer])).code === 0;
}

/** Every ref; 409 for a repository without a branch. */
async function neededRefs(call: RepoCall): Promise<Ref[]> {
  const refs = await listRefs(call.git, call.repo);
  if (refs.some((ref) => ref.name.startsWith("refs/heads/"))) return refs;
  throw new Refusal(409, "Git Repository is empty.");
}

export async function refuseEmpty(call: RepoCall): Promise<void> {
  await neededRefs(call);
}

function refBody(call: RepoCall, ref: Ref) {
  const base = `${call.origin}/repos/${call.repo.owner.login}/${call.repo.name}/git`;
  return {
    ref: ref.name,
    node_id: Buffer.from(`REF:${call.repo.id}:${ref.name}`).toString("base64url"),
    url: `${base}/${ref.name}`,
    object: { sha: ref.sha, type: ref.type, url: `${base}/${ref.type}s/${ref.sha}` },
  };
}

export async function getRef(call: RepoCall): Promise<Reply> {
  const name = `refs/${call.params["ref"]}`;
  const ref = (await neededRefs(call)).find((one) => one.name === name);
  if (!ref) throw notFound();
  return { status: 200, body: refBody(call, ref) };
}

/** Every ref whose name begins so; none is an empty list, as on GitHub. */
export async function matchingRefs(call: RepoCall): Promise<Reply> {
  const prefix = `refs/${call.params["ref"] ?? ""}`;
  const found = (await neededRefs(call)).filter((ref) => ref.name.startsWith(prefix));
  return paged(call, found, (ref) => refBody(call, ref));
}

async function neededObject(call: RepoCall): Promise<{ sha: string; type: string }> {
  const sha = neededText(call, "sha");
  if (!shaForm.test(sha)) {
    throw new Refusal(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].");
  }
  const type = await objectType(call.git, call.repo, sha);
  if (type === undefined) throw new Refusal(422, "Object does not exist");
  return { sha, type };
}

async function wellFormed(git: Git, repo: Repo, name: string): Promise<boolean> {
  if (!/^refs\/[^/]+\/./.test(name)) return false;
  return (await git.run(repo.dir, ["check-ref-format", name])).code === 0;
}

export async function createRef(call: RepoCall): Promise<Reply> {
  const { git, repo } = call;
  const name = neededText(call, "ref");
  await refuseEmpty(call);
  if (!(await wellFormed(git, repo, name)) || name.startsWith("refs/pull/")) {
    throw new Refusal(422, `${name} is not a valid ref name.`);
  }
  const { sha, type } = await neededObject(call);
  if (name.startsWith("refs/heads/") && type !== "commit") throw new Refusal(422, `${sha} is not a commit`);
  const made = await git.run(repo.dir, ["update-ref", name, sha, zeroSha]);
  if (made.code !== 0) {
    if ((await readRef(git, repo, name)) !== undefined) throw new Refusal(422, "Reference already exists");
    throw new Refusal(422, `Reference update failed: ${gitWords(made.err, repo)}`);
  }
  await moved(call, name);
  return { status: 201, body: refBody(call, { name, sha, type }) };
}

export async function updateRef(call: RepoCall): Promise<Reply> {
  const { git, repo } = call;
  const name = `refs/${call.params["ref"]}`;
  await refuseEmpty(call);
  const { sha, type } = await neededObject(call);
  const force = fields(call)["force"] === true;
  for (;;) {
    const tip = await readRef(git, repo, name);
    if (tip === undefined) throw new Refusal(422, "Reference does not exist");
    if (!force && !(await isAncestor(git, repo, tip, sha))) throw new Refusal(422, "Update is not a fast forward");
    const done = await git.run(repo.dir, ["update-ref", name, sha, tip]);
    if (done.code === 0) break;
    if ((await readRef(git, repo, name)) === tip) {
      throw new Refusal(422, `Reference update failed: ${gitWords(done.err, repo)}`);
    }
    // Somebody moved it between reading and writing: look again, so that the answer is about what is there now.
  }
  await moved(call, name);
  return { status: 200, body: refBody(call, { name, sha, type }) };
}

export async function deleteRef(call: RepoCall): Promise<Reply> {
  const { git, repo } = call;
  const name = `refs/${call.params["ref"]}`;
  await refuseEmpty(call);
  if ((await readRef(git, repo, name)) === undefined) throw new Refusal(422, "Reference does not exist");
  if (name === `refs/heads/${repo.defaultBranch}`) throw new Refusal(422, "Cannot delete the default branch");
  const gone = await git.run(repo.dir, ["update-ref", "-d", name]);
  if (gone.code !== 0) throw new Refusal(422, `Reference update failed: ${gitWords(gone.err, repo)}`);
  await moved(call, name);
  return { status: 204 };
}

async function moved(call: RepoCall, name: string): Promise<void> {
  if (!name.startsWith("refs/heads/")) return;
  call.repo.pushedAt = call.world.now();
  if (call.viewer) await syncPulls(call.world, call.git, call.repo, call.viewer);
}

function gitWords(text: string, repo: Repo): string {
  return text.trim().replaceAll(repo.dir, repo.name);
}
