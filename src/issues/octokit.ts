/** Octokit as this product uses it: retries of reads only, GitHub's waits obeyed, a time limit on each request. */
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import { Octokit } from "@octokit/rest";

export interface GitHubSettings {
  readonly apiUrl: string;
  readonly token: string | null;
  /** Longest wait, in seconds, for a rate limit before it is an error. */
  readonly longestWaitS: number;
}

const requestTimeoutMs = 30_000;
/** By default writes wait 1 s and comments 3 s for each other: made for bulk jobs. An attempt writes a handful of times. */
const unspaced = { key: () => ({ schedule: (_options: unknown, work: () => unknown) => work() }) };
const WithPlugins = Octokit.plugin(retry, throttling);
/** The plugins change how requests are sent, not which there are. */
export type Client = Octokit;

export function connect(settings: GitHubSettings): Client {
  const obey = (retryAfter: number, _options: unknown, _octokit: unknown, retryCount: number) =>
    retryAfter <= settings.longestWaitS && retryCount < 2;
  const client = new WithPlugins({
    auth: settings.token ?? undefined,
    baseUrl: settings.apiUrl.replace(/\/+$/, ""),
    userAgent: "claude-workers",
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    request: {
      // A redirect would carry the request to a name that nobody asked for (renamed or transferred); it is an answer.
      redirect: "manual",
      fetch: (url: string, init: RequestInit) => fetch(url, { ...init, signal: AbortSignal.timeout(requestTimeoutMs) }),
    },
    throttle: {
      onRateLimit: obey,
      onSecondaryRateLimit: obey,
      write: unspaced,
      notifications: unspaced,
    } as never,
  });
  // A write that is repeated blindly may happen twice; only reads are.
  client.hook.before("request", (options) => {
    options.request ??= {};
    if (options["method"] !== "GET") options.request["retries"] ??= 0;
  });
  return client;
}
