/**
 * The one way out of an agent's network: a proxy that knows CONNECT and nothing else, on a Unix socket that is shown inside.
 * It runs outside, in the supervisor, where the agent can't change it.
 */
import { lookup } from "node:dns/promises";
import { connect, createServer, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import ipaddr from "ipaddr.js";
import { readTlsClientHello } from "read-tls-client-hello";
import { decideEgress, type EgressRule, namesAddress, refusedGreeting, type TlsGreeting } from "../model/egress.ts";
import { within } from "../system/clock.ts";
import { listenOn } from "./listen.ts";

export interface ProxyOptions {
  /** Where it listens; a path of at most 100 bytes that does not exist. */
  readonly socket: string;
  readonly rules: readonly EgressRule[];
  /** Told of each refusal. @param target as the client wrote it: hostile, at most {@link longestTarget} characters */
  readonly denied: (target: string, reason: string) => void;
  /** All addresses of a name. Default: the resolver of this machine. */
  readonly addresses?: (host: string) => Promise<readonly string[]>;
  /** Begins a connection to an address that was found good. Default: of node:net. */
  readonly dial?: (address: string, port: number) => Socket;
}

const longestTarget = 300;
const longestHead = 8192;
const headMs = 10_000;
const connectMs = 30_000;
/** One agent with many children; more at once is a flood. Each has another outside, so these are twice as many open files. */
const mostConnections = 256;
const encryptedName = 0xfe0d;

/** @returns its end: closes every connection */
export async function startEgressProxy(options: ProxyOptions): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Every error ends in `close`; without a listener it would end this process.
    socket.on("error", () => {});
    return socket;
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client);
    void serve(client, options, keep).finally(() => client.destroy());
  });
  server.maxConnections = mostConnections;
  await listenOn(server, options.socket);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function serve(client: Socket, options: ProxyOptions, keep: (socket: Socket) => Socket): Promise<void> {
  const head = await within(headMs, readHead(client));
  if (head === null) return;
  const [line = ""] = head.split("\r\n", 1);
  const [, target] = /^CONNECT (\S{1,300}) HTTP\/1\.[01]$/.exec(line) ?? [];
  if (target === undefined) {
    const asked = line.split(" ")[1]?.slice(0, longestTarget) ?? "";
    return refuse(client, options, asked, "plain HTTP is not passed: use https");
  }
  const decision = decideEgress(options.rules, target);
  if (!decision.allowed) return refuse(client, options, target, decision.reason);
  const { host, port, literal } = decision;
  const found = literal ? [host] : await (options.addresses ?? addressesOf)(host).catch(() => []);
  if (found.length === 0) return answer(client, "502 Bad Gateway", `${host}: no such name`);
  // Each of them: a name whose owner adds an address of this network would else lead there now and then.
  const inward = found.find((address) => !isPublic(address) && !namesAddress(options.rules, plain(address), port));
  if (inward !== undefined)
    return refuse(client, options, target, `it leads to ${inward}, an address that is not public`);
  const server = await connectTo(found, (address) => keep((options.dial ?? dial)(plain(address), port)));
  if (server === null) return answer(client, "502 Bad Gateway", `${host}: no connection`);
  client.write("HTTP/1.1 200 Connection established\r\n\r\n");
  if (port === 443) {
    const refused = refusedGreeting(host, await within(headMs, greetingOf(client)));
    if (refused !== null) {
      options.denied(target, refused);
      server.destroy();
      return;
    }
  }
  await Promise.allSettled([pipeline(client, server), pipeline(server, client)]);
  server.destroy();
}

/** Reads up to the empty line and puts back what comes after it. Null: too long, or ended before. */
function readHead(client: Socket): Promise<string | null> {
  return new Promise((resolve) => {
    let read = Buffer.alloc(0);
    const done = (head: string | null, rest: Buffer = Buffer.alloc(0)) => {
      client.off("data", more).off("close", ended).off("end", ended);
      client.pause();
      if (rest.length > 0) client.unshift(rest);
      resolve(head);
    };
    const ended = () => done(null);
    const more = (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf("\r\n\r\n");
      if (end >= 0) done(read.subarray(0, end).toString("latin1"), read.subarray(end + 4));
      else if (read.length > longestHead) done(null);
    };
    client.on("data", more).once("close", ended).once("end", ended);
  });
}

/** Null: what comes is not TLS. */
async function greetingOf(client: Socket): Promise<TlsGreeting | null> {
  try {
    const { extensions } = await readTlsClientHello(client);
    const name = extensions.find(({ id }) => id === 0)?.data?.["serverName"];
    return {
      serverName: typeof name === "string" ? name : null,
      encryptedName: extensions.some(({ id }) => id === encryptedName),
    };
  } catch {
    // Also a greeting in several records, which no honest client sends and which hides its name from such a look.
    return null;
  }
}

function refuse(client: Socket, options: ProxyOptions, target: string, reason: string): Promise<void> {
  options.denied(target, reason);
  return answer(client, "403 Forbidden", reason);
}

async function answer(client: Socket, status: string, reason: string): Promise<void> {
  const body = `claude-workers: ${reason}\n`;
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  await within(headMs, new Promise<void>((resolve) => client.end(`${head}\r\n\r\n${body}`, () => resolve())));
}

/** The first of a name's addresses that answers, one after the other. */
async function connectTo(addresses: readonly string[], begin: (address: string) => Socket): Promise<Socket | null> {
  for (const address of addresses) {
    const socket = begin(address);
    socket.setTimeout(connectMs, () => socket.destroy());
    const up = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("close", () => resolve(false));
    });
    socket.setTimeout(0);
    if (up) return socket;
  }
  return null;
}

function dial(host: string, port: number): Socket {
  return connect({ host, port, allowHalfOpen: true });
}

async function addressesOf(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** Loopback, private, link-local (metadata services), shared, mapped, translated, multicast: all that is not public. */
function isPublic(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.parse(address).range() === "unicast";
}

/** An IPv4 address in the clothes of IPv6 as what it is. */
function plain(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address;
}
