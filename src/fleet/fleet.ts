/** What the verbs work with: the store, the edges as types, and the settings. Built in app.ts; verbs take what they need. */
import type { Agent } from "../agents/agent.ts";
import type { Config } from "../config/schema.ts";
import type { Choice } from "../isolation/choose.ts";
import type { Isolation } from "../isolation/isolation.ts";
import type { NetworkRequest } from "../isolation/network.ts";
import type { GitHub } from "../issues/github.ts";
import { FleetError } from "../model/errors.ts";
import type { FleetEvent } from "../model/events.ts";
import type { AppKey } from "../model/github-app.ts";
import { sameRepo } from "../model/issue.ts";
import { minted } from "../model/known-secrets.ts";
import type { GitSettings } from "../store/git.ts";
import type { Store } from "../store/store.ts";

export interface Credentials {
  readonly githubToken: string | null;
  /** In the place of a token. */
  readonly githubApp?: AppKey | undefined;
  /** Environment variables of the model provider. */
  readonly provider: Readonly<Record<string, string>>;
}

export interface Fleet {
  readonly store: Store;
  readonly config: Config;
  /** From the environment; what a worker has stored is used where the environment says nothing. */
  readonly credentials: Credentials;
  readonly operatorHome: string;
  /** Folder of the worker templates. */
  readonly templates: string;
  /** @throws FleetError `config` for an App whose key can't be used */
  readonly github: (credentials: Credentials) => Promise<GitHub>;
  readonly git: (credentials: Credentials | null) => GitSettings;
  readonly agent: (name: Agent["name"]) => Promise<Agent>;
  /** Probes the machine. @throws FleetError `environment` */
  readonly chooseIsolation: () => Promise<Choice>;
  readonly isolation: (name: Isolation["name"]) => Promise<Isolation>;
  /** Opens the ways out of an agent's network. @returns what closes them */
  readonly openNetwork: (request: NetworkRequest) => Promise<() => Promise<void>>;
  /** Starts `_attempt` detached, with these credentials in its environment. @returns its process number */
  readonly startSupervisor: (worker: string, n: number, credentials: Credentials, log: string) => number;
  /** Moves this process out of the session that started it. @returns why it could not; null also where there is no need */
  readonly moveToScope: (worker: string, n: number) => Promise<string | null>;
  /** Told of each event as it is written. */
  readonly heard: (event: FleetEvent) => void;
}

/**
 * Credentials for a worker: of the environment, else what it has stored. An App is somebody's decision, a token may just
 * lie in an operator's shell: it never takes the place of an App.
 */
export function credentialsOf(fleet: Pick<Fleet, "store" | "credentials">, worker: string): Credentials {
  const stored = fleet.store.workers.secrets(worker);
  const { githubToken, provider } = fleet.credentials;
  const githubApp = fleet.credentials.githubApp ?? stored.githubApp;
  return {
    githubToken: githubApp ? null : (githubToken ?? stored.githubToken ?? null),
    ...(githubApp ? { githubApp } : {}),
    // An endpoint alone is no credential: it goes with the stored one.
    provider: hasCredential(provider) ? provider : { ...stored.provider, ...provider },
  };
}

/** The values that nobody may read in what we write. An endpoint is none, unless it carries a password. */
export function secretsOf({ githubToken, provider }: Credentials): string[] {
  const values = Object.entries(provider).flatMap(([name, value]) =>
    name === "ANTHROPIC_BASE_URL" && !value.includes("@") ? [] : [value],
  );
  return [...values, githubToken ?? "", ...minted].filter((value) => value.length >= 8);
}

/** What the configuration says of a repository, however its name is spelt here. */
export function settingsOf(fleet: Pick<Fleet, "config">, repo: string): Config["repos"][string] | undefined {
  return Object.entries(fleet.config.repos).find(([name]) => sameRepo(name, repo))?.[1];
}

/** @throws FleetError `auth`: another's login is never taken */
export function needGithub(credentials: Credentials): Credentials {
  if (credentials.githubToken !== null || credentials.githubApp) return credentials;
  throw new FleetError("auth", "no GitHub credential: neither in the environment nor stored with the worker", {
    hint: "export GH_TOKEN=... (Contents, Issues and Pull requests: read and write), or GITHUB_APP_ID=... and its key; cw refresh --all stores it",
  });
}

/** Tells credentials apart, for what is kept for each. */
export function githubIdentity({ githubToken, githubApp }: Credentials): string {
  return githubApp ? `app ${githubApp.id}` : (githubToken ?? "");
}

/** Whether the model provider would know us by it. */
export function hasCredential(provider: Credentials["provider"]): boolean {
  return ["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"].some((name) => provider[name]);
}

/** @throws FleetError `auth` */
export function needProvider(credentials: Credentials): void {
  if (hasCredential(credentials.provider)) return;
  throw new FleetError("auth", "no Claude credential: neither in the environment nor stored with the worker", {
    hint: "claude setup-token, then export CLAUDE_CODE_OAUTH_TOKEN=... (or ANTHROPIC_API_KEY)",
  });
}
