/** The local GitHub of the demo and the tests: REST, GraphQL and git on one loopback origin. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Rights } from "./app-jwt.ts";
import { type RepoControl, type RepoSeed, seedRepo, type UserSeed } from "./control.ts";
import { type Fault, type FaultHandle, Faults } from "./faults.ts";
import { Git } from "./git.ts";
import { Journal } from "./journal.ts";
import { Rate } from "./rate.ts";
import { FrontServer } from "./server.ts";
import { type User, World } from "./world.ts";

export interface StandinOptions {
  /** Default: a free one. */
  port?: number;
  /** Where the bare repositories live; kept on close. Default: a temp folder that close removes. */
  folder?: string;
  users?: UserSeed[];
  repos?: RepoSeed[];
  /** REST calls per user and hour. Default 5000, as on GitHub. */
  rateLimit?: number;
}

export interface Standin {
  /** Origin of API and git alike: what GITHUB_API_URL and GITHUB_SERVER_URL point to. */
  readonly url: string;
  readonly folder: string;
  readonly journal: Journal;
  addUser(seed: UserSeed): void;
  addRepo(seed: RepoSeed): Promise<RepoControl>;
  /** A GitHub App, installed on these repositories, all of one owner. @param rights default: what the product asks for */
  addApp(seed: { id: number; slug: string; publicKey: string; repos: string[]; rights?: Rights }): void;
  /** "owner/name" of a seeded repository; throws when there is none. */
  repo(name: string): RepoControl;
  /** Ends the hour of all tokens of Apps. */
  expireAppTokens(): void;
  /** Makes matching requests fail as told. Default: the next one only. */
  inject(fault: Fault): FaultHandle;
  /** Moves GitHub's clock (timestamps, Date header, commit dates) ahead; milliseconds. */
  advance(ms: number): void;
  /** Ends connections and git children, removes its temp folder. */
  close(): Promise<void>;
}

export async function startStandin(options: StandinOptions = {}): Promise<Standin> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "cw-github-"));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const world = new World();
  const git = new Git(folder);
  const faults = new Faults(world);
  const journal = new Journal(world.tokens);
  const server = new FrontServer(world, git, faults, journal, new Rate(world, options.rateLimit ?? 5000));
  const controls = new Map<string, RepoControl>();
  const standin: Standin = {
    get url() {
      return server.origin;
    },
    folder,
    journal,
    addUser(seed) {
      world.user(seed.login);
      const tokens = typeof seed.token === "string" ? [seed.token] : (seed.token ?? []);
      for (const token of tokens) {
        // The journal replaces tokens wherever they appear: a short word would be found in everything.
        if (!/^[\w.-]{8,}$/.test(token)) throw new Error("a token needs 8 or more letters, digits, _ . -");
        world.tokens.set(token, seed.login);
      }
    },
    async addRepo(seed) {
      const control = await seedRepo(world, git, seed);
      controls.set(seed.name.toLowerCase(), control);
      return control;
    },
    addApp({ id, slug, publicKey, repos, rights }) {
      const found = repos.map((name) => world.findRepo(...(name.split("/") as [string, string])));
      const ids = found.flatMap((repo) => repo?.id ?? []);
      const permissions = rights ?? { contents: "write", issues: "write", pull_requests: "write", metadata: "read" };
      const installation = { id: world.nextId(), owner: found[0]?.owner as User, repos: new Set(ids), permissions };
      const bot = world.user(`${slug}[bot]`, "Bot");
      world.apps.push({ id, slug, publicKey, bot, installations: found.length > 0 ? [installation] : [] });
    },
    expireAppTokens() {
      for (const [token, user] of world.grants)
        if (user.grant) world.grants.set(token, { ...user, grant: { ...user.grant, expiresAt: new Date(0) } });
    },
    repo(name) {
      const control = controls.get(name.toLowerCase());
      if (!control) throw new Error(`the local GitHub has no ${name}`);
      return control;
    },
    inject: (fault) => faults.inject(fault),
    advance: (ms) => world.advance(ms),
    async close() {
      await server.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    for (const user of options.users ?? []) standin.addUser(user);
    for (const repo of options.repos ?? []) await standin.addRepo(repo);
    await server.listen(options.port ?? 0);
  } catch (error) {
    await standin.close();
    throw error;
  }
  return standin;
}
