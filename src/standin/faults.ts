/** Scripted failures: which request, how often, and what happens instead of, or besides, the answer. */
import type { Repo, World } from "./world.ts";

export type GitPhase = "advertise" | "upload" | "receive";

/**
 * - a scripted answer: sent instead of acting
 * - "drop": the connection is destroyed before acting
 * - "drop-after": it acts, then destroys the connection; the reply is lost
 * - delayMs: acts that long after all of it was received, even if its client is gone by then
 * - meanwhile: something happens first, then it acts
 * - truncate: acts, sends half of the body, then destroys the connection
 * - empty: acts, answers without a body
 * - staleMs: reads of issues and their lists answer as at the moment of the injection, for that long
 */
type FaultKind =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | "drop"
  | "drop-after"
  | { delayMs: number }
  | { meanwhile: () => void }
  | { truncate: true }
  | { empty: true }
  | { staleMs: number };

export interface Fault {
  method?: string;
  /** Tested against the path without the /api/v3 prefix. */
  path?: RegExp;
  /** Tested against what follows the path, such as `?page=2`. */
  query?: RegExp;
  /** Only this phase of the git protocol. Without it: only REST and GraphQL. */
  git?: GitPhase;
  /** Only requests with a token of this user. */
  login?: string;
  /** Default 1; for staleMs without limit. */
  times?: number;
  /** So many matching requests pass first. Default 0. */
  skip?: number;
  fault: FaultKind;
}

export interface FaultHandle {
  readonly fired: number;
  remove(): void;
}

interface Armed extends Fault {
  fired: number;
  seen: number;
  frozen: Map<number, Repo> | undefined;
  until: number;
}

export interface Request {
  method: string;
  path: string;
  query: string;
  login: string | undefined;
  git: GitPhase | undefined;
}

export interface Effect {
  kind: FaultKind;
  frozen: Map<number, Repo> | undefined;
}

export class Faults {
  readonly #armed = new Set<Armed>();

  constructor(private readonly world: World) {}

  inject(fault: Fault): FaultHandle {
    const stale = typeof fault.fault === "object" && "staleMs" in fault.fault ? fault.fault.staleMs : undefined;
    const armed: Armed = {
      ...fault,
      fired: 0,
      seen: 0,
      times: fault.times ?? (stale === undefined ? 1 : Number.POSITIVE_INFINITY),
      frozen: stale === undefined ? undefined : structuredClone(this.world.repos),
      until: stale === undefined ? Number.POSITIVE_INFINITY : performance.now() + stale,
    };
    this.#armed.add(armed);
    return {
      get fired() {
        return armed.fired;
      },
      remove: () => void this.#armed.delete(armed),
    };
  }

  /** The first armed fault that matches; it counts as fired. */
  take(request: Request): Effect | undefined {
    for (const armed of this.#armed) {
      if (armed.git !== request.git || armed.fired >= (armed.times ?? 1)) continue;
      if (armed.method !== undefined && armed.method !== request.method) continue;
      if (armed.login !== undefined && armed.login !== request.login) continue;
      if (armed.path !== undefined && request.path.search(armed.path) < 0) continue;
      if (armed.query !== undefined && request.query.search(armed.query) < 0) continue;
      if (performance.now() > armed.until) continue;
      if (armed.seen++ < (armed.skip ?? 0)) continue;
      armed.fired++;
      return { kind: armed.fault, frozen: armed.frozen };
    }
    return undefined;
  }
}
