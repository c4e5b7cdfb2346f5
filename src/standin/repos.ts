/** Accounts, repositories and permissions over REST. */
import { fullRepoBody, simpleUser } from "./bodies.ts";
import { type Call, notFound, Refusal, type Reply, type RepoCall } from "./http.ts";
import { atLeast, levelOf, stamp, type User } from "./world.ts";

export function getUser(call: Call): Reply {
  if (!call.viewer) throw new Refusal(401, "Requires authentication");
  if (call.viewer.type === "Bot") throw new Refusal(403, "Resource not accessible by integration");
  return { status: 200, body: publicUser(call, call.viewer) };
}

export function getUserByName(call: Call): Reply {
  const user = call.world.users.get((call.params["login"] ?? "").toLowerCase());
  if (!user) throw notFound();
  return { status: 200, body: publicUser(call, user) };
}

function publicUser(call: Call, user: User) {
  const personal = {
    name: user.login,
    company: null,
    blog: "",
    location: null,
    email: null,
    hireable: null,
    bio: null,
  };
  const counts = { public_repos: 0, public_gists: 0, followers: 0, following: 0 };
  const since = stamp(new Date(0));
  return { ...simpleUser(call.origin, user), ...personal, ...counts, created_at: since, updated_at: since };
}

export function getRepo(call: RepoCall): Reply {
  return { status: 200, body: fullRepoBody(call, call.viewer) };
}

/** `permission` knows four words only: maintain counts as write, triage as read. */
export function getPermission(call: RepoCall): Reply {
  if (!atLeast(levelOf(call.repo, call.viewer), "write")) {
    throw new Refusal(403, "Must have push access to view collaborator permission.");
  }
  const login = call.params["login"] ?? "";
  const user = call.world.users.get(login.toLowerCase());
  if (!user || user.type === "Organization") throw new Refusal(404, `${login} is not a user`);
  const level = levelOf(call.repo, user);
  const permission = level === "maintain" ? "write" : level === "triage" ? "read" : level;
  const permissions = {
    admin: level === "admin",
    maintain: atLeast(level, "maintain"),
    push: atLeast(level, "write"),
    triage: atLeast(level, "triage"),
    pull: atLeast(level, "read"),
  };
  const account = { ...simpleUser(call.origin, user), permissions, role_name: level };
  return { status: 200, body: { permission, role_name: level, user: account } };
}
