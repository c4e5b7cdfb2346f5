/**
 * Many fleets against one local GitHub, in this process: dispatch and supervisor are called directly, so that a table of faults
 * is worked through in seconds. Git, the agent's process, the disk and HTTP are real; only patience is short.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claudeAgent } from "../../src/agents/claude.ts";
import { configSchema } from "../../src/config/schema.ts";
import { type Dispatched, dispatch } from "../../src/fleet/dispatch.ts";
import type { Fleet } from "../../src/fleet/fleet.ts";
import { init } from "../../src/fleet/init.ts";
import { supervise } from "../../src/fleet/supervise.ts";
import { none } from "../../src/isolation/none.ts";
import { GitHub } from "../../src/issues/github.ts";
import type { Patience } from "../../src/issues/octokit.ts";
import type { End } from "../../src/model/attempt.ts";
import type { Claim } from "../../src/model/claim.ts";
import type { FleetEvent } from "../../src/model/events.ts";
import type { RepoControl } from "../../src/standin/control.ts";
import type { Fault, FaultHandle } from "../../src/standin/faults.ts";
import { type Standin, startStandin } from "../../src/standin/standin.ts";
import { openStore } from "../../src/store/store.ts";
import { now } from "../../src/system/clock.ts";
import { self } from "../../src/system/process.ts";
import { bunPath, moduleFile, packageRoot } from "../../src/system/self.ts";

const fake = join(import.meta.dir, "../fakes/claude");
const patience: Patience = { requestMs: 15_000, retries: 2, backoffMs: 20, longestWaitMs: 1200 };
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface CaseOptions {
  /** Text of the issue. Default: the fake agent edits and commits. */
  readonly body?: string;
  /** What happens instead of a supervisor. Default: a real one. `born`: one that does nothing. `unwanted`: it is to end already. */
  readonly supervisor?: "real" | "born" | "unwanted";
  readonly config?: object;
  /** Another's. Default: an issue of its own. */
  readonly issue?: number;
  /** Of which repository; default: in turn. */
  readonly repo?: RepoControl;
  /** Longest time of a request. Default: long enough for a busy machine. */
  readonly requestMs?: number;
}

/** One fleet with one worker, its own login, and an issue of its own in a repository of its lane. */
export class Case {
  readonly events: FleetEvent[] = [];
  readonly fleet: Fleet;
  readonly issue: number;
  readonly login: string;
  private faults: FaultHandle[] = [];
  private readonly running: Promise<unknown>[] = [];
  /** Faults of the supervisor's own requests: armed when it starts. */
  later: Fault[] = [];

  constructor(
    private readonly standin: Standin,
    readonly repo: RepoControl,
    root: string,
    name: string,
    private readonly options: CaseOptions,
  ) {
    this.login = name;
    const token = `ghp_token_of_${name}_XXXXXXXXXX`;
    standin.addUser({ login: name, token });
    repo.allow(name, "write");
    this.issue = options.issue ?? repo.openIssue({ title: `Case ${name}`, body: options.body ?? "[[scenario:edit]]" });
    const store = openStore(root);
    const url = standin.url;
    this.fleet = {
      store,
      config: configSchema.parse({
        root,
        isolation: "none",
        limits: { start: "20s", silence: "20s", wall: "40s", grace: "300ms", ready: "20s" },
        github: { apiUrl: url, serverUrl: url },
        ...options.config,
      }),
      credentials: { githubToken: token, provider: { ANTHROPIC_API_KEY: "sk-ant-keyOfTheTests" } },
      operatorHome: "/nonexistent",
      templates: join(packageRoot, "templates"),
      heard: (event) => this.events.push(event),
      github: async (credential) => {
        const { requestMs = patience.requestMs } = options;
        return new GitHub({ apiUrl: url, token: credential.githubToken, patience: { ...patience, requestMs } });
      },
      git: (credential) => ({
        ...{ program: "/usr/bin/git", toolPath: path, home: store.paths.control, serverUrl: url },
        ...{ token: credential?.githubToken ?? null, waitsMs: [20, 80] },
      }),
      agent: async () =>
        claudeAgent({
          ...{ path: fake, searchPath: path, bun: bunPath, packageRoot, hidden: [] },
          voiceServer: moduleFile("voice-server"),
        }),
      chooseIsolation: async () => ({ isolation: "none", innerSandbox: false, remarks: [] }),
      isolation: async () => none(),
      openNetwork: async () => async () => {},
      startSupervisor: (worker, n) => this.startSupervisor(worker, n),
      moveToScope: async () => null,
    };
    init(this.fleet, { ids: ["01"], storeCredentials: false });
  }

  /** Of this case's requests alone. */
  inject(fault: Fault): FaultHandle {
    const handle = this.standin.inject({ ...fault, login: this.login });
    this.faults.push(handle);
    return handle;
  }

  heal(): void {
    for (const handle of this.faults.splice(0)) handle.remove();
  }

  async dispatch(): Promise<Dispatched | (Error & { code?: string; hint?: string })> {
    try {
      return await dispatch(this.fleet, { repo: this.repo.name, issue: this.issue });
    } catch (error) {
      return error as Error;
    }
  }

  /** Waits for all supervisors. @returns the end of the newest attempt */
  async end(): Promise<End> {
    await Promise.all(this.running);
    const { attempts } = this.fleet.store;
    const end = attempts.ended("01", attempts.newest("01"));
    if (end === null) throw new Error(`${this.login}: no end`);
    return end;
  }

  async claims(): Promise<Claim[]> {
    const ref = `refs/claude-workers/claims/issue-${this.issue}`;
    if (!(ref in (await this.repo.refs(ref)))) return [];
    return (await this.repo.messages(ref)).map((text) => JSON.parse(text));
  }

  labels(): string[] {
    return this.repo.labels(this.issue);
  }

  /** Comments of the product. */
  comments(): string[] {
    return this.repo
      .comments(this.issue)
      .flatMap(({ body }) => (body.startsWith("<!-- claude-workers:") ? [body] : []));
  }

  pulls() {
    return this.repo
      .pulls()
      .filter(({ head }) => head === `issue-${this.issue}` || head.startsWith(`issue-${this.issue}-`));
  }

  /** Method, path and status of its requests, in their order. */
  calls(): { method: string; path: string; status: number; sha: string | undefined }[] {
    return this.standin.journal.calls({ login: this.login }).map(({ method, path, status, body }) => {
      const { sha } = Object(body) as { sha?: string };
      return { method, path, status, sha };
    });
  }

  private startSupervisor(worker: string, n: number): number {
    for (const fault of this.later.splice(0)) this.inject(fault);
    if (this.options.supervisor === "born") {
      this.fleet.store.attempts.bear(worker, n, {
        ...{ version: 1, by: "supervisor", process: self(), bornAt: now(), reason: null },
      });
    } else {
      const shutdown = this.options.supervisor === "unwanted" ? AbortSignal.abort() : new AbortController().signal;
      this.running.push(supervise(this.fleet, worker, n, shutdown));
    }
    return process.pid;
  }
}

export class Rig {
  private constructor(
    readonly standin: Standin,
    /** Of this rig's fleets; gone with it. */
    readonly folder: string,
    private readonly repos: RepoControl[],
  ) {}

  /** Private repositories: git asks a public one without its token first. @param lanes repositories that the cases are spread over: so many run at a time without waiting for each other */
  static async start(lanes: number): Promise<Rig> {
    const standin = await startStandin();
    standin.addUser({ login: "acme", token: "ghp_token_of_acme_XXXXXXX" });
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-rig-")));
    const repos: RepoControl[] = [];
    for (let lane = 0; lane < lanes; lane++)
      repos.push(
        await standin.addRepo({ name: `acme/lane${lane}`, private: true, files: { "README.md": "# Site\n" } }),
      );
    return new Rig(standin, folder, repos);
  }

  private made = 0;

  case(options: CaseOptions = {}): Case {
    const name = `c${++this.made}`;
    const root = join(this.folder, name);
    mkdirSync(root);
    const repo = options.repo ?? this.repos[this.made % this.repos.length];
    if (repo === undefined) throw new Error("no lane");
    return new Case(this.standin, repo, root, name, options);
  }

  async close(): Promise<void> {
    await this.standin.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
