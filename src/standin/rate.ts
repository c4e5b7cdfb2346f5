/** The hourly budget of each token, and the headers that every answer tells it with. */
import { Refusal } from "./http.ts";
import type { User, World } from "./world.ts";

const hourMs = 3_600_000;

interface Window {
  used: number;
  resetAt: number;
}

export type Resource = "core" | "graphql";

export class Rate {
  readonly #windows = new Map<string, Window>();

  constructor(
    private readonly world: World,
    private readonly limit: number,
  ) {}

  #window(key: string): Window {
    const now = this.world.now().getTime();
    const known = this.#windows.get(key);
    if (known && known.resetAt > now) return known;
    const fresh = { used: 0, resetAt: now + hourMs };
    this.#windows.set(key, fresh);
    return fresh;
  }

  /** Tokens of one user share one budget; without a token there are 60 calls. */
  #limitOf(viewer: User | undefined): number {
    return viewer ? this.limit : Math.min(60, this.limit);
  }

  spend(viewer: User | undefined, resource: Resource): void {
    const window = this.#window(`${resource}:${viewer?.id}`);
    if (window.used >= this.#limitOf(viewer)) {
      const whose = viewer ? `user ID ${viewer.id}` : "127.0.0.1";
      throw new Refusal(403, `API rate limit exceeded for ${whose}.`, undefined, this.headers(viewer, resource));
    }
    window.used++;
  }

  /** A 304 to a request with a token costs nothing. */
  giveBack(viewer: User | undefined, resource: Resource): void {
    if (viewer) this.#window(`${resource}:${viewer.id}`).used--;
  }

  state(viewer: User | undefined, resource: Resource) {
    const { used, resetAt } = this.#window(`${resource}:${viewer?.id}`);
    const limit = this.#limitOf(viewer);
    return { limit, used, remaining: limit - used, reset: Math.floor(resetAt / 1000) };
  }

  headers(viewer: User | undefined, resource: Resource): Record<string, string> {
    const { limit, used, remaining, reset } = this.state(viewer, resource);
    return {
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(remaining),
      "x-ratelimit-used": String(used),
      "x-ratelimit-reset": String(reset),
      "x-ratelimit-resource": resource,
    };
  }

  /** The answer of GET /rate_limit, which costs nothing itself. */
  body(viewer: User | undefined) {
    const core = this.state(viewer, "core");
    const search = { limit: 30, used: 0, remaining: 30, reset: core.reset };
    return { resources: { core, search, graphql: this.state(viewer, "graphql") }, rate: core };
  }
}
