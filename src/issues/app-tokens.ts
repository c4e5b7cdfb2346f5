/**
 * Tokens of a GitHub App: made when they are needed, for one repository and what an attempt does there, kept in memory
 * alone, and gone after an hour.
 */
import { createAppAuth, type InstallationAuthOptions } from "@octokit/auth-app";
import { FleetError } from "../model/errors.ts";
import { minted } from "../model/known-secrets.ts";
import { isoNow } from "../system/clock.ts";
import { split } from "./ask.ts";
import { githubFailure, hasStatus } from "./github-errors.ts";
import { type AppTokens, type Client, connect, patient } from "./octokit.ts";

export interface AppSettings {
  readonly apiUrl: string;
  readonly id: string;
  readonly privateKey: string;
  /** Repositories in which workflow files may be changed: a right of its own. */
  readonly workflows: (repo: string) => boolean;
}

/** A new one is made before that much is left: a push must not run out of it. */
const leastLeftMs = 5 * 60_000;

const apps = new Map<string, TokensOfApp>();

/** One for each App in a process: git and the API share what was made. */
export function tokensOfApp(settings: AppSettings): AppTokens {
  const key = `${settings.id}\n${settings.privateKey}`;
  const tokens = apps.get(key) ?? new TokensOfApp(settings);
  apps.set(key, tokens);
  return tokens;
}

class TokensOfApp implements AppTokens {
  readonly id: string;
  private readonly auth: ReturnType<typeof createAppAuth>;
  private readonly client: Client;
  private readonly installations = new Map<string, Promise<number>>();

  constructor(private readonly settings: AppSettings) {
    const { apiUrl, id, privateKey } = settings;
    this.id = `app ${id}`;
    this.client = connect({ apiUrl, patience: patient, token: null });
    // One token more is no harm.
    this.client.hook.before("request", (options) => {
      options.request = { ...options.request, repeatable: true };
    });
    this.auth = createAppAuth({ appId: id, privateKey, request: this.client.request });
  }

  /** What proves to be the App itself, for ten minutes: it writes nowhere. */
  async ofApp(): Promise<string> {
    return known((await this.auth({ type: "app" })).token);
  }

  /** @param fresh GitHub does not take the one that we have. @throws FleetError `auth`: not installed there, or without a right */
  async forRepository(repo: string, fresh = false): Promise<string> {
    const { repo: name } = split(repo);
    const installationId = await this.installation(repo, "GET /repos/{owner}/{repo}/installation", split(repo));
    const rights = { contents: "write", issues: "write", pull_requests: "write", metadata: "read" } as const;
    const permissions = this.settings.workflows(repo) ? { ...rights, workflows: "write" as const } : rights;
    const narrowed = { type: "installation" as const, installationId, repositoryNames: [name], permissions };
    return await this.made(repo, narrowed, fresh);
  }

  /** To read what that repository is called by now, and no more: under the names that it had GitHub knows no installation. */
  async forId(id: number, fresh = false): Promise<string> {
    const repo = `repository ${id}`;
    const installationId = await this.installation(repo, "GET /repositories/{id}/installation", { id });
    const permissions = { metadata: "read" } as const;
    return await this.made(repo, { type: "installation", installationId, repositoryIds: [id], permissions }, fresh);
  }

  private async made(repo: string, narrowed: InstallationAuthOptions, fresh: boolean): Promise<string> {
    try {
      const made = await this.auth({ ...narrowed, refresh: fresh });
      if (Date.parse(made.expiresAt) - Date.parse(isoNow()) > leastLeftMs) return known(made.token);
      return known((await this.auth({ ...narrowed, refresh: true })).token);
    } catch (error) {
      throw this.failure(error, repo);
    }
  }

  private installation(repo: string, route: string, place: object): Promise<number> {
    const key = repo.toLowerCase();
    const asked = this.installations.get(key) ?? this.findInstallation(repo, route, place);
    this.installations.set(key, asked);
    asked.catch(() => this.installations.delete(key));
    return asked;
  }

  private async findInstallation(repo: string, route: string, place: object): Promise<number> {
    const headers = { authorization: `bearer ${await this.ofApp()}` };
    try {
      const { data } = await this.client.request(route, { ...place, headers });
      return data.id;
    } catch (error) {
      throw this.failure(error, repo);
    }
  }

  private failure(error: unknown, repo: string): unknown {
    const fail = (message: string, hint: string) => new FleetError("auth", message, { hint, cause: error });
    const app = `the GitHub App ${this.settings.id}`;
    if (hasStatus(error, 401)) return fail(`GitHub refuses ${app}`, "check GITHUB_APP_ID and its key: cw doctor");
    if (hasStatus(error, 404))
      return fail(`${app} is not installed on ${repo}`, "install it there: its settings, Install App");
    if (hasStatus(error, 403, 422))
      return fail(`${app} lacks a right on ${repo}: ${words(error)}`, "docs/github.md lists them");
    return githubFailure(error, `a token of the App for ${repo}`);
  }
}

const words = (error: unknown) => (error as Error).message.replace(/ - https:\S*$/, "");

function known(token: string): string {
  minted.add(token);
  return token;
}
