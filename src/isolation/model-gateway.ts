/**
 * The way to the model: an agent speaks plain HTTP to its own loopback, with a placeholder for a credential. Here, outside, the
 * true one takes its place. So nothing inside holds what the operator pays for, and only what {@link isPassed} is asked with it.
 */
import { isPassed, isPassedHeader, passedOn, refusedInRequest } from "../model/model-request.ts";
import { within } from "../system/clock.ts";

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

/** @returns its end: closes every connection */
export function startModelGateway(options: GatewayOptions): { close(): Promise<void> } {
  const room = { left: mostAtOnce };
  const settings = {
    unix: options.socket,
    maxRequestBodySize: largestRequest,
    // A model thinks for minutes without a word. The types deny it to Unix sockets, where it is needed just as much.
    idleTimeout: 0,
    fetch: (request: Request) => pass(request, options, room),
    error: () => failure(502, "api_error", "the gateway to the model failed"),
  };
  const server = Bun.serve(settings as Omit<typeof settings, "idleTimeout">);
  return { close: () => server.stop(true) };
}

async function pass(request: Request, options: GatewayOptions, room: { left: number }): Promise<Response> {
  const { pathname, search } = new URL(request.url);
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
        signal: request.signal,
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

function withCredential({ method, headers: given }: Request, credentials: ReadonlyMap<string, string>): Headers | null {
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
