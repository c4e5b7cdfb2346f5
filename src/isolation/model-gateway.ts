/**
 * The way to the model: an agent speaks plain HTTP to its own loopback, with a placeholder for a credential. Here, outside, the
 * true one takes its place. So nothing inside holds what the operator pays for, and only what {@link isPassed} is asked with it.
 */
import { isPassed, refusedInRequest } from "../model/model-request.ts";

export interface GatewayOptions {
  /** Where it listens; a path of at most 100 bytes that does not exist. */
  readonly socket: string;
  /** The true endpoint, without a slash at its end. */
  readonly endpoint: string;
  /** Placeholder to true credential; headers that hold another value are refused. */
  readonly credentials: ReadonlyMap<string, string>;
  readonly denied: (target: string, reason: string) => void;
}

const largestRequest = 64 << 20;
/** What concerns one connection and not the message, and what the two ends agree on for themselves. */
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
  const settings = {
    unix: options.socket,
    maxRequestBodySize: largestRequest,
    // A model thinks for minutes without a word. The types deny it to Unix sockets, where it is needed just as much.
    idleTimeout: 0,
    fetch: (request: Request) => pass(request, options),
    error: () => failure(502, "api_error", "the gateway to the model failed"),
  };
  const server = Bun.serve(settings as Omit<typeof settings, "idleTimeout">);
  return { close: () => server.stop(true) };
}

async function pass(request: Request, options: GatewayOptions): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const asked = `${request.method} ${pathname}`;
  const refuse = (reason: string) => {
    options.denied(asked.slice(0, 300), reason);
    return failure(403, "permission_error", reason);
  };
  if (!isPassed(request.method, pathname)) return refuse("only messages are passed on to the model");
  const headers = withCredential(request.headers, options.credentials);
  if (headers === null) return failure(401, "authentication_error", "not the credential of this attempt");
  let body: string | null = null;
  if (request.method === "POST") {
    const parsed = await parse(request);
    const reason = parsed === undefined ? "a request that is not JSON" : refusedInRequest(parsed);
    if (reason !== null) return refuse(reason);
    // What was looked at is what is sent: another reader could find something else in the same text.
    body = JSON.stringify(parsed);
  }
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

function withCredential(given: Headers, credentials: ReadonlyMap<string, string>): Headers | null {
  const headers = new Headers(given);
  for (const name of hopByHop) headers.delete(name);
  const key = headers.get("x-api-key");
  const bearer = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1];
  if (key === null && !headers.has("authorization")) return headers;
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

async function parse(request: Request): Promise<unknown> {
  if (request.headers.has("content-encoding")) return undefined;
  try {
    return await request.json();
  } catch {
    return undefined;
  }
}

/** In the words of the provider's interface, so that the agent's program understands them. */
function failure(status: number, type: string, message: string): Response {
  return Response.json({ type: "error", error: { type, message: `claude-workers: ${message}` } }, { status });
}
