/** Checks each prerequisite by doing it, and says how to mend what fails. */
import { accessSync, constants, statfsSync } from "node:fs";
import { FleetError } from "../model/errors.ts";
import { checkGit } from "../store/git.ts";
import { credentialsOf, type Fleet, needGithub, needProvider } from "./fleet.ts";

export interface Check {
  readonly name: string;
  readonly state: "ok" | "warning" | "failed";
  readonly detail: string;
  /** What mends it. */
  readonly hint: string | null;
}

const leastFree = 2 * 2 ** 30;

export async function doctor(fleet: Fleet): Promise<Check[]> {
  const workers = fleet.store.workers.list();
  return [
    await check("git", () => gitVersion(fleet)),
    await check(`agent ${fleet.config.agent}`, async () => {
      const { path, version } = await (await fleet.agent(fleet.config.agent)).check();
      return `${version} (${path})`;
    }),
    await check("isolation", async () => {
      const { isolation, innerSandbox, remarks } = await fleet.chooseIsolation();
      const detail = `${isolation}${innerSandbox ? ", with Claude's own sandbox inside" : ""}`;
      return remarks.length === 0 ? detail : { detail: [detail, ...remarks].join("; "), state: "warning" };
    }),
    await check("network of agents", () => network(fleet)),
    await check("root", () => rootFolder(fleet)),
    await check("GitHub", () => reachGitHub(fleet, workers[0])),
    await check("Claude credential", async () => {
      if (fleet.config.agent !== "claude") return "not needed by this agent";
      needProvider(workers[0] === undefined ? fleet.credentials : credentialsOf(fleet, workers[0]));
      return "present (not tried: that would cost tokens)";
    }),
    ...(await Promise.all(workers.map((worker) => check(`worker ${worker}`, () => workerFacts(fleet, worker))))),
  ];
}

type Found = string | { readonly detail: string; readonly state: "warning"; readonly hint?: string };

async function check(name: string, look: () => Promise<Found> | Found): Promise<Check> {
  try {
    const found = await look();
    if (typeof found === "string") return { name, state: "ok", detail: found, hint: null };
    return { name, state: found.state, detail: found.detail, hint: found.hint ?? null };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { name, state: "failed", detail, hint: error instanceof FleetError ? (error.hint ?? null) : null };
  }
}

async function gitVersion(fleet: Fleet): Promise<Found> {
  const settings = fleet.git(null);
  return `git version ${await checkGit(settings)} (${settings.program})`;
}

async function network(fleet: Fleet): Promise<Found> {
  const chosen = await fleet.chooseIsolation().catch(() => null);
  if (chosen === null) return { detail: "not known until there is an isolation", state: "warning" };
  const { isolation } = chosen;
  const { presets, allow } = fleet.config.egress;
  const reached = ["the model", ...presets.map((name) => `preset ${name}`), ...allow].join(", ");
  if (presets.includes("web"))
    return { detail: reached, state: "warning", hint: "the preset web lets agents reach anybody's hosts" };
  if ((await fleet.isolation(isolation)).ownNetwork) return reached;
  const detail = `open: the isolation ${isolation} filters no connections but those of Claude's shell`;
  return { detail, state: "warning", hint: "apt-get install bubblewrap" };
}

function rootFolder(fleet: Fleet): Found {
  const { root, control } = fleet.store.paths;
  if (fleet.store.workers.list().length === 0) {
    return { detail: `no workers in ${root} yet`, state: "warning", hint: "cw init 01" };
  }
  accessSync(control, constants.R_OK | constants.W_OK);
  const disk = statfsSync(root);
  const free = disk.bavail * disk.bsize;
  const detail = `${root}, ${(free / 2 ** 30).toFixed(1)} GiB free`;
  return free < leastFree ? { detail, state: "warning", hint: "make room: clones and builds need it" } : detail;
}

async function reachGitHub(fleet: Fleet, worker: string | undefined): Promise<Found> {
  const credentials = worker === undefined ? fleet.credentials : credentialsOf(fleet, worker);
  const github = await fleet.github(needGithub(credentials));
  const { login, remaining } = await github.whoAmI();
  // Whether an App is installed there, and with which rights, is known only by asking for its token.
  const repos = credentials.githubApp ? Object.keys(fleet.config.repos) : [];
  for (const repo of repos) await github.repository(repo);
  const where = repos.length > 0 ? `, installed on ${repos.join(", ")}` : "";
  const detail = `${fleet.config.github.apiUrl} as ${login}${where}, ${remaining} requests left in this hour`;
  return remaining < 500
    ? { detail, state: "warning", hint: "wait for the hour to pass, or use another credential" }
    : detail;
}

function workerFacts(fleet: Fleet, worker: string): Found {
  const { name, email } = fleet.store.workers.identity(worker);
  const stored = fleet.store.workers.secrets(worker);
  const names = [
    ...(stored.githubApp ? [`GitHub App ${stored.githubApp.id}`] : []),
    ...(stored.githubToken === undefined ? [] : ["GitHub"]),
    ...(stored.provider && Object.keys(stored.provider).length > 0 ? ["Claude"] : []),
  ];
  const detail = `commits as ${name} <${email}>; stored credentials: ${names.join(", ") || "none"}`;
  return names.length > 0
    ? detail
    : { detail, state: "warning", hint: `cron will have no credentials: cw refresh ${worker}` };
}
