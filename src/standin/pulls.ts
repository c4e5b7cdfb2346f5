/** Pull requests over REST. Head, base, files and counts are read from git at the moment of the question. */

import { neededIssue, neededViewer } from "./access.ts";
import { closeIssue, editIssue, openIssue, reopenIssue } from "./actions.ts";
import { diffFiles } from "./diff.ts";
import {
  choice,
  fields,
  invalid,
  neededText,
  notFound,
  paged,
  Refusal,
  type Reply,
  type RepoCall,
  textField,
} from "./http.ts";
import { pullBody, shortPullBody } from "./pull-bodies.ts";
import { branchTip, keepHead, syncPulls } from "./pull-state.ts";
import { isAncestor, refuseEmpty } from "./refs.ts";
import { atLeast, fullName, type Issue, levelOf, type Pull, type PullIssue, type Repo } from "./world.ts";

export async function neededPull(call: RepoCall): Promise<PullIssue> {
  if (call.viewer) await syncPulls(call.world, call.git, call.repo, call.viewer);
  const issue = neededIssue(call);
  if (!issue.pull) throw notFound();
  return issue as PullIssue;
}

async function mergeBase(call: RepoCall, base: string, head: string): Promise<string | undefined> {
  const { code, out } = await call.git.run(call.repo.dir, ["merge-base", base, head]);
  return code === 0 ? out.trim() : undefined;
}

export async function listPulls(call: RepoCall): Promise<Reply> {
  if (call.viewer) await syncPulls(call.world, call.git, call.repo, call.viewer);
  const state = choice(call, "state", ["open", "closed", "all"]);
  const sort = choice(call, "sort", ["created", "updated", "popularity", "long-running"]);
  const order = call.query.get("direction") ?? (sort === "created" ? "desc" : "asc");
  const head = call.query.get("head");
  const base = call.query.get("base");
  const found = [...call.repo.issues.values()].filter((issue): issue is PullIssue => {
    const pull = issue.pull;
    if (!pull || issue.gone) return false;
    const owner = call.world.repos.get(pull.headRepo)?.owner.login ?? "";
    // GitHub ignores a head without its owner instead of refusing it.
    const byHead =
      head === null || !head.includes(":") || head.toLowerCase() === `${owner}:${pull.headRef}`.toLowerCase();
    return byHead && (base === null || base === pull.baseRef) && (state === "all" || issue.state === state);
  });
  const key = (issue: Issue) => (sort === "updated" ? issue.updatedAt : issue.createdAt).getTime();
  found.sort((a, b) => (key(a) - key(b) || a.number - b.number) * (order === "asc" ? 1 : -1));
  return paged(call, found, (issue) => shortPullBody(call, issue));
}

export async function getPull(call: RepoCall): Promise<Reply> {
  return { status: 200, body: await pullBody(call, await neededPull(call)) };
}

/** "branch", or "owner:branch" of a repository of the same name. */
function headRepo(call: RepoCall, owner: string | undefined): Repo | undefined {
  if (owner === undefined || owner.toLowerCase() === call.repo.owner.login.toLowerCase()) return call.repo;
  return call.world.findRepo(owner, call.repo.name);
}

export async function createPull(call: RepoCall): Promise<Reply> {
  const { git, repo, world } = call;
  const author = neededViewer(call);
  const head = neededText(call, "head");
  const base = neededText(call, "base");
  const title = textField(call, "title")?.trim() ?? "";
  const body = textField(call, "body") ?? null;
  await refuseEmpty(call);
  const [, owner, branch = ""] = /^(?:([^:]+):)?(.+)$/.exec(head) ?? [];
  const source = headRepo(call, owner);
  if (source && !atLeast(levelOf(source, author), "write")) {
    throw new Refusal(403, "Resource not accessible by personal access token");
  }
  if (title === "") throw invalid("PullRequest", "title", "missing_field");
  const headSha = source && (await branchTip(git, source, branch));
  if (!source || headSha === undefined) throw invalid("PullRequest", "head", "invalid");
  const baseSha = await branchTip(git, repo, base);
  if (baseSha === undefined) throw invalid("PullRequest", "base", "invalid");
  if (source !== repo) await git.must(repo.dir, ["fetch", "-q", source.dir, headSha]);
  if ((await mergeBase(call, baseSha, headSha)) === undefined) {
    throw custom(`The ${branch} branch has no history in common with ${fullName(repo)}:${base}`);
  }
  if (await isAncestor(git, repo, headSha, baseSha)) throw custom(`No commits between ${base} and ${branch}`);
  // From here to the insertion nothing waits: of two equal requests the second finds the first.
  const same = [...repo.issues.values()].some(
    ({ state, pull }) =>
      state === "open" && pull?.headRef === branch && pull.baseRef === base && pull.headRepo === source.id,
  );
  if (same) throw custom(`A pull request already exists for ${source.owner.login}:${branch}.`);
  const pull: Pull = {
    headRepo: source.id,
    headRef: branch,
    headSha,
    baseRef: base,
    baseSha,
    draft: fields(call)["draft"] === true,
    mergedAt: undefined,
    mergedBy: undefined,
    mergeSha: undefined,
  };
  const issue = openIssue(world, repo, author, { title, body, pull }) as PullIssue;
  await keepHead(git, repo, issue.number, headSha, source);
  const made = await pullBody(call, issue);
  return { status: 201, body: made, headers: { location: made.url } };
}

function custom(message: string): Refusal {
  return new Refusal(422, "Validation Failed", [{ resource: "PullRequest", code: "custom", message } as never]);
}

export async function patchPull(call: RepoCall): Promise<Reply> {
  const actor = neededViewer(call);
  const issue = await neededPull(call);
  if (!atLeast(levelOf(call.repo, actor), "write") && issue.author !== actor) {
    throw new Refusal(403, "Must have admin rights to Repository.");
  }
  const title = textField(call, "title")?.trim();
  if (title === "") throw invalid("PullRequest", "title", "missing_field");
  const body = fields(call)["body"] === null ? null : textField(call, "body");
  const state = textField(call, "state");
  if (state !== undefined && state !== "open" && state !== "closed") throw invalid("PullRequest", "state", "invalid");
  const base = textField(call, "base");
  if (base !== undefined) {
    const sha = await branchTip(call.git, call.repo, base);
    if (sha === undefined) throw invalid("PullRequest", "base", "invalid");
    Object.assign(issue.pull, { baseRef: base, baseSha: sha });
  }
  if (state === "open" && issue.state === "closed") await refuseReopening(call, issue);
  editIssue(call.world, issue, actor, { title, body });
  if (state === "closed") closeIssue(call.world, issue, actor);
  if (state === "open") reopenIssue(call.world, issue, actor);
  return { status: 200, body: await pullBody(call, issue) };
}

async function refuseReopening(call: RepoCall, { pull }: PullIssue): Promise<void> {
  const source = call.world.repos.get(pull.headRepo);
  const tip = source && (await branchTip(call.git, source, pull.headRef));
  if (pull.mergedAt || tip === undefined) throw custom("state cannot be changed. The branch was deleted or merged.");
  pull.headSha = tip;
}

export async function listPullFiles(call: RepoCall): Promise<Reply> {
  const { pull } = await neededPull(call);
  const from = await mergeBase(call, pull.baseSha, pull.headSha);
  const files = await diffFiles(call, from, pull.headSha);
  return paged(call, files, (file) => file);
}
