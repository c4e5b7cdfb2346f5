/** One HTTP server for REST, GraphQL and git: who asks, which fault strikes, what is answered, and the journal of it. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { bodyOf, jsonBody, parsed } from "./body.ts";
import type { Effect, Faults, GitPhase } from "./faults.ts";
import type { Git } from "./git.ts";
import { graphql } from "./graphql.ts";
import { type Call, Refusal, type Reply } from "./http.ts";
import { Backend, type GitRequest, gitRequest, refuseGit } from "./http-backend.ts";
import { type Journal, type JournalEntry, journalHeaders } from "./journal.ts";
import { syncPulls } from "./pull-state.ts";
import type { Rate } from "./rate.ts";
import { route } from "./routes.ts";
import type { User, World } from "./world.ts";

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  method: string;
  path: string;
  headers: Headers;
  token: string | undefined;
  viewer: User | undefined;
  effect: Effect | undefined;
  /** The body where it was read first of all. */
  received?: Buffer;
}

export class FrontServer {
  readonly #server: Server;
  readonly #backend: Backend;
  readonly #pending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #requests = 0;
  origin = "";

  constructor(
    private readonly world: World,
    private readonly git: Git,
    private readonly faults: Faults,
    private readonly journal: Journal,
    private readonly rate: Rate,
  ) {
    this.#backend = new Backend(git);
    this.#server = createServer((request, response) => {
      const work = this.#handle(request, response).catch((error) => giveUp(request, response, error));
      this.#pending.add(work);
      void work.finally(() => this.#pending.delete(work));
    });
    // A connection that is kept stays usable however long its client thinks.
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
    this.#server.timeout = 0;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    this.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await Promise.all([this.#backend.close(), this.git.close()]);
    await Promise.all(this.#pending);
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.origin);
    const method = request.method ?? "GET";
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers)) {
      if (typeof value === "string") headers.set(name, value);
    }
    const token = tokenOf(headers.get("authorization"));
    const viewer = token === undefined ? undefined : this.world.userOfToken(token);
    const path = url.pathname.replace(/^\/api\/v3(?=\/)/, "").replace(/^\/api\/graphql$/, "/graphql");
    const asked = gitRequest(method, url);
    const { search: query } = url;
    const effect = this.faults.take({ method, path, query, login: viewer?.login, git: asked?.phase });
    const exchange: Exchange = { request, response, url, method, path, headers, token, viewer, effect };
    if (effect?.kind === "drop") {
      this.#note(exchange, asked ? "git" : "rest", { status: 0 });
      request.socket.destroy();
      return;
    }
    if (typeof effect?.kind === "object" && "meanwhile" in effect.kind) effect.kind.meanwhile();
    if (typeof effect?.kind === "object" && "delayMs" in effect.kind) {
      // As GitHub, which acts on what it has received even if nobody waits for the answer any more.
      exchange.received = await bodyOf(request);
      await delay(effect.kind.delayMs, undefined, { signal: this.#closing.signal });
    }
    if (asked) await this.#answerGit(exchange, asked);
    else await this.#answerApi(exchange);
  }

  async #answerGit(exchange: Exchange, asked: GitRequest): Promise<void> {
    const { request, response, token, viewer, effect } = exchange;
    const kind = effect?.kind;
    response.setHeader("date", this.world.now().toUTCString());
    if (typeof kind === "object" && "status" in kind) {
      const text = typeof kind.body === "string" ? kind.body : JSON.stringify(kind.body ?? "");
      this.#note(exchange, "git", { status: kind.status, phase: asked.phase });
      request.resume();
      response.writeHead(kind.status, { "content-type": "text/plain; charset=utf-8", ...kind.headers }).end(text);
      return;
    }
    const unknown = token !== undefined && !viewer;
    const checked: ReturnType<typeof refuseGit> = unknown
      ? { refusal: { status: 401, text: "Invalid username or token.\n" } }
      : refuseGit(this.world, asked, viewer);
    if ("refusal" in checked) {
      const { status, text, location } = checked.refusal;
      const more: Record<string, string> = status === 401 ? { "www-authenticate": 'Basic realm="GitHub"' } : {};
      if (location !== undefined) more["location"] = location;
      this.#note(exchange, "git", { status, phase: asked.phase });
      request.resume();
      response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...more }).end(text);
      return;
    }
    const { repo } = checked;
    const lose = kind === "drop-after" ? "all" : typeof kind === "object" && "truncate" in kind ? "half" : undefined;
    await this.#backend.serve(asked, repo, viewer, request, response, {
      lose,
      received: exchange.received,
      done: async (answered) => {
        if (asked.phase === "receive" && viewer) {
          repo.pushedAt = this.world.now();
          await syncPulls(this.world, this.git, repo, viewer);
        }
        this.#note(exchange, "git", { status: lose === "all" ? 0 : answered, phase: asked.phase });
      },
    });
  }

  async #answerApi(exchange: Exchange): Promise<void> {
    const { request, response, effect } = exchange;
    const text = (exchange.received ?? (await bodyOf(request))).toString("utf8");
    const kind = effect?.kind;
    const scripted = typeof kind === "object" && "status" in kind ? kind : undefined;
    const resource = exchange.path === "/graphql" ? "graphql" : "core";
    let body: unknown;
    let reply: Reply;
    if (scripted) {
      body = parsed(text);
      reply = scripted;
    } else {
      try {
        body = jsonBody(text);
        reply = await this.#act(exchange, body, resource);
      } catch (error) {
        reply = failure(error);
      }
    }
    const { status, sent, headers } = this.#finish(exchange, reply, resource);
    const lost = kind === "drop-after";
    this.#note(exchange, resource === "graphql" ? "graphql" : "rest", {
      status: lost ? 0 : status,
      body,
      response: reply.body,
      responseHeaders: headers,
    });
    if (lost) {
      request.socket.destroy();
      return;
    }
    if (typeof kind === "object" && "truncate" in kind && sent !== undefined) {
      response.writeHead(status, headers);
      response.write(sent.subarray(0, Math.floor(sent.length / 2)), () => request.socket.destroy());
      return;
    }
    const bare = typeof kind === "object" && "empty" in kind;
    response.writeHead(status, bare ? { ...headers, "content-length": "0" } : headers).end(bare ? undefined : sent);
  }

  async #act(exchange: Exchange, body: unknown, resource: "core" | "graphql"): Promise<Reply> {
    const { token, viewer, headers, url, method, path, effect } = exchange;
    if (!headers.has("user-agent")) throw new Refusal(403, "Request forbidden by administrative rules.");
    if (token !== undefined && !viewer) throw new Refusal(401, "Bad credentials");
    if (path === "/rate_limit" && method === "GET") return { status: 200, body: this.rate.body(viewer) };
    this.rate.spend(viewer, resource);
    const world = effect?.frozen ? this.world.lagging(effect.frozen) : this.world;
    const call: Call = {
      world,
      git: this.git,
      origin: this.origin,
      method,
      path,
      query: url.searchParams,
      body,
      headers,
      viewer,
      params: {},
    };
    if (resource === "graphql" && method === "POST") return graphql(call);
    return route(call);
  }

  /** Headers, ETag and the bytes to send; a GET that the client has already is a 304, which is not charged. */
  #finish(exchange: Exchange, reply: Reply, resource: "core" | "graphql") {
    const { method, viewer, token, url } = exchange;
    const text =
      reply.body === undefined ? undefined : typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body);
    const headers: Record<string, string> = {
      date: this.world.now().toUTCString(),
      "x-github-request-id": `CAFE:${(++this.#requests).toString(16).toUpperCase()}`,
      "x-github-media-type": "github.v3; format=json",
      ...(text === undefined ? {} : { "content-type": "application/json; charset=utf-8" }),
    };
    let status = reply.status;
    if (method === "GET" && status === 200 && text !== undefined) {
      const hash = createHash("sha256").update(`${token}\n${url.pathname}${url.search}\n${text}`).digest("hex");
      headers["etag"] = `W/"${hash}"`;
      headers["cache-control"] = `${viewer ? "private" : "public"}, max-age=60, s-maxage=60`;
      headers["vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP";
      const known = exchange.headers.get("if-none-match")?.split(",") ?? [];
      if (known.some((tag) => tag.trim().replace(/^W\//, "") === `"${hash}"`)) {
        status = 304;
        this.rate.giveBack(viewer, resource);
      }
    }
    Object.assign(headers, this.rate.headers(viewer, resource), reply.headers);
    const sent = text === undefined || status === 304 || status === 204 ? undefined : Buffer.from(text);
    if (sent) headers["content-length"] = String(sent.length);
    return { status, sent, headers };
  }

  #note(exchange: Exchange, kind: JournalEntry["kind"], rest: Partial<JournalEntry> & { status: number }): void {
    const { method, path, url, headers, viewer, effect } = exchange;
    const basic = {
      kind,
      method,
      path,
      query: Object.fromEntries(url.searchParams),
      body: undefined,
      login: viewer?.login,
      headers: journalHeaders(headers),
      responseHeaders: {},
      response: undefined,
      phase: undefined as GitPhase | undefined,
      faulty: effect !== undefined,
    };
    this.journal.add({ ...basic, ...rest });
  }
}

/** Bearer, the older `token`, or the password of Basic as git sends it. */
function tokenOf(header: string | null): string | undefined {
  const [scheme = "", value = ""] = (header ?? "").split(" ");
  if (/^(bearer|token)$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return undefined;
  const pair = Buffer.from(value, "base64").toString("utf8");
  return pair.slice(pair.indexOf(":") + 1) || pair.slice(0, pair.indexOf(":"));
}

function giveUp(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) request.socket.destroy();
  else response.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify(failure(error).body));
}

/** Our own mistakes are told in full: a test that meets one should say which. */
function failure(error: unknown): Reply {
  if (error instanceof Refusal) return error.reply();
  const message = `The local GitHub failed: ${error instanceof Error ? error.stack : String(error)}`;
  return { status: 500, body: { message, documentation_url: "https://docs.github.com/rest", status: "500" } };
}
