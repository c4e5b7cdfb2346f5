/** GitHub Apps: proved by a signed token of ten minutes, installed on repositories, acting by narrowed tokens of an hour. */
import type { GitHubApp, Grant, Installation, Rights } from "./app-jwt.ts";
import { fullRepoBody, simpleUser } from "./bodies.ts";
import { type Call, fields, notFound, Refusal, type Reply, type RepoCall } from "./http.ts";
import { type Repo, stamp, type User } from "./world.ts";

const hourMs = 3_600_000;
const forbidden = () => new Refusal(403, "Resource not accessible by integration");

/** Whether the viewer may go on to what the path names below a repository. */
export function refuseIntegration(viewer: User | undefined, repo: Repo, method: string, rest: string): void {
  if (viewer?.app) throw new Refusal(401, "A JSON web token could not be decoded");
  if (!viewer?.grant) return;
  const held = viewer.grant.permissions[rightFor(method, rest)];
  const reads = method === "GET";
  if (!viewer.grant.repos.has(repo.id) ? !reads : !held || (!reads && held !== "write")) throw forbidden();
}

function rightFor(method: string, rest: string): string {
  if (/^\/(?:git|commits|branches|compare)\b/.test(rest) || /\/merge$/.test(rest)) return "contents";
  if (/^\/pulls\b/.test(rest)) return "pull_requests";
  if (/^\/(?:issues|labels)\b/.test(rest)) return "issues";
  return method === "GET" ? "metadata" : "administration";
}

/** `/app` and what an App alone may ask; null for any other path. */
export function appRoute(call: Call): Reply | null {
  const minting = /^\/app\/installations\/(\d+)\/access_tokens$/.exec(call.path);
  const installed = /^\/(?:repos\/([^/]+)\/([^/]+)|repositories\/(\d+))\/installation$/.exec(call.path);
  if (call.path !== "/app" && !minting && !installed) return null;
  const app = call.viewer?.app;
  if (!app) throw new Refusal(401, "A JSON web token could not be decoded");
  if (installed && call.method === "GET") {
    const [, owner = "", name = "", id] = installed;
    const repo = id === undefined ? call.world.findRepo(owner, name) : call.world.repos.get(Number(id));
    const moved = repo ?? call.world.movedRepo(owner, name);
    const installation = moved && app.installations.find(({ repos }) => repos.has(moved.id));
    if (!installation) throw notFound();
    if (!repo) {
      const location = `${call.origin}/repositories/${moved.id}/installation`;
      throw new Refusal(301, "Moved Permanently", undefined, { location });
    }
    return { status: 200, body: installationBody(call, app, installation) };
  }
  if (minting && call.method === "POST") {
    const installation = app.installations.find(({ id }) => id === Number(minting[1]));
    if (!installation) throw notFound();
    return mint(call, app, installation);
  }
  if (call.path === "/app" && call.method === "GET") return { status: 200, body: appBody(call, app) };
  throw notFound();
}

function mint(call: Call, app: GitHubApp, installation: Installation): Reply {
  const asked = fields(call) as { repositories?: string[]; repository_ids?: number[]; permissions?: Rights };
  const all = [...installation.repos].flatMap((id) => call.world.repos.get(id) ?? []);
  const wanted = asked.repositories ?? asked.repository_ids;
  const repos = all.filter(
    ({ name, id }) => wanted === undefined || asked.repositories?.includes(name) || asked.repository_ids?.includes(id),
  );
  if (wanted && repos.length < wanted.length)
    throw new Refusal(
      422,
      "There is at least one repository that does not exist or is not accessible to the parent installation.",
    );
  const permissions = asked.permissions ?? installation.permissions;
  const lacking = Object.entries(permissions).some(([name, level]) => {
    const held = installation.permissions[name];
    return held !== "write" && held !== level;
  });
  if (lacking) throw new Refusal(422, "The permissions requested are not granted to this installation.");
  const expiresAt = new Date(call.world.now().getTime() + hourMs);
  const token = `ghs_${crypto.randomUUID().replaceAll("-", "")}XXXX`;
  const grant: Grant = { repos: new Set(repos.map(({ id }) => id)), permissions, expiresAt };
  call.world.grants.set(token, { ...app.bot, grant });
  // The journal knows tokens by that.
  call.world.tokens.set(token, app.bot.login);
  const repositories = repos.map((repo) => fullRepoBody({ ...call, repo } as RepoCall, app.bot));
  const narrowed = wanted ? { repository_selection: "selected", repositories } : {};
  return { status: 201, body: { token, expires_at: stamp(expiresAt), permissions, ...narrowed } };
}

function appBody({ origin, world }: Call, app: GitHubApp) {
  const at = stamp(world.now());
  const owner = app.installations[0]?.owner ?? app.bot;
  return {
    id: app.id,
    slug: app.slug,
    node_id: `A_${app.id}`,
    owner: simpleUser(origin, owner),
    name: app.slug,
    description: null,
    external_url: origin,
    html_url: `${origin}/apps/${app.slug}`,
    created_at: at,
    updated_at: at,
    permissions: app.installations[0]?.permissions ?? {},
    events: [],
  };
}

function installationBody({ origin, world }: Call, app: GitHubApp, { id, owner, permissions }: Installation) {
  const at = stamp(world.now());
  return {
    id,
    account: simpleUser(origin, owner),
    repository_selection: "selected",
    access_tokens_url: `${origin}/app/installations/${id}/access_tokens`,
    repositories_url: `${origin}/installation/repositories`,
    html_url: `${origin}/settings/installations/${id}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: owner.id,
    target_type: owner.type,
    permissions,
    events: [],
    created_at: at,
    updated_at: at,
    single_file_name: null,
    suspended_by: null,
    suspended_at: null,
  };
}
