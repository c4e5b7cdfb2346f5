/** Octokit as this product uses it: retries of reads only, GitHub's waits obeyed, a time limit on each request, whole answers. */
import { Octokit } from "@octokit/rest";
import { sleep } from "../system/clock.ts";
import { obeying } from "./limits.ts";

/** Makes tokens as they are needed. */
export interface AppTokens {
  readonly id: string;
  ofApp(): Promise<string>;
  forRepository(repo: string, fresh?: boolean): Promise<string>;
  forId(id: number, fresh?: boolean): Promise<string>;
}

export interface GitHubSettings {
  readonly apiUrl: string;
  readonly token: string | null | AppTokens;
  readonly patience: Patience;
}

/** How long a GitHub that fails, or can't be reached, is put up with. */
export interface Patience {
  /** Longest time of one request, in ms. */
  readonly requestMs: number;
  /** How often a read is sent again, the nth time after n² times `backoffMs`. Writes never are: they may have happened. */
  readonly retries: number;
  readonly backoffMs: number;
  /** Longest wait for a rate limit before it is an error, in ms. */
  readonly longestWaitMs: number;
}

/** Somebody waits for the answer: 2.5 s of trouble pass unnoticed. */
export const hurried: Patience = { requestMs: 15_000, retries: 2, backoffMs: 500, longestWaitMs: 5000 };
/** A night's work waits for it: half a minute of trouble passes, and each wait that GitHub asks for up to two minutes. */
export const patient: Patience = { requestMs: 30_000, retries: 4, backoffMs: 1000, longestWaitMs: 120_000 };

/**
 * Without the plugins for throttling and for retries: both wait by the wall clock, so that one which is set back by an hour
 * makes a request wait for an hour.
 */
export type Client = Octokit;

export function connect(settings: GitHubSettings): Client {
  const { requestMs, retries, backoffMs, longestWaitMs } = settings.patience;
  const { token } = settings;
  // A budget, and so a queue and a limit, belongs to a token, or to an App.
  const whose = String(Bun.hash(`${settings.apiUrl} ${typeof token === "string" ? token : (token?.id ?? "")}`));
  const client = new Octokit({
    auth: typeof token === "string" ? token : undefined,
    baseUrl: settings.apiUrl.replace(/\/+$/, ""),
    userAgent: "claude-workers",
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    request: {
      // A redirect would carry the request to a name that nobody asked for (renamed or transferred); it is an answer.
      redirect: "manual",
      fetch: (url: string, init: RequestInit) => obeying(whose, longestWaitMs, () => wholeAnswer(url, init, requestMs)),
    },
  });
  // A write that is repeated blindly may happen twice; only reads are, and what says that it is `repeatable`.
  client.hook.wrap("request", async (request, options) => {
    const repeatable = options["method"] === "GET" || options.request?.["repeatable"] === true;
    for (let n = 1; ; n++) {
      try {
        return await request(options);
      } catch (error) {
        if (!repeatable || n > retries || !isTrouble(error)) throw error;
        await sleep(n * n * backoffMs);
      }
    }
  });
  // Redirects that are not followed are answers for Octokit; for us they are refusals.
  client.hook.after("request", (response, options) => {
    if (Number(response.status) < 300) return;
    throw Object.assign(new Error("redirected"), { status: response.status, response, request: options });
  });
  if (token !== null && typeof token === "object") {
    client.hook.wrap("request", async (request, options) => {
      const send = async (fresh: boolean) => {
        // The object itself: what is handed on here reaches no plugin.
        options.headers["authorization"] = `bearer ${await tokenFor(token, options as never, fresh)}`;
        return await request(options);
      };
      // Of a token that GitHub does not know yet, or any more. Nothing was done, so a write may be sent again, too.
      const sent = send(false).catch((error: unknown) => {
        if ((error as { status?: number }).status === 401) return send(true);
        throw error;
      });
      return await sent.catch((error: unknown) => {
        throw Object.assign(error as Error, { ofApp: true });
      });
    });
  }
  return client;
}

/** No clear answer. Octokit calls a lost connection 500; what is refused stays refused, and a limit (429) names its own time. */
function isTrouble(error: unknown): boolean {
  const { status = 0 } = error as { status?: number };
  return status >= 500 || status === 408;
}

/** A token is for one repository: that of the path, by name or by id, or of the query's variables. What has none is asked as the App itself. */
async function tokenFor(
  tokens: AppTokens,
  {
    url,
    id,
    owner,
    repo,
    variables = {},
  }: { url: string; id?: number } & Partial<Record<"owner" | "repo", string>> & {
      variables?: { owner?: string; name?: string };
    },
  fresh: boolean,
): Promise<string> {
  if (url === "/repositories/{id}" && id !== undefined) return await tokens.forId(id, fresh);
  const [, first = owner ?? variables.owner, second = repo ?? variables.name] =
    /^\/repos\/([^/{]+)\/([^/{?]+)/.exec(url) ?? [];
  return first !== undefined && second !== undefined
    ? await tokens.forRepository(`${first}/${second}`, fresh)
    : await tokens.ofApp();
}

/**
 * An answer that broke off, that is empty, or that is no JSON (a proxy's page), is none: Octokit would hand its text on as
 * the data.
 * @throws Error, which Octokit takes for a lost connection
 */
async function wholeAnswer(url: string, init: RequestInit, timeoutMs: number): Promise<Response> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    text = await response.text();
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError")
      throw new Error(`no answer within ${timeoutMs / 1000} s`, { cause: error });
    throw error;
  }
  const { status, headers } = response;
  // A Response may not be given a body, however empty, with these.
  const empty = status === 204 || status === 205 || status === 304;
  if (status < 300 && !empty && init.method !== "HEAD") {
    if (text === "") throw new Error("its answer is empty");
    try {
      JSON.parse(text);
    } catch {
      throw new Error(`its answer is not JSON: ${JSON.stringify(text.slice(0, 80))}`);
    }
  }
  return new Response(empty ? null : text, { status, headers: withoutEncoding(headers) });
}

/** The text is decoded already. */
function withoutEncoding(headers: Headers): Headers {
  const kept = new Headers(headers);
  kept.delete("content-encoding");
  kept.delete("content-length");
  return kept;
}
