/** The local GitHub of the demo and the tests: REST, GraphQL and git on one loopback origin. */
import type { RepoControl, RepoSeed, UserSeed } from "./control.ts";
import type { Fault, FaultHandle } from "./faults.ts";
import type { Journal } from "./journal.ts";

export interface StandinOptions {
  /** Default: a free one. */
  port?: number;
  /** Where the bare repositories live; kept on close. Default: a temp folder that close removes. */
  folder?: string;
  users?: UserSeed[];
  repos?: RepoSeed[];
  /** REST calls per token and hour. Default 5000, as on GitHub. */
  rateLimit?: number;
}

export interface Standin {
  /** Origin of API and git alike: what GITHUB_API_URL and GITHUB_SERVER_URL point to. */
  readonly url: string;
  readonly folder: string;
  readonly journal: Journal;
  addUser(seed: UserSeed): void;
  addRepo(seed: RepoSeed): Promise<RepoControl>;
  /** "owner/name" of a seeded repository; throws when there is none. */
  repo(name: string): RepoControl;
  /** Makes matching requests fail as told. Default: the next one only. */
  inject(fault: Fault): FaultHandle;
  /** Moves GitHub's clock (timestamps, Date header, commit dates) ahead; milliseconds. */
  advance(ms: number): void;
  /** Ends connections and git children, removes its temp folder. */
  close(): Promise<void>;
}
