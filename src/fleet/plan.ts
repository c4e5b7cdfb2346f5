/** What dispatch would do, said and not done: every command value and every GitHub call of a delivery without trouble. */
import { statusOf } from "../model/attempt.ts";
import { branchNames, claimRef } from "../model/claim.ts";
import type { Command } from "../model/command.ts";
import { FleetError } from "../model/errors.ts";
import { workerLabel } from "../model/worker.ts";
import { checkGit, repositoryUrl } from "../store/git.ts";
import { now } from "../system/clock.ts";
import { requestOf, spaceOf } from "./agent-request.ts";
import { besideClaude, collectCommand } from "./collect.ts";
import { credentialsOf, type Fleet, needGithub, needProvider } from "./fleet.ts";
import { checkoutCommand, gateCommand, gatesOf, needWalls, trialSpace } from "./gates.ts";
import { insideOf } from "./network.ts";
import { checkRequest, type DispatchRequest } from "./request.ts";
import { walled } from "./resources.ts";

export interface Plan {
  readonly worker: string;
  readonly repo: string;
  readonly issue: number | null;
  /** In their order. `{...}` stands for what only GitHub can tell. */
  readonly calls: readonly string[];
  readonly commands: readonly {
    readonly what: string;
    readonly argv: readonly string[];
    readonly environment: readonly string[];
  }[];
  readonly remarks: readonly string[];
}

/** Checks all that dispatch checks before it touches anything. @throws FleetError as dispatch does */
export async function plan(fleet: Fleet, request: DispatchRequest): Promise<Plan> {
  const checked = checkRequest(request, fleet.config);
  const agent = await fleet.agent(fleet.config.agent);
  const [choice] = await Promise.all([fleet.chooseIsolation(), agent.check(), checkGit(fleet.git(null))]);
  needWalls(fleet, checked, choice.isolation);
  const gates = gatesOf(fleet, checked.repo);
  const worker = checked.worker ?? firstIdle(fleet);
  fleet.store.workers.need(worker);
  const credentials = credentialsOf(fleet, worker);
  needGithub(credentials);
  if (fleet.config.agent === "claude") needProvider(credentials);
  const n = fleet.store.attempts.newest(worker) + 1;
  const sessionId = crypto.randomUUID();
  const task = {
    ...checked,
    worker,
    n,
    isolation: choice.isolation,
    innerSandbox: choice.innerSandbox,
    sessionId,
    cookie: "{cookie}",
  };
  const paths = fleet.store.attempts.at(worker, n);
  const isolation = await fleet.isolation(choice.isolation);
  const inside = insideOf(isolation, paths.folder, credentials.provider);
  const agentCommand = agent.command(requestOf({ fleet, task, paths }, false, inside));
  const agentSpace = spaceOf({ fleet, task, paths }, agent.needs, inside.forwards);
  const beside = await fleet.isolation(besideClaude(choice.isolation));
  const besideSpace = spaceOf({ fleet, task, paths }, []);
  const trial = { ...besideSpace, ...trialSpace(paths) };
  const gateSpace = { ...trial, forwards: insideOf(beside, paths.folder, null).forwards };
  const shown = (what: string, command: Command) => ({
    what,
    argv: [...(command.gate ?? []), ...command.argv],
    environment: Object.keys(command.env).sort(),
  });
  const git = gitCommands(fleet, task);
  return {
    worker,
    repo: checked.repo,
    issue: checked.issue,
    calls: callsOf(fleet, checked.repo, checked.issue, worker),
    commands: [
      ...git.before,
      shown("agent", walled(fleet, isolation, agentCommand, agentSpace)),
      shown("collect", walled(fleet, beside, collectCommand({ fleet, task }, "{base}"), besideSpace)),
      ...gates
        .slice(0, 1)
        .map(() => shown("checkout", walled(fleet, beside, checkoutCommand({ fleet, task, paths }), trial))),
      ...gates.map((gate) =>
        shown("gate", walled(fleet, beside, gateCommand({ fleet, task, paths }, gate), gateSpace)),
      ),
      git.push,
    ],
    remarks: choice.remarks,
  };
}

function firstIdle(fleet: Fleet): string {
  const idle = fleet.store.workers
    .list()
    .find((id) => statusOf(fleet.store.attempts.facts(id), now()).state === "idle");
  if (idle === undefined)
    throw new FleetError("busy", "no worker is idle", { hint: "cw status, or make another: cw init 02" });
  return idle;
}

function callsOf(fleet: Fleet, repo: string, issue: number | null, worker: string): string[] {
  const at = `/repos/${repo}`;
  const pull = [`GET ${at}/pulls`, `POST ${at}/pulls`, `GET ${at}/pulls/{number}`];
  if (issue === null) return [`GET ${at}`, `GET ${at}`, ...pull];
  const ref = claimRef(fleet.config.claims.namespace, issue).replace(/^refs\//, "");
  const claim = [`GET ${at}/git/ref/${ref}`, `GET ${at}/git/matching-refs/${ref}`, `POST ${at}/git/commits`];
  return [
    `GET ${at}`,
    `GET ${at}/issues/${issue}`,
    ...claim,
    `POST ${at}/git/refs`,
    `POST ${at}/issues/${issue}/labels`,
    `GET ${at}/issues/${issue}`,
    `GET ${at}/git/ref/${ref}`,
    `GET ${at}/git/commits/{claim}`,
    ...pull,
    `POST ${at}/git/commits`,
    `PATCH ${at}/git/refs/${ref}`,
    `DELETE ${at}/issues/${issue}/labels/${workerLabel(worker)}`,
    `GET ${at}/issues/${issue}/comments`,
    `POST ${at}/issues/${issue}/comments`,
  ];
}

function gitCommands(
  fleet: Fleet,
  task: { readonly worker: string; readonly repo: string; readonly issue: number | null; readonly sessionId: string },
) {
  const { repo, issue } = task;
  const { program } = fleet.git(null);
  const url = repositoryUrl(fleet.git(null), repo);
  const path = fleet.store.paths.repo(repo);
  const clone = fleet.store.paths.clone(task.worker, repo);
  const name = branchNames(issue, 1, task.sessionId)[0] ?? "";
  const branch = `refs/heads/${name}`;
  const claim = issue === null ? [] : [claimRef(fleet.config.claims.namespace, issue)];
  const updates = [`{head}:${branch}`, ...claim.map((ref) => `{published}:${ref}`)];
  const leases = [`--force-with-lease=${branch}:`, ...claim.map((ref) => `--force-with-lease=${ref}:{held}`)];
  const git = (what: string, ...args: string[]) => ({ what, argv: [program, ...args], environment: ["CW_GIT_TOKEN"] });
  return {
    before: [
      git("fetch", "--git-dir", path, "fetch", url, "refs/heads/{base}", ...claim),
      git("clone", "init", "--initial-branch", name, clone),
      git("clone", "-C", clone, "fetch", path, "{base}"),
      git("clone", "-C", clone, "reset", "--hard", "{base}"),
    ],
    push: git("push", "--git-dir", path, "push", "--porcelain", "--atomic", ...leases, url, ...updates),
  };
}
