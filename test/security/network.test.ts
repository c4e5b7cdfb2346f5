/** The ways out of an agent's network: the proxy over real sockets and TLS, then a hostile program inside that looks for others. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTls, type Server as TlsServer } from "node:tls";
import { startEgressProxy } from "../../src/isolation/egress-proxy.ts";
import { type EgressRule, egressRules, parseRule } from "../../src/model/egress.ts";
import { type SmallFleet, smallFleet } from "../isolation/inside.ts";
import { held } from "../support/attack.ts";
import { until } from "../support/fleet.ts";
import { floodOf } from "../support/flood.ts";

const rulesOf = (...texts: string[]) => texts.map((text) => parseRule(text) as EgressRule);

describe("the proxy", () => {
  let folder: string;
  let tls: TlsServer;
  let proxy: Awaited<ReturnType<typeof startEgressProxy>>;
  const denied: string[] = [];
  const dialled: string[] = [];
  /** What names lead to. All of it is served by one TLS server here. */
  const names: Record<string, string[]> = {
    "good.example": ["93.184.216.34"],
    "also.good.example": ["93.184.216.34"],
    "inward.good.example": ["127.0.0.1"],
    "metadata.good.example": ["169.254.169.254"],
    "half.good.example": ["93.184.216.34", "10.0.0.1"],
    "six.good.example": ["::ffff:127.0.0.1"],
    "nat.good.example": ["64:ff9b::7f00:1"],
    "local.good.example": ["fd00::1"],
    "zero.good.example": ["0.0.0.0"],
    "internal.example": ["10.0.0.7"],
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(realpathSync(tmpdir()), "cw-proxy-"));
    const made = Bun.spawnSync(
      [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
      ].concat(["-subj", "/CN=good.example", "-keyout", join(folder, "key"), "-out", join(folder, "cert")]),
    );
    expect(made.exitCode).toBe(0);
    const read = (name: string) => readFileSync(join(folder, name));
    tls = createTls({ key: read("key"), cert: read("cert") }, (socket) => socket.on("error", () => {}).end("SECRET"));
    await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    const { port } = tls.address() as { port: number };
    proxy = await startEgressProxy({
      socket: join(folder, "s"),
      rules: rulesOf("good.example", ".good.example", "internal.example", "10.0.0.7", "plain.good.example:8080"),
      denied: (target, reason) => void denied.push(`${target}: ${reason}`),
      addresses: async (host) => names[host] ?? [],
      dial(address) {
        dialled.push(address);
        return connect({ host: "127.0.0.1", port, allowHalfOpen: true });
      },
    });
  });
  afterAll(async () => {
    await proxy.close();
    await new Promise((resolve) => tls.close(resolve));
    rmSync(folder, { recursive: true });
  });

  /** Sends a head to the proxy; what it says until it closes, or until `enough`. */
  async function ask(head: string, enough = /\r\n\r\n/): Promise<{ said: string; socket: Socket }> {
    const socket = connect({ path: join(folder, "s") });
    let said = "";
    await new Promise<void>((resolve) => {
      socket.on("error", () => {}).once("close", () => resolve());
      socket.on("data", (chunk) => {
        said += chunk.toString("latin1");
        if (enough.test(said)) resolve();
      });
      socket.write(head);
    });
    socket.removeAllListeners("data");
    return { said, socket };
  }
  const connectHead = (target: string) => `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;

  /** A TLS connection through the proxy. @returns what the server inside said */
  async function greet(target: string, servername: string): Promise<string> {
    const { said, socket } = await ask(connectHead(target));
    if (!said.startsWith("HTTP/1.1 200 ")) {
      socket.destroy();
      return said.slice(0, 12);
    }
    return await new Promise<string>((resolve) => {
      let text = "";
      const inner = connectTls({ socket, servername, rejectUnauthorized: false });
      inner.on("data", (chunk) => (text += chunk)).on("error", () => {});
      inner.once("close", () => resolve(text)).once("end", () => resolve(text));
    });
  }

  test("passes TLS of the very name, to names and suffixes of the list", async () => {
    expect(await greet("good.example:443", "good.example")).toBe("SECRET");
    expect(await greet("also.good.example:443", "also.good.example")).toBe("SECRET");
    expect(await greet("ALSO.good.EXAMPLE:443", "also.good.example")).toBe("SECRET");
    expect(await greet("internal.example:443", "internal.example")).toBe("SECRET");
    expect(denied).toEqual([]);
  });

  test("A46: TLS for another name than asked for, for none, or none at all", async () => {
    denied.length = 0;
    const said = [
      await greet("good.example:443", "evil.example"),
      await greet("good.example:443", "also.good.example"),
      await greet("good.example:443", ""),
    ];
    for (const first of [
      "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
      "SSH-2.0-x\r\n",
      "\x16\x03\x01\x00\x05hello",
    ]) {
      const { socket } = await ask(connectHead("good.example:443"));
      const more = new Promise<string>((resolve) => {
        let text = "";
        socket.on("data", (chunk) => (text += chunk)).once("close", () => resolve(text));
      });
      socket.write(first, "latin1");
      socket.end();
      said.push(await more);
    }
    expect(denied.length).toBe(said.length);
    held(
      "A46",
      said.length,
      said.filter((text) => text !== ""),
    );
  });

  test("A46: a greeting that is cut into records or hides its name", async () => {
    // A ClientHello of a real client, sent in two TLS records, and one with the extension for encrypted names.
    const hello = await new Promise<Buffer>((resolve) => {
      const server = createServer((socket) =>
        socket.once("data", (chunk: Buffer) => {
          resolve(chunk);
          socket.destroy();
          server.close();
        }),
      );
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as { port: number };
        connectTls({ port, host: "127.0.0.1", servername: "good.example" }).on("error", () => {});
      });
    });
    const record = (body: Buffer) =>
      Buffer.concat([Buffer.from([0x16, 3, 1, body.length >> 8, body.length & 255]), body]);
    const body = hello.subarray(5);
    const cut = Buffer.concat([record(body.subarray(0, 40)), record(body.subarray(40))]);
    const hidden = record(withExtension(body, 0xfe0d));
    const escaped: string[] = [];
    for (const [name, bytes] of [
      ["cut", cut],
      ["encrypted", hidden],
    ] as const) {
      const { socket } = await ask(connectHead("good.example:443"));
      const answered = new Promise<number>((resolve) => {
        let count = 0;
        socket.on("data", (chunk) => (count += chunk.length)).once("close", () => resolve(count));
      });
      socket.write(bytes);
      if ((await answered) > 0) escaped.push(name);
    }
    held("A46", 2, escaped);
  });

  test("A46: names that lead inward, wholly or in part", async () => {
    dialled.length = 0;
    const tries = Object.keys(names).filter((name) => /^(?:inward|metadata|half|six|nat|local|zero)/.test(name));
    const said = await Promise.all(tries.map((name) => greet(`${name}:443`, name)));
    expect(said).toEqual(tries.map(() => "HTTP/1.1 403"));
    held("A46", tries.length, dialled);
  });

  test("A46: heads that are no CONNECT, or two, or without end", async () => {
    dialled.length = 0;
    const heads = [
      "GET http://good.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: good.example\r\n\r\n",
      "POST http://169.254.169.254/ HTTP/1.1\r\n\r\n",
      "connect good.example:443 HTTP/1.1\r\n\r\n",
      "CONNECT good.example:443\r\n\r\n",
      "CONNECT  good.example:443 HTTP/1.1\r\n\r\n",
      "CONNECT good.example:443 HTTP/2.0\r\n\r\n",
      "CONNECT good.example:443\tHTTP/1.1\r\n\r\n",
      "CONNECT evil.example:443 HTTP/1.1\r\nHost: good.example:443\r\n\r\n",
      "CONNECT evil.example:443 HTTP/1.1\r\n\r\nCONNECT good.example:443 HTTP/1.1\r\n\r\n",
      "CONNECT good.example:443 HTTP/1.1 HTTP/1.1\r\n\r\n",
      `CONNECT ${"a".repeat(9000)}:443 HTTP/1.1\r\n\r\n`,
      `CONNECT good.example:443 HTTP/1.1\r\nX: ${"a".repeat(9000)}`,
      "\r\nCONNECT good.example:443 HTTP/1.1\r\n\r\n",
      "CONNECT 127.0.0.1:443 HTTP/1.1\r\n\r\n",
      "CONNECT [::1]:443 HTTP/1.1\r\n\r\n",
      "CONNECT good.example:22 HTTP/1.1\r\n\r\n",
      "CONNECT good.example.:443 HTTP/1.1\r\n\r\n",
    ];
    const escaped: string[] = [];
    for (const head of heads) {
      const { said, socket } = await ask(head);
      socket.destroy();
      if (/ 200 /.test(said)) escaped.push(head.slice(0, 60));
    }
    held("A46", heads.length, [...escaped, ...dialled]);
  });

  test("A56: connections are held up to a bound, and there is room again when they go", async () => {
    const flood = await floodOf(join(folder, "s"), 400);
    expect(await flood.left(256)).toBe(256);
    flood.end();
    await until("there is room", async () => {
      const { said, socket } = await ask(connectHead("evil.example:443"));
      socket.destroy();
      return / 403 /.test(said) || null;
    });
    held("A56", 400, []);
  });
});

/** The ClientHello with one more, empty extension at its end. */
function withExtension(hello: Buffer, id: number): Buffer {
  let at = 4 + 2 + 32;
  at += 1 + (hello[at] ?? 0);
  at += 2 + hello.readUInt16BE(at);
  at += 1 + (hello[at] ?? 0);
  const grown = Buffer.concat([hello, Buffer.from([id >> 8, id & 255, 0, 0])]);
  grown.writeUInt16BE(hello.readUInt16BE(at) + 4, at);
  grown.writeUIntBE(hello.readUIntBE(1, 3) + 4, 1, 3);
  return grown;
}

if (Bun.which("bwrap") === null) test.skip("bubblewrap is not installed", () => {});
else describe("inside", suite);

function suite(): void {
  let fleet: SmallFleet;
  let network: Awaited<ReturnType<SmallFleet["network"]>>;
  let listening: Server;
  let reached = 0;
  let port: number;
  beforeAll(async () => {
    fleet = smallFleet("ordinary user");
    listening = createServer((socket) => {
      reached++;
      socket.on("error", () => {}).end("SECRET");
    });
    await new Promise<void>((resolve) => listening.listen(0, "0.0.0.0", resolve));
    ({ port } = listening.address() as { port: number });
    network = await fleet.network({ rules: egressRules({ presets: ["node"], allow: [] }) });
  });
  afterAll(async () => {
    await network?.close();
    await new Promise((resolve) => listening.close(resolve));
    fleet?.remove();
  });

  test("A45: straight to the host, the network, names, metadata, and services by their sockets", async () => {
    const own = Object.values((await import("node:os")).networkInterfaces()).flatMap((all) => all ?? []);
    const addresses = ["127.0.0.1", "localhost", "0.0.0.0", "10.0.2.2", ...own.map(({ address }) => address)];
    const tcp = [...addresses, "169.254.169.254", "1.1.1.1", "8.8.8.8"].filter((address) => !address.includes(":"));
    const ways = [
      ...tcp.map((address) => `exec 5<>/dev/tcp/${address}/${address === "1.1.1.1" ? 443 : port}`),
      "exec 5<>/dev/tcp/::1/22",
      "exec 5<>/dev/udp/8.8.8.8/53 && printf x >&5",
      "exec 5<>/dev/udp/127.0.0.53/53 && printf x >&5 && printf x >&5",
      "getent ahosts registry.npmjs.org",
      "getent hosts evil.example",
      "ping -c1 -W1 127.0.0.1 >/dev/null 2>&1 && ping -c1 -W1 1.1.1.1",
      "ls /run/docker.sock /var/run/docker.sock",
      "ls /run/dbus/system_bus_socket",
      'test -n "$SSH_AUTH_SOCK$DBUS_SESSION_BUS_ADDRESS$DISPLAY$XAUTHORITY$WAYLAND_DISPLAY"',
      "ls /tmp/.X11-unix /run/user",
      // Abstract sockets belong to the network namespace.
      "grep -q '@' /proc/net/unix",
      "ip link add veth0 type veth",
      "ip route add default dev lo",
      "unshare -rn true && nsenter -t 1 -n ip route show | grep -q default",
      "ls /proc/1/root/run/docker.sock",
      "cat /proc/net/arp | tail -n +2 | grep -q .",
      "tail -n +2 /proc/net/route | grep -q .",
    ];
    held("A45", ways.length, [...(await tried(ways)), ...(reached > 0 ? ["somebody answered"] : [])]);
  });

  test("A45: a service whose socket lies in what is shown", async () => {
    const path = join(fleet.control, "service.sock");
    const service = Bun.listen({
      unix: path,
      socket: { open: (socket) => void socket.end("SECRET"), data() {} },
    });
    chmodSync(path, 0o777);
    const client = `use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => "${path}") or exit 1; print <$s>`;
    const argv = ["/usr/bin/perl", "-e", client] as const;
    try {
      // Without walls it answers: else nothing would be tried.
      const { process: bare } = fleet.startBare({ argv, env: {}, cwd: "/" });
      expect(await bare.stdout.text()).toBe("SECRET");
      const ways = [`perl -e '${client}'`, `curl -s -m 5 --http0.9 --unix-socket ${path} http://x/`, `test -S ${path}`];
      held("A45", ways.length, await tried(ways));
    } finally {
      service.stop(true);
    }
  });

  test("A45, A46: by way of the proxy and its port", async () => {
    reached = 0;
    const targets = [
      ...["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "169.254.169.254", "host.docker.internal"].map(
        (host) => `${host}:${port}`,
      ),
      ...["127.0.0.1:3128", "127.0.0.1:22", "evil.com:443", "github.com:443", "api.anthropic.com:443", "1.1.1.1:443"],
      ...["registry.npmjs.org:80", "registry.npmjs.org.:443", "registry.npmjs.org.evil.com:443"],
    ];
    const proxy = (head: string) =>
      `exec 5<>/dev/tcp/127.0.0.1/3128 && printf '${head}' >&5 && head -1 <&5 | grep -q ' 200 '`;
    const ways = [
      ...targets.map((target) => proxy(`CONNECT ${target} HTTP/1.1\\r\\n\\r\\n`)),
      ...targets.map((target) => proxy(`GET http://${target}/ HTTP/1.1\\r\\nHost: registry.npmjs.org\\r\\n\\r\\n`)),
      `exec 5<>/dev/tcp/127.0.0.1/4010`,
      `curl -sf -m 5 --proxy http://127.0.0.1:3128 http://127.0.0.1:${port}/`,
      `curl -sf -m 5 --proxy http://127.0.0.1:3128 -p http://127.0.0.1:${port}/`,
      `curl -sf -m 5 --proxy socks5h://127.0.0.1:3128 http://127.0.0.1:${port}/`,
      `curl -sf -m 5 --unix-socket /run/claude-workers/3128.sock http://127.0.0.1:${port}/`,
      `git -c protocol.ext.allow=always ls-remote https://127.0.0.1:${port}/x`,
      "rm -f /run/claude-workers/3128.sock",
    ];
    const before = network.denied.length;
    const escaped = await tried(ways);
    expect(network.denied.length - before).toBeGreaterThan(targets.length);
    held("A45, A46", ways.length, [...escaped, ...(reached > 0 ? ["somebody answered"] : [])]);
  }, 60_000);

  /** Each try is a command of bash that succeeds when the attack does. */
  async function tried(ways: readonly string[]): Promise<string[]> {
    const script = ways
      .map(
        (way, at) =>
          `( ${way} ) > /tmp/out 2>&1 < /dev/null && echo "ESCAPED ${at}"; grep -qa SECRET /tmp/out && echo "ESCAPED ${at}"`,
      )
      .join("\n");
    fleet.put(join(fleet.cwd, "tries.sh"), `${script}\necho all tried\n`);
    const { out } = await fleet.run("timeout 50 bash tries.sh", { forwards: network.forwards });
    if (!out.endsWith("all tried\n")) return [`it ended early: ${out}`];
    return [...out.matchAll(/ESCAPED (\d+)/g)].map(([, at]) => ways[Number(at)] ?? "");
  }
}
