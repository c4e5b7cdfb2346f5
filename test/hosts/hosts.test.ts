/** `--host` through a real ssh and a real sshd, to a program that says what reached it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oneAtATime } from "../../src/system/lock.ts";
import { until } from "../support/fleet.ts";
import { ordinaryUser } from "../support/user.ts";
import { noSsh, type Sshd, startSshd } from "./sshd.ts";

if (noSsh) test.skip(`ssh: ${noSsh}`, () => {});

const program = join(realpathSync(join(import.meta.dir, "../..")), "bin/cw");
const spy = `#!/bin/sh
[ "$1" = exit ] && exit "$2"
[ "$1" = both ] && { echo out; echo err >&2; exit 8; }
[ "$1" = cat ] && exec cat
[ "$1" = status ] && [ "$2" = --json ] && { cat "$0.json"; [ -e "$0.goes-on" ] && exec sleep 25; exit 0; }
[ "$1" = hang ] && { touch "$2"; exec sleep 100.4321; }
printf '%s\\0' "$@"
`;

describe.skipIf(noSsh !== null)("hosts", () => {
  let sshd: Sshd;
  let folder: string;
  let home: string;
  let there: string;

  beforeAll(async () => {
    const user = ordinaryUser();
    folder = user.folder();
    // The client may be another user than the server's.
    chmodSync(folder, 0o755);
    sshd = await startSshd(user, folder, { CW_SPY: "1" });
    home = join(folder, "home");
    mkdirSync(home, { mode: 0o700 });
    there = join(folder, "there");
    writeFileSync(there, spy, { mode: 0o755 });
    const added = await cw([
      "hosts",
      "add",
      "vps",
      `${sshd.user}@127.0.0.1`,
      "--port",
      String(sshd.port),
      "--command",
      there,
    ]);
    expect(added).toMatchObject({ code: 0, stdout: "vps: added (cw --host vps status)\n" });
  }, 60_000);
  afterAll(async () => {
    if (sshd === undefined) return;
    for (const name of (JSON.parse((await cw(["hosts", "list", "--json"])).stdout) as { name: string }[]).map(
      (h) => h.name,
    ))
      await cw(["hosts", "remove", name]);
    await sshd.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const start = (args: string[], env: Record<string, string> = {}) =>
    Bun.spawn([program, ...args], {
      env: { PATH: `${sshd.bin}:/usr/bin:/bin`, HOME: home, CW_ROOT: join(folder, "workers"), ...env },
      cwd: "/",
      stdio: ["pipe", "pipe", "pipe"],
    });
  async function cw(args: string[], input?: string | Uint8Array, env: Record<string, string> = {}) {
    const child = start(args, env);
    if (input !== undefined) child.stdin.write(input);
    void Promise.resolve(child.stdin.end()).catch(() => {});
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { stdout, stderr, code };
  }
  const add = async (name: string, address: string, port: number) =>
    expect((await cw(["hosts", "add", name, address, "--port", String(port), "--command", there])).code).toBe(0);

  test("add, list, add again, remove; private, and nothing that ssh could take for an option", async () => {
    await add("other", "somebody@127.0.0.1", 7);
    expect((await cw(["hosts", "add", "other", "somebody@127.0.0.1", "--port", "7", "--command", there])).stdout).toBe(
      "other: unchanged\n",
    );
    const list = await cw(["hosts", "list"]);
    expect(list.stdout).toMatch(/^HOST +ADDRESS +PORT +COMMAND\nother +somebody@127\.0\.0\.1 +7 .*\nvps /);
    const file = join(home, ".config/claude-workers/hosts.json");
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    expect((await cw(["hosts", "add", "x", "--", "-oProxyCommand=touch /tmp/x"])).code).toBe(2);
    expect(await cw(["hosts", "remove", "other"])).toMatchObject({ code: 0, stdout: "other: removed\n" });
    expect(await cw(["hosts", "remove", "other"])).toMatchObject({ code: 3 });
    expect((await cw(["--host", "vp", "status"])).stderr).toBe("there is no host vp (hint: did you mean vps?)\n");
    for (const args of [
      ["hosts"],
      ["hosts", "ad"],
      ["hosts", "add", "x"],
      ["hosts", "list", "x"],
      ["status", "--host"],
      ["--host", "a", "--host", "b", "status"],
    ])
      expect((await cw(args)).code).toBe(2);
  }, 60_000);

  test("six at once: each waits for its turn, and all are in the list", async () => {
    const HOME = join(folder, "home-of-many");
    const place = join(HOME, ".config/claude-workers");
    mkdirSync(HOME, { mode: 0o700 });
    const names = ["a", "b", "c", "d", "e", "f"];
    const adding = await oneAtATime(place, "hosts", async () => {
      const all = names.map((name) => cw(["hosts", "add", name, `x@${name}`], undefined, { HOME }));
      expect(await Promise.race([...all, Bun.sleep(2000)])).toBeUndefined();
      return all;
    });
    for (const { code, stdout } of await Promise.all(adding))
      expect([code, stdout]).toEqual([0, expect.stringContaining(": added")]);
    const list = async () => JSON.parse((await cw(["hosts", "list", "--json"], undefined, { HOME })).stdout);
    expect((await list()).map(({ name }: { name: string }) => name)).toEqual(names);
    await Promise.all(names.slice(1).map((name) => cw(["hosts", "remove", name], undefined, { HOME })));
    expect(await list()).toHaveLength(1);
  }, 60_000);

  test("arguments arrive to the byte, wherever --host stands", async () => {
    const args = ["dispatch", "-p", 'it\'s "$HOME" `id` \\ \n\t * é 😀 %', "", "--", "--host", "x", "-"];
    const wanted = args.map((arg) => `${arg}\0`).join("");
    expect(await cw(["--host", "vps", ...args])).toEqual({ stdout: wanted, stderr: "", code: 0 });
    expect((await cw(["dispatch", "--host=vps", ...args.slice(1)])).stdout).toBe(wanted);
    expect((await cw(["--json", "--root", "/x", "--host", "vps", "status", "01"])).stdout).toBe(
      "--json\0--root\0/x\0status\0" + "01\0",
    );
  }, 60_000);

  test("exit codes and both streams are those of the program there", async () => {
    for (const code of [0, 1, 5, 8, 42, 137])
      expect((await cw(["--host", "vps", "exit", String(code)])).code).toBe(code);
    expect(await cw(["--host", "vps", "both"])).toEqual({ stdout: "out\n", stderr: "err\n", code: 8 });
  }, 60_000);

  test("standard input goes to the one who reads it, 500 KB to the byte; nobody else waits for it", async () => {
    const text = "0123456789abcde\n".repeat(32_000);
    expect((await cw(["--host", "vps", "cat", "-p", "-"], text)).stdout).toBe(text);
    expect((await cw(["--host", "vps", "cat"], text)).stdout).toBe("");
    const child = start(["--host", "vps", "exit", "3"]);
    expect(await child.exited).toBe(3);
    await child.stdin.end();
  }, 60_000);

  test("one connection for many commands, its socket private; remove hangs up", async () => {
    await add("once", `${sshd.user}@127.0.0.1`, sshd.port);
    const accepted = () => sshd.log().split("Accepted publickey").length;
    const before = accepted();
    for (const _ of [1, 2, 3]) expect((await cw(["--host", "once", "exit", "0"])).code).toBe(0);
    expect(accepted()).toBe(before + 1);
    const runtime = `/run/user/${process.getuid?.()}/claude-workers`;
    const sockets = [runtime, join(home, ".config/claude-workers/ssh")].flatMap((place) => {
      try {
        expect(lstatSync(place).mode & 0o777).toBe(0o700);
        return readdirSync(place);
      } catch {
        return [];
      }
    });
    expect(sockets.length).toBeGreaterThan(0);
    expect(sockets.filter((name) => name.startsWith("log-"))).toEqual([]);
    await cw(["hosts", "remove", "once"]);
  }, 60_000);

  test("what ssh itself could not do is told apart, in its own words", async () => {
    await add("refused", "nobody@127.0.0.1", sshd.port);
    await add("closed", `${sshd.user}@127.0.0.1`, 1);
    await add("nowhere", "no-such-machine.invalid", 22);
    await add("stranger", `${sshd.user}@localhost`, sshd.port);
    const said = async (name: string, ...args: string[]) => {
      const { code, stdout, stderr } = await cw(["--host", name, "status", ...args]);
      expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
      return stderr;
    };
    expect(await said("refused")).toMatch(
      /^refused can't be reached: .*Permission denied.* \(hint: ssh-copy-id nobody@127\.0\.0\.1/,
    );
    expect(await said("closed")).toMatch(/^closed can't be reached: .*Connection refused/);
    expect(await said("nowhere")).toMatch(/^nowhere can't be reached: .*resolve hostname/);
    expect(await said("stranger")).toMatch(/Host key verification failed.*\(hint: ssh \S+@localhost by hand/);
    expect(JSON.parse(await said("closed", "--json")).error.code).toBe("environment");
    await cw(["hosts", "add", "vps2", `${sshd.user}@127.0.0.1`, "--port", String(sshd.port)]);
    expect(await said("vps2")).toMatch(/^vps2: there is no cw on .* \(hint: cw hosts add vps2 .* --command/);
    for (const name of ["refused", "closed", "nowhere", "stranger", "vps2"]) await cw(["hosts", "remove", name]);
  }, 120_000);

  test("a connection that breaks on the way is the transport's failure", async () => {
    await add("broken", `${sshd.user}@127.0.0.1`, sshd.port);
    const mark = join(folder, "sshd", "hangs");
    const child = start(["--host", "broken", "hang", mark]);
    await until("it runs there", () => lstatSync(mark, { throwIfNoEntry: false }) ?? null);
    const sleeping = processes("sleep 100.4321").find(({ parent }) => parent !== 1);
    for (const { pid } of processes("sshd: ").filter(
      ({ command }) => command.includes(`${sshd.user}`) && command.includes("@notty"),
    )) {
      if (ancestors(sleeping?.pid ?? 0).includes(pid)) process.kill(pid, "SIGKILL");
    }
    const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    expect({ code, stderr: stderr.slice(0, 27) }).toEqual({ code: 5, stderr: "broken can't be reached: th" });
    if (sleeping) process.kill(sleeping.pid, "SIGKILL");
    await cw(["hosts", "remove", "broken"]);
  }, 60_000);

  test.skipIf(Bun.which("script") === null)(
    "a terminal only for what uses one, and where there is one",
    async () => {
      // A server that is not root can't give terminals, so this one says what it was asked for.
      const asked = join(folder, "asked");
      mkdirSync(asked, { recursive: true });
      writeFileSync(
        join(asked, "ssh"),
        `#!/bin/sh\nfor word; do case $word in -[tT]) echo "asked $word";; esac; done\n`,
      );
      chmodSync(join(asked, "ssh"), 0o755);
      const onTerminal = async (words: string) => {
        const child = Bun.spawn(["script", "-qec", `${program} --host vps ${words}`, "/dev/null"], {
          env: { PATH: `${asked}:/usr/bin:/bin`, HOME: home, TERM: "xterm" },
          stdio: ["pipe", "pipe", "pipe"],
        });
        const text = await new Response(child.stdout).text();
        await child.stdin.end();
        return text.replaceAll("\r", "");
      };
      expect(await onTerminal("watch")).toBe("asked -t\n");
      expect(await onTerminal("watch --json")).toBe("asked -T\n");
      expect(await onTerminal("status")).toBe("asked -T\n");
      expect((await cw(["--host", "vps", "watch"], "", { PATH: `${asked}:/usr/bin:/bin` })).stdout).toBe("asked -T\n");
    },
    60_000,
  );

  test("status --all-hosts: side by side, the silent and the odd shown as such, within the time limit", async () => {
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    await add("silent", "x@127.0.0.1", silent.port);
    await add("closed", "x@127.0.0.1", 1);
    const tokens = { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 };
    const attempt = {
      id: "01-7",
      step: "agent",
      pid: 42,
      lastActivityAt: null,
      lastActivity: "\u001b[31mreads",
      parkedUntil: null,
      turns: 3,
      tokens,
      costUsd: 0.5,
    };
    const task = {
      repo: "acme/site",
      issue: 22,
      title: "t",
      model: "m",
      startedAt: "2026-11-21T00:00:00Z",
      elapsedMs: 5000,
    };
    const status = { root: "/w", workers: [{ id: "01", state: "busy", reason: null, task, attempt }] };
    writeFileSync(`${there}.json`, JSON.stringify({ ...status, later: 1 }));
    try {
      const started = Date.now();
      const { code, stdout } = await cw(["status", "--all-hosts", "--json"]);
      expect(Date.now() - started).toBeLessThan(30_000);
      expect(code).toBe(5);
      const { hosts } = JSON.parse(stdout);
      expect(hosts.map(({ host }: { host: string }) => host)).toEqual([null, "closed", "silent", "vps"]);
      expect(hosts[0]).toMatchObject({ root: join(folder, "workers"), workers: [], error: null });
      expect(hosts[1].error).toContain("Connection refused");
      expect(hosts[2].error).toMatch(/no answer within 10 s|timed out/);
      expect(hosts[3]).toEqual({ host: "vps", ...status, error: null });

      for (const name of ["silent", "closed"]) await cw(["hosts", "remove", name]);
      const text = await cw(["status", "--all-hosts"]);
      expect(text).toMatchObject({ code: 0, stderr: "" });
      expect(text.stdout).toMatch(
        /^this machine: .*\nno workers in .*\n\nvps: \/w\nWORKER .*\n01 +busy +acme\/site#22 .*reads\n$/,
      );
      expect(text.stdout).not.toContain("\u001b");

      const odd = {
        id: "01\u001b]0;owned\u0007",
        state: "busy",
        reason: null,
        task: { ...task, repo: "acme/\u001b[31msite\u202e", title: "\u009b31mt" },
        attempt: { ...attempt, step: "\u001b[2Jagent\r\n", parkedUntil: "\u001b[5nlater" },
      };
      const idle = { id: "02\u001b[31m", state: "crashed", reason: "\u001b[31mgone", task: null, attempt: null };
      writeFileSync(`${there}.json`, JSON.stringify({ root: "/\u001b[31mw", workers: [odd, idle] }));
      const hostile = await cw(["status", "--all-hosts"]);
      expect(hostile.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(hostile.stdout).toMatch(/\n01 +busy +acme\/site#22 +agent .*\n02 +crashed +gone\n$/);

      const endless = { ...status, more: "x".repeat(17 << 20) };
      writeFileSync(`${there}.json`, JSON.stringify(endless));
      // Who says that much, or goes on for that long, is not heard to the end.
      writeFileSync(`${there}.goes-on`, "");
      const asked = performance.now();
      expect((await cw(["status", "--all-hosts"])).stdout).toContain("vps: no answer: vps says more than 16 MiB\n");
      writeFileSync(`${there}.json`, "{}");
      expect((await cw(["status", "--all-hosts"])).stdout).toContain("vps can't be reached: no answer within 10 s\n");
      expect(performance.now() - asked).toBeLessThan(20_000);
      rmSync(`${there}.goes-on`);

      writeFileSync(`${there}.json`, '{"workers": 1}');
      expect((await cw(["status", "--all-hosts"])).stdout).toContain("vps: no answer: its answer is no status");
    } finally {
      silent.stop(true);
    }
  }, 120_000);
});

interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

function processes(text: string): Running[] {
  const { stdout } = Bun.spawnSync(["ps", "-eo", "pid=,ppid=,args="], { env: { PATH: "/usr/bin:/bin" } });
  return stdout
    .toString()
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((found) => found !== null)
    .map(([, pid, parent, command]) => ({ pid: Number(pid), parent: Number(parent), command: command ?? "" }))
    .filter(({ command }) => command.includes(text));
}

function ancestors(pid: number): number[] {
  const parents = new Map(processes("").map((one) => [one.pid, one.parent]));
  const found: number[] = [];
  for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at)) found.push(at);
  return found;
}
