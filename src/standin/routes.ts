/** The operations that the stand-in knows, and what each needs: a table, read from the top. */
import { refuseWrite } from "./access.ts";
import { appRoute, refuseIntegration } from "./apps.ts";
import { createComment, getComment, listComments, listEvents, listTimeline, patchComment } from "./comments.ts";
import { createCommit, getBranch, getCommit, getGitCommit } from "./commits.ts";
import { compare } from "./compare.ts";
import { type Call, notFound, Refusal, type Reply, type RepoCall } from "./http.ts";
import { createIssue, getIssue, listIssues, patchIssue } from "./issues.ts";
import { addIssueLabels, getLabel, listIssueLabels, listLabels, postLabel, removeIssueLabel } from "./labels.ts";
import { mergePull } from "./merge.ts";
import { createPull, getPull, listPullFiles, listPulls, patchPull } from "./pulls.ts";
import { createRef, deleteRef, getRef, matchingRefs, updateRef } from "./refs.ts";
import { getPermission, getRepo, getUser, getUserByName } from "./repos.ts";
import { type Level, levelOf } from "./world.ts";

type RepoRun = (call: RepoCall) => Reply | Promise<Reply>;
type Row = [method: string, path: string, run: RepoRun, level?: Level];

/** Below /repos/:owner/:repo. With a level: a write that takes it. `*name` is the rest of the path, slashes included. */
const repoRows: Row[] = [
  ["GET", "", getRepo],
  ["GET", "/issues", listIssues],
  ["POST", "/issues", createIssue, "read"],
  ["GET", "/issues/comments/:id", getComment],
  ["PATCH", "/issues/comments/:id", patchComment, "read"],
  ["GET", "/issues/:number", getIssue],
  ["PATCH", "/issues/:number", patchIssue, "read"],
  ["GET", "/issues/:number/comments", listComments],
  ["POST", "/issues/:number/comments", createComment, "read"],
  ["GET", "/issues/:number/labels", listIssueLabels],
  ["POST", "/issues/:number/labels", addIssueLabels, "triage"],
  ["DELETE", "/issues/:number/labels/:name", removeIssueLabel, "triage"],
  ["GET", "/issues/:number/events", listEvents],
  ["GET", "/issues/:number/timeline", listTimeline],
  ["GET", "/labels", listLabels],
  ["POST", "/labels", postLabel, "write"],
  ["GET", "/labels/:name", getLabel],
  ["GET", "/collaborators/:login/permission", getPermission],
  ["GET", "/git/ref/*ref", getRef],
  ["GET", "/git/matching-refs/*ref", matchingRefs],
  ["POST", "/git/refs", createRef, "write"],
  ["PATCH", "/git/refs/*ref", updateRef, "write"],
  ["DELETE", "/git/refs/*ref", deleteRef, "write"],
  ["POST", "/git/commits", createCommit, "write"],
  ["GET", "/git/commits/:sha", getGitCommit],
  ["GET", "/commits/*ref", getCommit],
  ["GET", "/branches/*branch", getBranch],
  ["GET", "/compare/*basehead", compare],
  ["GET", "/pulls", listPulls],
  ["POST", "/pulls", createPull, "read"],
  ["GET", "/pulls/:number", getPull],
  ["PATCH", "/pulls/:number", patchPull, "read"],
  ["GET", "/pulls/:number/files", listPullFiles],
  ["PUT", "/pulls/:number/merge", mergePull, "write"],
];

interface Route {
  method: string;
  form: RegExp;
  run: RepoRun;
  level: Level | undefined;
}

function form(path: string): RegExp {
  const text = path.replace(/:(\w+)/g, "(?<$1>[^/]+)").replace(/\*(\w+)/g, "(?<$1>.*)");
  return new RegExp(`^${text}$`);
}

const repoRoutes: Route[] = repoRows.map(([method, path, run, level]) => ({ method, form: form(path), run, level }));

/** Writes to git data by somebody without the right are answered as a fine-grained token sees them. */
const gitData = /^\/git\//;

export async function route(call: Call): Promise<Reply> {
  const ofApp = appRoute(call);
  if (ofApp) return ofApp;
  if (call.method === "GET" && call.path === "/user") return getUser(call);
  const account = /^\/users\/([^/]+)$/.exec(call.path);
  if (call.method === "GET" && account) {
    call.params = { login: decode(account[1] ?? "") };
    return getUserByName(call);
  }
  const named = /^\/repos\/([^/]+)\/([^/]+)(.*)$/.exec(call.path);
  const numbered = /^\/repositories\/(\d+)(.*)$/.exec(call.path);
  const repo = numbered
    ? call.world.repos.get(Number(numbered[1]))
    : call.world.findRepo(decode(named?.[1] ?? ""), decode(named?.[2] ?? ""));
  const rest = (numbered ? numbered[2] : named?.[3]) ?? "";
  const moved = !repo && named ? call.world.movedRepo(decode(named[1] ?? ""), decode(named[2] ?? "")) : undefined;
  if (moved && levelOf(moved, call.viewer) !== "none") {
    const url = `${call.origin}/repositories/${moved.id}${rest}`;
    throw new Refusal(301, "Moved Permanently", undefined, { location: url });
  }
  const level = repo && levelOf(repo, call.viewer);
  // A private repository does not exist for whoever may not read it.
  if (!repo || level === "none") throw notFound();
  refuseIntegration(call.viewer, repo, call.method, rest);
  for (const { method, form, run, level: needed } of repoRoutes) {
    const match = method === call.method ? form.exec(rest) : null;
    if (!match) continue;
    const params = Object.fromEntries(Object.entries(match.groups ?? {}).map(([key, text]) => [key, decode(text)]));
    const repoCall: RepoCall = Object.assign(call, { repo, params });
    const words = gitData.test(rest) ? "Resource not accessible by personal access token" : undefined;
    if (needed) refuseWrite(repoCall, needed, words);
    return run(repoCall);
  }
  throw notFound();
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
