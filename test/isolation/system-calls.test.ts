/** System calls inside the real bubblewrap, as root and as an ordinary user: what is refused, and what programs need. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { held } from "../support/attack.ts";
import { everybody, type SmallFleet, smallFleet } from "./inside.ts";

const x64 = process.arch === "x64";
/** KEYCTL_GET_KEYRING_ID of the session; TIOCSTI, with and without bits that the kernel does not look at. */
const session = -3;
const typing = ["0x5412", "0x541c", "(1 << 32) + 0x5412"];

/** A call, and the only answer that is no escape: an errno. */
type Try = readonly [call: string, errno: number];
const keyrings: Try[] = x64
  ? [
      [`250, 0, ${session}, 1`, 1],
      [`248, $user, $name, $name, 1, ${session}`, 1],
      [`249, $user, $name, 0, ${session}`, 1],
    ]
  : [
      [`219, 0, ${session}, 1`, 1],
      [`217, $user, $name, $name, 1, ${session}`, 1],
      [`218, $user, $name, 0, ${session}`, 1],
    ];
const others: Try[] = [
  // AF_VSOCK, AF_PACKET, AF_ALG, AF_BLUETOOTH, AF_TIPC, AF_KEY
  ...[40, 17, 38, 31, 30, 15].map((family): Try => [`${x64 ? 41 : 198}, ${family}, 1, 0`, 97]),
  [`${x64 ? 53 : 199}, 30, 1, 0, $name`, 97],
  [`${x64 ? 41 : 198}, (1 << 32) + 40, 1, 0`, 97],
  ["425, 1, $name", 38],
  // PR_SET_MM_MAP, of a map that is none; PR_SET_MM_MAP_SIZE.
  ...[14, 15].map((what): Try => [`${x64 ? 157 : 167}, 35, ${what}, $name, 104, 0`, 1]),
  ...typing.map((request): Try => [`${x64 ? 16 : 29}, 0, ${request}, $name`, 1]),
  ...["65537", "1 << 40", "(1 << 32) + 1"].map((size): Try => [`${x64 ? 29 : 194}, 0, ${size}, 0777`, 22]),
  ...(x64 ? (["0x40000000 + 41, 40, 1, 0", "0x40000000 + 250, 0, -3, 1"] as const).map((call): Try => [call, 38]) : []),
];

describe.each(everybody)("as %s", (who) => {
  let fleet: SmallFleet;
  beforeAll(() => {
    fleet = smallFleet(who);
  });
  afterAll(() => fleet.remove());

  /** Perl is on every Debian, and can make any call. */
  async function escaped(tries: readonly Try[]): Promise<string[]> {
    const lines = tries.map(([call]) => `$r = syscall(${call}); print $r < 0 ? $! + 0 : "worked", "\n";`);
    writeFileSync(join(fleet.home, "calls.pl"), `$user = "user"; $name = "cw:x" . "\\0" x 200;\n${lines.join("\n")}\n`);
    const { out, err } = await fleet.run("perl $HOME/calls.pl");
    expect(err).toBe("");
    const answers = out.trim().split("\n");
    expect(answers.length).toBe(tries.length);
    return tries.flatMap(([call, errno], at) => (answers[at] === String(errno) ? [] : [`${call}: ${answers[at]}`]));
  }

  test("S36: the kernel's keyrings", async () => held("S36", keyrings.length, await escaped(keyrings)));
  test("S37: sockets, and ways past the filter", async () => held("S37", others.length, await escaped(others)));

  test.if(x64)("S37, S36: the numbers of 32-bit programs", async () => {
    const calls: [number, number, number, number][] = [
      [288, 0, session, 1],
      [359, 40, 1, 0],
      [102, 1, 0, 0],
      [117, 23, 0, 1 << 20],
      [54, 0, 0x5412, 0],
      [425, 1, 0, 0],
    ];
    const codes: string[] = [];
    for (const [at, call] of calls.entries()) {
      writeFileSync(join(fleet.home, `call-${at}`), program32(call), { mode: 0o755 });
      codes.push((await fleet.run(`( $HOME/call-${at} ) 2>/dev/null; echo $?`)).out.trim());
    }
    // A kernel without such programs ends them all.
    const known = codes.every((code) => code === "139") ? codes : ["1", "97", "38", "38", "1", "38"];
    held(
      "S37, S36",
      calls.length,
      codes.flatMap((code, at) => (code === known[at] ? [] : [`${calls[at]}: ${code}`])),
    );
  });

  // As root there are no namespaces inside, with or without the filter.
  test("what programs need stays: sockets, terminals, namespaces with mounts", async () => {
    const { out, err } = await fleet.run(`grep '^Seccomp:' /proc/self/status
      [ $(id -u) = 0 ] && echo mounted || unshare -Urmn --propagation unchanged sh -c 'mount -t tmpfs none /tmp && echo mounted'
      perl -e 'socket($s, $_, 1, 0) or print "$_: $!\\n" for 1, 2, 10; socket($s, 16, 3, 0) or print "netlink: $!\\n"'
      perl -e 'print defined(shmget(0, 65536, 0777)) ? "segment\\n" : $!'`);
    expect({ out, err }).toEqual({ out: "Seccomp:\t2\nmounted\nsegment\n", err: "" });
  });

  test.if(Bun.which("node") !== null)("node has its disk and its sockets", async () => {
    const script = `const net = require("node:net"), fs = require("node:fs");
      const server = net.createServer((socket) => socket.end("hello")).listen(0, "127.0.0.1", async () => {
        await fs.promises.writeFile("a.txt", "on disk");
        net.connect(server.address().port, "127.0.0.1").on("data", async (chunk) => {
          console.log(String(chunk), String(await fs.promises.readFile("a.txt")));
          process.exit();
        });
      });`;
    fleet.put(join(fleet.home, "try.js"), script);
    for (const ring of ["0", "1"]) {
      const { out, err } = await fleet.run(`UV_USE_IO_URING=${ring} ${Bun.which("node")} $HOME/try.js`);
      expect({ out, err }).toEqual({ out: "hello on disk\n", err: "" });
    }
  });
});

/** A program of 64 bits that makes one call as those of 32 do, and ends with its errno. */
function program32([number, ...args]: readonly [number, number, number, number]): Uint8Array {
  const word = (value: number) => [...new Uint8Array(new Uint32Array([value]).buffer)];
  const set = [0xb8, 0xbb, 0xb9, 0xba].flatMap((code, at) => [code, ...word([number, ...args][at] ?? 0)]);
  const negate = [0xf7, 0xd8, 0x89, 0xc3];
  const code = [...set, 0xcd, 0x80, ...negate, 0xb8, ...word(1), 0xcd, 0x80];
  const header = new DataView(new ArrayBuffer(120));
  const start = 0x400000;
  header.setUint32(0, 0x7f454c46);
  header.setUint32(4, 0x02010100);
  for (const [at, value] of [
    [16, 2],
    [18, 62],
    [52, 64],
    [54, 56],
    [56, 1],
    [68, 5],
  ] as const)
    header.setUint16(at, value, true);
  header.setUint32(20, 1, true);
  header.setUint32(64, 1, true);
  for (const [at, value] of [
    [24, start + 120],
    [32, 64],
    [80, start],
    [88, start],
    [96, 120 + code.length],
    [104, 120 + code.length],
    [112, 4096],
  ] as const)
    header.setBigUint64(at, BigInt(value), true);
  return new Uint8Array([...new Uint8Array(header.buffer), ...code]);
}
