import { expect, test } from "bun:test";
import { remoteLine, sshCommand } from "../../src/hosts/ssh.ts";
import { parseHost } from "../../src/model/host.ts";
import { shellLine, shellWord } from "../../src/model/quoting.ts";

/** Repeatable. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const nasty = [
  ..."'\"\\$`!#&|;<>()[]{}*?~^%=- \t\n\r\x07\x1b\x7f",
  "é",
  "\u202e",
  "😀",
  "'\\''",
  "$(id)",
  "--",
  "\\\n",
  "a",
  "Z",
  "0",
];

function words(count: number): string[] {
  const next = numbers(22);
  return Array.from({ length: count }, () =>
    Array.from({ length: next(12) }, () =>
      next(4) === 0 ? String.fromCodePoint(1 + next(0xd7ff)) : (nasty[next(nasty.length)] ?? ""),
    ).join(""),
  );
}

const shells = ["/bin/sh", "/bin/bash", "/usr/bin/zsh"].filter((shell) => Bun.which(shell) !== null);

test.each(shells)("A8: 10,000 strings arrive to the byte through %s", (shell) => {
  const all = words(10_000);
  for (let at = 0; at < all.length; at += 500) {
    const some = all.slice(at, at + 500);
    const line = shellLine(["/usr/bin/printf", "%s\\0", ...some]);
    const { stdout, stderr } = Bun.spawnSync([shell, "-c", line], { env: { LC_ALL: "C.UTF-8" } });
    expect(stderr.toString()).toBe("");
    expect(stdout.toString()).toBe(some.map((word) => `${word}\0`).join(""));
  }
});

test("and through the whole way of a remote line, twice quoted", () => {
  const all = words(2000);
  const line = remoteLine({ command: "/usr/bin/printf" }, ["%s\\0", ...all.slice(0, 300)]);
  for (const shell of shells) {
    const { stdout } = Bun.spawnSync([shell, "-c", line], { env: { PATH: "/usr/bin:/bin" } });
    expect(stdout.toString()).toBe(
      all
        .slice(0, 300)
        .map((word) => `${word}\0`)
        .join(""),
    );
  }
});

test("a NUL, which no argument can hold, is refused", () => {
  expect(() => shellWord("a\0b")).toThrow(RangeError);
});

test.each([
  ["true", [], 0],
  ["sh", ["-c", "exit 42"], 42],
  ["sh", ["-c", "exit 255"], 253],
  ["sh", ["-c", "exit 254"], 253],
  ["sh", ["-c", "kill -KILL $$"], 137],
  ["no-such-program", [], 254],
])("%s %p ends with %d", (command, argv, code) => {
  const line = remoteLine({ command }, argv);
  expect(Bun.spawnSync(["/bin/sh", "-c", line], { env: { PATH: "/usr/bin:/bin" } }).exitCode).toBe(code);
});

test("the ssh command", () => {
  const host = parseHost({ name: "vps", address: "worker@192.0.2.7", port: "2222", command: "cw" });
  const options = { program: "/usr/bin/ssh", log: "/l", connectSeconds: 10 };
  const words = sshCommand(host, ["status"], { ...options, terminal: false, control: "/c" });
  expect(words.slice(-8, -1)).toEqual(["-T", "-E", "/l", "-p", "2222", "--", "worker@192.0.2.7"]);
  expect(words).toContain("ControlPath=/c");
  expect(words).toContain("BatchMode=yes");
  const plain = sshCommand({ ...host, port: null }, ["watch"], { ...options, terminal: true, control: null });
  expect(plain).toContain("-t");
  expect(plain.join(" ")).not.toContain("Control");
});

const right = { name: "vps", address: "vps", command: "cw" };
test.each([
  { address: "-oProxyCommand=id" },
  { address: "worker@-oProxyCommand=id" },
  { address: "-l@vps" },
  { address: "a b" },
  { address: "a;id" },
  { address: "a\nb" },
  { address: "ssh://vps" },
  { address: "" },
  { name: "-x" },
  { name: "../x" },
  { name: "" },
  { name: "x".repeat(33) },
  { command: "-x" },
  { command: "~/bin/cw" },
  { command: "bin/cw" },
  { command: "cw status" },
  { port: "0" },
  { port: "65536" },
  { port: "-1" },
  { port: "22x" },
])("refuses %p", (wrong) => {
  expect(() => parseHost({ ...right, ...wrong })).toThrow(/^not /);
});

test.each(["vps", "worker@vps.example.org", "192.0.2.7", "w_1@2001:db8::7", "fe80::1%eth0", "_alias"])(
  "takes %p",
  (address) => {
    expect(parseHost({ ...right, address }).address).toBe(address);
  },
);
