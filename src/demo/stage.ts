/**
 * The stage of the demo: a local GitHub with the project, the model or agent that was cast, and a fleet of two workers, all
 * below one temporary folder. Nothing of the operator's own root, configuration or GitHub credential is used.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type App, openApp } from "../app.ts";
import { loadConfig } from "../config/load.ts";
import { hasCredential } from "../fleet/fleet.ts";
import type { FleetEvent } from "../model/events.ts";
import { fleetPaths } from "../model/paths.ts";
import type { ProcessIdentity } from "../model/process.ts";
import { type ScriptedModel, startModel } from "../standin/model/model.ts";
import { type Standin, startStandin } from "../standin/standin.ts";
import { sleep, uptimeMs } from "../system/clock.ts";
import { identify, liveness, signal } from "../system/process.ts";
import { temporaryFolder } from "../system/temporary.ts";
import { budgetUsd, type Cast, chooseCast, type Wish } from "./cast.ts";
import { elsewise, plays } from "./plays.ts";
import { files, gate, issues, repoName } from "./project.ts";
import { scriptedAgent } from "./scripted-agent.ts";

export const workers = ["01", "02"] as const;
/** Each of the agent's steps, so that one can follow them. */
const pauseMs = 120;
const token = "demo-token-of-the-local-github";

export interface Stage {
  readonly app: App;
  readonly cast: Cast;
  readonly github: Standin;
  readonly token: string;
  /** Variables with which another terminal works with the same fleet. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends every attempt, waits until its supervisor is gone, closes the servers, removes the folder. */
  close(): Promise<void>;
}

/** @throws FleetError; then nothing is left */
export async function setStage(wish: Wish | undefined): Promise<Stage> {
  const folder = temporaryFolder("demo");
  const supervisors: ProcessIdentity[] = [];
  const closing: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const root = join(folder, "workers");
    const file = join(folder, "config.json");
    writeFileSync(file, configuration(), { mode: 0o600 });
    const loaded = await loadConfig({ flags: { root, config: file } });
    const { provider } = loaded.secrets;
    const credential = hasCredential(provider);
    const cast = await chooseCast(wish, { claude: loaded.config.claude.path, toolPath: loaded.toolPath, credential });
    const github = await openGitHub(join(folder, "github"));
    closing.push(() => github.close());
    const model = cast.kind === "scripted-model" ? openModel(root) : null;
    closing.push(() => model?.close());
    const settings = {
      ...loaded,
      config: {
        ...loaded.config,
        agent: cast.kind === "dry-run" ? ("dry-run" as const) : ("claude" as const),
        github: { apiUrl: github.url, serverUrl: github.url },
        claude: { path: "path" in cast ? cast.path : writeAgent(folder) },
      },
      secrets: { githubToken: token, provider: providerOf(cast, model, provider) },
    };
    const app = await openApp(settings, (event) => noteSupervisor(event, supervisors));
    closing.push(() => endAll(app, supervisors));
    await app.init({ ids: workers, storeCredentials: false });
    const { agent, claude } = settings.config;
    const environment = {
      CW_ROOT: root,
      CW_CONFIG: file,
      CW_AGENT: agent,
      CW_CLAUDE: claude.path,
      GITHUB_API_URL: github.url,
      GITHUB_SERVER_URL: github.url,
      GH_TOKEN: token,
      ...(cast.kind === "real" ? {} : settings.secrets.provider),
    };
    return { app, cast, github, token, environment, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function configuration(): string {
  const limits = { grace: "2s", wall: "10m", budgetUsd };
  return `${JSON.stringify({ limits, repos: { [repoName]: { gates: [gate] } } }, null, 2)}\n`;
}

async function openGitHub(folder: string): Promise<Standin> {
  const [owner = ""] = repoName.split("/");
  const github = await startStandin({
    folder,
    users: [{ login: owner }, { login: "ada" }, { login: "fleet-bot", token }],
    repos: [{ name: repoName, files, permissions: { "fleet-bot": "write" } }],
  });
  for (const issue of issues) github.repo(repoName).openIssue({ ...issue, by: "ada" });
  return github;
}

function openModel(root: string): ScriptedModel {
  const paths = fleetPaths(root);
  return startModel({
    pauseMs,
    script(prompt) {
      const issue = /#(\d+) of acme\/hours/.exec(prompt)?.[1];
      const worker = /You are worker ([a-z0-9-]+)\./.exec(prompt)?.[1] ?? workers[0];
      return plays[Number(issue)]?.(paths.clone(worker, repoName)) ?? elsewise;
    },
  });
}

function writeAgent(folder: string): string {
  const path = join(folder, "scripted-agent");
  writeFileSync(path, scriptedAgent(pauseMs / 1000), { mode: 0o700 });
  return path;
}

function providerOf(
  cast: Cast,
  model: ScriptedModel | null,
  own: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (cast.kind === "real") return own;
  // Also the scripted agent is dispatched as Claude is, which needs a credential.
  const key = { ANTHROPIC_API_KEY: "a-key-that-only-the-demo-knows" };
  return model === null ? key : { ...key, ANTHROPIC_BASE_URL: model.url };
}

function noteSupervisor(event: FleetEvent, supervisors: ProcessIdentity[]): void {
  const one = event.type === "attempt:spawned" ? identify(event.pid) : null;
  if (one) supervisors.push(one);
}

/** Also attempts that somebody else started in this root, while it was kept. */
async function endAll(app: App, supervisors: ProcessIdentity[]): Promise<void> {
  for (const { attempt } of await app.status()) {
    const one = attempt?.pid ? identify(attempt.pid) : null;
    if (one) supervisors.push(one);
  }
  // What can't be stopped in order is killed below: with a supervisor in bubblewrap's parent seat its agent dies too.
  await Promise.allSettled((await app.status()).map(({ id }) => app.stop(id)));
  for (const one of supervisors) {
    const deadline = uptimeMs() + 10_000;
    while (liveness(one) === "alive") {
      if (uptimeMs() > deadline) signal(one, "SIGKILL");
      await sleep(10);
    }
  }
}
