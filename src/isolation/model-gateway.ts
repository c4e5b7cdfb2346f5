/**
 * The way to the model: an agent speaks plain HTTP to its own loopback, with a placeholder for a credential. Here, outside, the
 * true one takes its place. So nothing inside holds what the operator pays for, and only what {@link isPassed} is asked with it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isPassed, isPassedHeader, passedOn, refusedInRequest } from "../model/model-request.ts";
import { within } from "../system/clock.ts";
import { listenOn } from "./listen.ts";

export interface GatewayOptions {
  /** Where it listens; a path of at most 100 bytes that does not exist. */
  readonly socket: string;
  /** The true endpoint, without a slash at its end. */
  readonly endpoint: string;
  /** Placeholder to true credential; headers that hold another value are refused. */
  readonly credentials: ReadonlyMap<string, string>;
  readonly denied: (target: string, reason: string) => void;
}

/** The provider's own limit. */
const largestRequest = 32 << 20;
/** Of all requests that are under way: they are held in the supervisor, where no limit of the agent's counts them. */
const mostAtOnce = 96 << 20;
const bodyMs = 60_000;
/** One agent with many helpers; more at once is a flood. Each may have another to the endpoint: twice as many open files. */
const mostConnections = 128;
/** Of an answer: what concerns one connection and not the message. */
const hopByHop = [
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** What came, as far as it is looked at. */
interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly text: () => Promise<string>;
  /** Aborted when nobody waits for the answer any more. */
  readonly gone: AbortSignal;
}

/** @returns its end: closes every connection */
export async function startModelGateway(options: GatewayOptions): Promise<{ close(): Promise<void> }> {
  const room = { left: mostAtOnce };
  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing, options, room));
  // Bun's own server takes as many as come, until this process can open nothing more: not even what limits are read from.
  server.maxConnections = mostConnections;
  // A model thinks for minutes without a word.
  server.setTimeout(0);
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  await listenOn(server, options.socket);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: GatewayOptions,
  room: { left: number },
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  // Every error ends in `close`; without a listener it would end this process.
  for (const side of [incoming, outgoing]) side.on("error", () => {});
  try {
    await answer(outgoing, await pass(askedOf(incoming, gone.signal), options, room), gone.signal);
  } catch {
    if (outgoing.headersSent) outgoing.destroy();
    else
      await answer(outgoing, failure(502, "api_error", "the gateway to the model failed"), gone.signal).catch(() => {});
  }
}

function askedOf(incoming: IncomingMessage, gone: AbortSignal): Asked {
  const headers = new Headers();
  const { rawHeaders: raw, url: path = "" } = incoming;
  for (let at = 0; at < raw.length; at += 2) headers.append(raw[at] ?? "", raw[at + 1] ?? "");
  return {
    method: incoming.method ?? "",
    // Whatever host it names: only path and query are looked at.
    url: new URL(path.startsWith("/") ? `http://gateway${path}` : path),
    headers,
    gone,
    text: async () => {
      const parts: Uint8Array[] = [];
      for await (const part of incoming) parts.push(part);
      return new TextDecoder().decode(Buffer.concat(parts));
    },
  };
}

/** Part by part, and no faster than it is read. @throws Error when either side breaks off */
async function answer(outgoing: ServerResponse, { status, headers, body }: Response, gone: AbortSignal): Promise<void> {
  outgoing.writeHead(status, [...headers].flat());
  outgoing.flushHeaders();
  for await (const part of body ?? []) {
    if (!outgoing.write(part)) await once(outgoing, "drain", { signal: gone });
  }
  outgoing.end();
}

async function pass(request: Asked, options: GatewayOptions, room: { left: number }): Promise<Response> {
  const { pathname, search } = request.url;
  const asked = `${request.method} ${pathname}`;
  const refuse = (reason: string) => {
    options.denied(asked.slice(0, 300), reason);
    return failure(403, "permission_error", reason);
  };
  if (!isPassed(request.method, pathname)) return refuse("only messages are passed on to the model");
  const headers = withCredential(request, options.credentials);
  if (headers === null) return failure(401, "authentication_error", "not the credential of this attempt");
  if (request.method !== "POST") return await answered(null);
  // Before a byte of it is read; what does not say how long it is could be endless.
  const length = Number(request.headers.get("content-length") ?? Number.NaN);
  if (!Number.isSafeInteger(length)) return failure(411, "invalid_request_error", "a request without its length");
  if (length > largestRequest) return failure(413, "request_too_large", "a request of more than 32 MiB");
  if (length > room.left) return failure(429, "rate_limit_error", "too much is asked at once", { "retry-after": "1" });
  room.left -= length;
  try {
    const text = await within(bodyMs, request.text());
    if (text === null) return failure(408, "timeout_error", "the request did not arrive");
    // A packed request could not be looked into.
    const parsed = request.headers.has("content-encoding") ? undefined : parse(text);
    const reason = parsed === undefined ? "a request that is not JSON" : refusedInRequest(parsed);
    if (reason !== null) return refuse(reason);
    const { body, dropped } = passedOn(parsed as object);
    for (const name of dropped) options.denied(`${asked} ${name.slice(0, 100)}`, "a field that is not passed on");
    // What was looked at is what is sent: another reader could find something else in the same text.
    return await answered(JSON.stringify(body));
  } finally {
    room.left += length;
  }

  async function answered(body: string | null): Promise<Response> {
    try {
      const answer = await fetch(`${options.endpoint}${pathname}${search}`, {
        method: request.method,
        headers,
        body,
        redirect: "manual",
        // As it comes, so that length and encoding stay true.
        decompress: false,
        timeout: false,
        signal: request.gone,
      } as RequestInit);
      const shown = new Headers(answer.headers);
      for (const name of hopByHop) shown.delete(name);
      return new Response(answer.body, { status: answer.status, headers: shown });
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      return failure(502, "api_error", `the model's endpoint can't be reached: ${words}`);
    }
  }
}

function withCredential({ method, headers: given }: Asked, credentials: ReadonlyMap<string, string>): Headers | null {
  const headers = new Headers([...given].filter(([name]) => isPassedHeader(name)));
  const key = headers.get("x-api-key");
  const bearer = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1];
  if (key === null && !headers.has("authorization")) return method === "POST" ? null : headers;
  if (key !== null) {
    const real = credentials.get(key);
    if (real === undefined) return null;
    headers.set("x-api-key", real);
  }
  if (headers.has("authorization")) {
    const real = credentials.get(bearer ?? "");
    if (real === undefined) return null;
    headers.set("authorization", `Bearer ${real}`);
  }
  return headers;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** In the words of the provider's interface, so that the agent's program understands them. */
function failure(status: number, type: string, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ type: "error", error: { type, message: `claude-workers: ${message}` } }, { status, headers });
}
