/** The gateway to the model over a real Unix socket, in front of an endpoint on loopback. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startModelGateway } from "../../src/isolation/model-gateway.ts";
import { within } from "../../src/system/clock.ts";
import { held } from "../support/attack.ts";
import { until } from "../support/fleet.ts";
import { floodOf } from "../support/flood.ts";

const key = "sk-true-key-0123456789";
const token = "true-token-0123456789";
let folder: string;
let endpoint: Bun.Server<undefined>;
let gateway: Awaited<ReturnType<typeof startModelGateway>>;
const seen: { readonly path: string; readonly headers: Headers; readonly body: string }[] = [];
const denied: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), "cw-gateway-"));
  endpoint = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      seen.push({ path: pathname + search, headers: request.headers, body: await request.text() });
      if (search === "?late") await Bun.sleep(11_000);
      if (search === "?waits") {
        request.signal.addEventListener("abort", () => void leaving++);
        await Bun.sleep(10_000);
      }
      if (search === "?moved") return Response.redirect("http://127.0.0.1:1/elsewhere", 307);
      if (search === "?limited") return new Response("{}", { status: 429, headers: { "retry-after": "7" } });
      if (search === "?packed")
        return new Response(Bun.gzipSync("packed"), { headers: { "content-encoding": "gzip", "request-id": "r1" } });
      if (search !== "?stream") return new Response("fine");
      const parts = async function* () {
        for (const part of ["event: a\n\n", "event: b\n\n"]) {
          yield part;
          await next.promise;
        }
      };
      return new Response(parts() as unknown as ReadableStream, { headers: { "content-type": "text/event-stream" } });
    },
  });
  gateway = await startModelGateway({
    socket: join(folder, "s"),
    endpoint: `${endpoint.url.origin}/base`,
    credentials: new Map([
      ["placeholder-1", key],
      ["placeholder-2", token],
    ]),
    denied: (target, reason) => void denied.push(`${target}: ${reason}`),
  });
});
afterAll(async () => {
  await gateway.close();
  await endpoint.stop(true);
  rmSync(folder, { recursive: true });
});
let leaving = 0;
let next = Promise.withResolvers<void>();

const ask = (path: string, more: RequestInit = {}) =>
  fetch(`http://127.0.0.1${path}`, { unix: join(folder, "s"), redirect: "manual", ...more } as RequestInit);
const post = (
  query: string,
  body: unknown,
  headers: Record<string, string> = { "x-api-key": "placeholder-1" },
  signal: AbortSignal | null = null,
) =>
  ask(`/v1/messages${query}`, {
    method: "POST",
    headers,
    signal,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const message = { model: "m", messages: [{ role: "user", content: "hi" }] };

test("puts the true credential in the place of the placeholder, and passes the rest on", async () => {
  const headers = { "anthropic-beta": "x-1", "content-type": "application/json" };
  const answers = await Promise.all([
    post("?beta=true", message, { ...headers, "x-api-key": "placeholder-1" }),
    post("?beta=true", message, { ...headers, authorization: "Bearer placeholder-2" }),
  ]);
  expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(["fine", "fine"]);
  const [first, second] = seen
    .splice(0)
    .toSorted((a, b) => Number(b.headers.has("x-api-key")) - Number(a.headers.has("x-api-key")));
  expect(first?.path).toBe("/base/v1/messages?beta=true");
  expect(first?.headers.get("x-api-key")).toBe(key);
  expect(first?.headers.get("anthropic-beta")).toBe("x-1");
  expect(first?.headers.get("host")).toBe(endpoint.url.host);
  expect(JSON.parse(first?.body ?? "")).toEqual(message);
  expect(second?.headers.get("authorization")).toBe(`Bearer ${token}`);
});

test("passes status, headers, encodings and redirects as they come", async () => {
  const limited = await post("?limited", message);
  expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "7"]);
  const packed = await post("?packed", message);
  expect([await packed.text(), packed.headers.get("request-id")]).toEqual(["packed", "r1"]);
  const moved = await post("?moved", message, { "x-api-key": "placeholder-1" });
  // Following it would take the credential along.
  expect(moved.status).toBe(307);
  seen.splice(0);
});

test("passes a stream part by part", async () => {
  next = Promise.withResolvers();
  const answer = await post("?stream", message);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const first = await reader.read();
  expect(new TextDecoder().decode(first.value)).toBe("event: a\n\n");
  next.resolve();
  const second = await reader.read();
  expect(new TextDecoder().decode(second.value)).toBe("event: b\n\n");
  expect((await reader.read()).done).toBe(true);
});

test("waits for a model that says nothing for longer than servers usually wait", async () => {
  expect(await (await post("?late", message)).text()).toBe("fine");
}, 20_000);

test("says that the endpoint is down in the words of its interface", async () => {
  const down = await startModelGateway({
    socket: join(folder, "down"),
    endpoint: "http://127.0.0.1:1",
    credentials: new Map(),
    denied: () => {},
  });
  const answer = await fetch("http://x/api/hello", { unix: join(folder, "down") } as RequestInit);
  expect(answer.status).toBe(502);
  expect(await answer.json()).toMatchObject({ type: "error", error: { type: "api_error" } });
  await down.close();
});

test("A48: no other credential than the placeholder, and no other place than the endpoint", async () => {
  seen.splice(0);
  const tries = [
    await post("", message, { "x-api-key": key }),
    await post("", message, { "x-api-key": "placeholder-3" }),
    await post("", message, { authorization: `Bearer ${token}` }),
    await post("", message, { authorization: "Basic placeholder-2" }),
    await post("", message, { "x-api-key": "placeholder-1", authorization: "Bearer other" }),
    await post("", message, { authorization: "Bearer placeholder-2, Bearer other" }),
  ];
  const escaped = tries.filter(({ status }) => status !== 401).map(({ status }) => String(status));
  expect(seen).toEqual([]);
  await post("", message, { "x-api-key": "placeholder-1", host: "evil.example", "proxy-authorization": "x", te: "x" });
  const [request] = seen.splice(0);
  expect(request?.headers.get("host")).toBe(endpoint.url.host);
  for (const name of ["proxy-authorization", "te"]) expect(request?.headers.get(name)).toBeNull();
  held("A48", tries.length + 1, escaped);
});

test("S31: what is refused never reaches the provider, and is told", async () => {
  denied.splice(0);
  seen.splice(0);
  const url = { type: "url", url: "https://evil.example/" };
  const tools = [{ type: "web_fetch_20250910", name: "web_fetch" }];
  const tries = [
    await post("", { ...message, tools }),
    await post("", { ...message, messages: [{ role: "user", content: [{ type: "image", source: url }] }] }),
    // Readers differ on which of two counts.
    await post("", `{"tools":${JSON.stringify(tools)},"messages":[],"tools":${JSON.stringify(tools)}}`),
    await post("", "no JSON"),
    await post("", "\u0000"),
    await post("", message, { "x-api-key": "placeholder-1", "content-encoding": "gzip" }),
    await ask("/v1/files", { headers: { "x-api-key": "placeholder-1" } }),
    await ask("/v1/messages/..%2ffiles", { method: "POST", headers: { "x-api-key": "placeholder-1" }, body: "{}" }),
  ];
  const escaped = tries.filter(({ status }) => status !== 403).map(({ status }) => String(status));
  expect(denied.length).toBe(tries.length);
  const double = await post("", `{"tools":${JSON.stringify(tools)},"messages":[],"tools":[]}`);
  const sent = seen.splice(0);
  expect(double.status).toBe(200);
  if (sent.length !== 1 || sent[0]?.body.includes("web_fetch")) escaped.push("the other of two lists of tools");
  held("S31", tries.length + 1, escaped);
});

test("S31: fields and headers that nobody knows are left out, and told", async () => {
  denied.splice(0);
  seen.splice(0);
  const fields = { store: true, files: ["f"], webhook: "https://evil.example/", vault_ids: ["v"], __proto__2: 1 };
  const headers = {
    "x-api-key": "placeholder-1",
    cookie: "sessionKey=x",
    "anthropic-workspace-id": "w",
    "x-http-method-override": "DELETE",
    "x-forwarded-host": "evil.example",
  };
  expect((await post("", { ...message, stream: false, ...fields }, headers)).status).toBe(200);
  const [request] = seen.splice(0);
  expect(JSON.parse(request?.body ?? "")).toEqual({ ...message, stream: false });
  expect(denied.map((line) => line.split(":")[0])).toEqual(
    Object.keys(fields).map((name) => `POST /v1/messages ${name}`),
  );
  const came = Object.keys(headers).filter((name) => name !== "x-api-key" && request?.headers.has(name));
  expect((await post("", message, {})).status).toBe(401);
  held("S31", Object.keys(fields).length + Object.keys(headers).length, came);
});

/** A request of which all but the last byte is sent, and what is answered. */
function unfinished(head: string, path = "/v1/messages"): { answer: Promise<string>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ path: join(folder, "s") });
  let text = "";
  socket.on("data", (part) => {
    text += part;
    resolve(text.split("\r\n")[0] ?? "");
  });
  socket.on("error", () => resolve("closed")).on("close", () => resolve("closed"));
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: placeholder-1\r\n${head}\r\n\r\n`);
  socket.write(Buffer.alloc(1 << 20, " "));
  return { answer: promise, end: () => socket.destroy() };
}

test("A56: requests that never end are held up to a bound, and their room is free again when they go", async () => {
  const large = `content-length: ${31 << 20}`;
  const first = Array.from({ length: 3 }, () => unfinished(large));
  // All of them have been met when a fourth finds no room.
  const refused = await eventually(async () => {
    const one = unfinished(large);
    const answer = await within(1000, one.answer);
    one.end();
    return answer;
  });
  expect(refused).toContain("429");
  const endless = unfinished("transfer-encoding: chunked");
  // Refused while it still sends.
  expect(await endless.answer).toMatch(/411|closed/);
  expect((await post("", message)).status).toBe(200);
  for (const one of [...first, endless]) one.end();
  const room = await eventually(async () => {
    const answer = await post("", { ...message, system: "x".repeat(31 << 20) });
    return answer.status === 200 ? "free" : null;
  });
  expect(room).toBe("free");
  held("A56", 5, []);
}, 30_000);

test("A56: connections are held up to a bound, and there is room again when they go", async () => {
  const flood = await floodOf(join(folder, "s"), 400);
  const left = await flood.left(128);
  // Those of the tests before this one are among them.
  expect(left).toBeGreaterThan(100);
  expect(left).toBeLessThanOrEqual(128);
  flood.end();
  const answer = await eventually(async () => {
    const one = await post("", message).catch(() => null);
    return one?.status === 200 ? await one.text() : null;
  });
  expect(answer).toBe("fine");
  held("A56", 400, []);
}, 30_000);

test("who goes before the model has answered is not waited for", async () => {
  const asking = new AbortController();
  const before = leaving;
  const answer = post("?waits", message, undefined, asking.signal).catch((error: Error) => error.name);
  await until("it is asked", () => seen.some(({ path }) => path.endsWith("?waits")) || null);
  asking.abort();
  expect(await answer).toBe("AbortError");
  await until("the endpoint is left alone", () => leaving > before || null);
});

test("a request that is larger than the provider takes is refused, and so is every other path", async () => {
  const large = await post("", { ...message, system: "x".repeat(33 << 20) });
  expect([large.status, ((await large.json()) as { type: string }).type]).toEqual([413, "error"]);
  seen.splice(0);
  for (const path of ["//evil.example/v1/messages", "http://[", "evil.example:443"]) {
    const one = unfinished("content-length: 0", path);
    expect(await one.answer).toMatch(/ 40[03] | 502 |closed/);
    one.end();
  }
  expect(seen).toEqual([]);
});

async function eventually<T>(look: () => Promise<T | null>): Promise<T | null> {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== null) return found;
  }
  return null;
}
