/** Whom we signal: only the very process that a record names, never a stranger, never everybody. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  here,
  identify,
  liveness,
  livingCookies,
  lookOnce,
  self,
  signal,
  withCookie,
} from "../../src/system/process.ts";
import { ordinaryUser } from "../support/user.ts";
import { alive, linesOf, type Spawned, shell, until } from "./processes.ts";

const root = process.getuid?.() === 0;
const program = (name: string) =>
  [process.execPath, "--no-env-file", join(import.meta.dir, `${name}-program.ts`)] as const;
const children: Spawned[] = [];
const start = (script: string, cookie?: string) => {
  const child = shell(script, cookie);
  children.push(child);
  return child;
};
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
});

describe("identity", () => {
  test("of ourselves, of a child, of nobody", async () => {
    expect(liveness(self())).toBe("alive");
    const child = start("exec sleep 60");
    const one = identify(child.pid);
    expect(one).toMatchObject({ ...here(), pid: child.pid });
    expect(one && liveness(one)).toBe("alive");
    child.kill("SIGKILL");
    await child.exited;
    expect(one && liveness(one)).toBe("dead");
    for (const pid of [-1, 0, 1, 2 ** 22 + 1]) expect(identify(pid)).toBeNull();
  });
  test("a zombie that nobody reaps is dead, and is not signalled", async () => {
    // The shell becomes a program that never waits for its child.
    const parent = start("sh -c 'echo $$; exec true' & exec sleep 60");
    const [line = ""] = await linesOf(parent, 1);
    const zombie = () => identify(Number(line));
    await until(() => zombie() !== null && liveness(zombie() ?? self()) === "dead", "the child is a zombie");
    expect(signal(zombie() ?? self(), "SIGKILL")).toBe(false);
  });
});

describe("signal", () => {
  test("reaches the process that is meant", async () => {
    const child = start("exec sleep 60");
    expect(signal(identify(child.pid) ?? self(), "SIGTERM")).toBe(true);
    await child.exited;
    expect(child.signalCode).toBe("SIGTERM");
  });
  test("A14: spares a stranger with the same number, another boot, another machine, another namespace", () => {
    const child = start("exec sleep 60");
    const one = identify(child.pid) ?? self();
    for (const other of [{ startTime: "1" }, { bootId: "x" }, { machineId: "x" }, { pidNamespace: "pid:[1]" }])
      expect(signal({ ...one, ...other }, "SIGKILL")).toBe(false);
    expect(liveness(one)).toBe("alive");
  });
  test.skipIf(!Bun.which("strace"))("A14: never calls kill for 0, -1, 1 or nonsense (strace)", () => {
    const traced = Bun.spawnSync([
      "strace",
      "-f",
      "-qq",
      "-e",
      "trace=kill,tkill,pidfd_send_signal",
      ...program("signal"),
    ]);
    expect(traced.stdout.toString()).toBe("false\n".repeat(12));
    expect(traced.stderr.toString()).not.toMatch(/\bt?kill\(|pidfd_send_signal/);
  });
  test.skipIf(!root)("another user's process is not ours: no crash, no kill", () => {
    const user = ordinaryUser();
    if (!user.canRead(import.meta.path) || !user.canRead(process.execPath)) return; // A checkout that only root can read.
    const child = start("exec sleep 60");
    const [, , file] = program("signal-other");
    const asked = Bun.spawnSync(user.as([process.execPath, "--no-env-file", file, String(child.pid)]), {
      env: { PATH: "/usr/bin:/bin" },
    });
    expect(asked.stdout.toString()).toBe("alive false\n");
    expect(liveness(identify(child.pid) ?? self())).toBe("alive");
  });
  test("a number that is used again is a stranger's", () => {
    const inside = Bun.spawnSync(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", ...program("reuse")]);
    if (!root && inside.exitCode !== 0) return; // Needs the right to make pid namespaces.
    expect([inside.stdout.toString(), inside.stderr.toString()]).toEqual([
      "reused: dead, not signalled, stranger alive\n",
      "",
    ]);
  });
});

describe("cookies", () => {
  test("find children however they forked, and nobody else's", async () => {
    const cookie = crypto.randomUUID();
    const other = crypto.randomUUID();
    const child = start(
      "setsid sleep 61 & (setsid sh -c '(sleep 62 &)' &) ; nohup sleep 63 >/dev/null 2>&1 & exec sleep 60",
      cookie,
    );
    const stranger = start("exec sleep 60", other);
    const pids = (of: string) => withCookie(of).map(({ pid }) => pid);
    await until(() => alive(cookie).length === 4 && Bun.deepEquals(pids(cookie), alive(cookie)), "all four are found");
    const found = pids(cookie);
    expect(found).toContain(child.pid);
    expect(found).not.toContain(stranger.pid);
    expect(pids(other)).toEqual([stranger.pid]);
    const look = lookOnce();
    expect([cookie, other, crypto.randomUUID()].map((one) => look().has(one))).toEqual([true, true, false]);
    expect(withCookie(crypto.randomUUID())).toEqual([]);
    for (const one of withCookie(cookie)) signal(one, "SIGKILL");
    await until(() => alive(cookie).length === 0, "all are gone");
    await until(() => !livingCookies().has(cookie), "a new look finds none");
    expect(look().has(cookie)).toBe(true);
  });
});

test("a process that starts another program, and again, is found at each look", async () => {
  const cookie = crypto.randomUUID();
  const child = start(`export AGAIN='exec $^X, "-e", $ENV{AGAIN}'; exec perl -e "$AGAIN"`, cookie);
  for (let looks = 0; looks < 300; looks++) expect(livingCookies().has(cookie)).toBe(true);
  expect(child.exitCode).toBeNull();
});

/** It says that its environment is a gigabyte, of which no page is there: PR_SET_MM_MAP, with all else as it is. */
const vast = `
  open F, "/proc/self/stat"; @s = split / /, <F>; $n = 1 << 30;
  ($a = syscall(9, 0, $n, 1, 0x4022, -1, 0)) > 0 or die "mmap: $!";
  $m = pack "Q12L2", @s[25, 26, 44, 45, 46], syscall(12, 0), @s[27, 47, 48], $a, $a + $n, 0, 0, 0xffffffff;
  syscall(157, 35, 14, $m, 104, 0) == 0 or die "prctl: $!"; $| = 1; print "vast\n"; sleep 60`;

test.skipIf(process.arch !== "x64")("what a process calls its environment keeps no look, and no memory", async () => {
  const child = start(`exec perl -e '${vast.replaceAll("'", "")}'`);
  expect(await linesOf(child, 1)).toEqual(["vast"]);
  const looker = Bun.spawnSync([
    ...[process.execPath, "--no-env-file", "-e"],
    `const { livingCookies } = await import(${JSON.stringify(join(import.meta.dir, "../../src/system/process.ts"))});
     livingCookies();
     console.log(/VmHWM:\\s+(\\d+)/.exec(require("node:fs").readFileSync("/proc/self/status", "utf8"))[1]);`,
  ]);
  expect(looker.stderr.toString()).toBe("");
  expect(Number(looker.stdout) / 1024).toBeLessThan(500);
});

test("the kernel's files are where we read them", () => expect(existsSync("/proc/self/ns/pid")).toBe(true));
