import { afterAll, expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { uptimeMs, within } from "../../src/system/clock.ts";
import { oneAtATime } from "../../src/system/lock.ts";
import { runTool } from "../../src/system/tools.ts";
import { newFolder } from "./folder.ts";
import { alive, until } from "./processes.ts";

const folder = newFolder();
afterAll(() => folder.remove());
const env = { PATH: "/usr/bin:/bin" };

test("a tool's end is told, whatever it was", async () => {
  const ran = await runTool({
    argv: ["/bin/sh", "-c", "cat; echo err >&2; exit 3"],
    env,
    timeoutMs: 10_000,
    stdin: "in",
  });
  expect(ran).toEqual({ ok: false, code: 3, stdout: "in", stderr: "err\n", timedOut: false, missing: false });
  expect(await runTool({ argv: ["/no/such"], env, timeoutMs: 10_000 })).toMatchObject({ ok: false, missing: true });
  expect(await runTool({ argv: ["/bin/true"], env, timeoutMs: 10_000 })).toMatchObject({ ok: true, code: 0 });
});

test("no room for another process is said so, and is no bug", async () => {
  const program = `
    const { runTool } = await import(${JSON.stringify(join(import.meta.dir, "../../src/system/tools.ts"))});
    const { isOfTheMachine } = await import(${JSON.stringify(join(import.meta.dir, "../../src/system/machine-trouble.ts"))});
    const fs = await import("node:fs");
    const call = { argv: ["/bin/true"], env: {}, timeoutMs: 5000 };
    await runTool(call);
    for (;;) try { fs.openSync("/dev/null", "r") } catch { break }
    await runTool(call).catch((error) => fs.writeSync(1, error.code + " " + isOfTheMachine(error) + " " + error.message));`;
  const argv = ["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh", process.execPath, "--no-env-file", "-e", program];
  const { stdout, stderr } = Bun.spawnSync(argv, { env: { ...env, HOME: folder.path } });
  expect([stdout.toString(), stderr.toString()]).toEqual([
    "environment true /bin/true could not be started (EMFILE)",
    "",
  ]);
});

test("a tool inherits nothing and waits for no input", async () => {
  process.env["CW_TEST_CANARY"] = "x";
  const ran = await runTool({ argv: ["/bin/sh", "-c", "env; cat"], env: {}, timeoutMs: 10_000 });
  delete process.env["CW_TEST_CANARY"];
  expect(ran.stdout).not.toContain("CANARY");
});

test("a tool past its time is killed, even one that ignores TERM", async () => {
  const cookie = crypto.randomUUID();
  const argv = ["/bin/sh", "-c", "trap '' TERM; while :; do :; done"] as const;
  const ran = await runTool({ argv, env: { ...env, CW_ATTEMPT_COOKIE: cookie }, timeoutMs: 200 });
  expect(ran).toMatchObject({ ok: false, timedOut: true });
  await until(() => alive(cookie).length === 0, "it is gone");
});

test("what it says is kept to a limit, as bytes if asked for, and goes to a file without one", async () => {
  const flood = (bytes: number) => ["/bin/sh", "-c", `head -c ${bytes} /dev/zero`] as const;
  const ran = await runTool({ argv: flood(65 << 20), env, timeoutMs: 60_000 });
  expect([ran.ok, ran.timedOut]).toEqual([false, false]);
  const file = folder.in("output");
  const whole = await runTool({ argv: flood(65 << 20), env, timeoutMs: 60_000, stdoutFile: file });
  expect([whole.ok, whole.stdout, statSync(file).size]).toEqual([true, "", 65 << 20]);
  const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, at) => at));
  const echoed = { argv: ["/bin/cat"], env, timeoutMs: 10_000, stdin: bytes, encoding: "latin1" } as const;
  expect((await runTool(echoed)).stdout).toBe(bytes);
}, 120_000);

test("one that is killed is not waited for by its children's pipe", async () => {
  const cookie = crypto.randomUUID();
  const argv = ["/bin/sh", "-c", "echo said; sleep 1000 & wait"] as const;
  const ran = await runTool({ argv, env: { ...env, CW_ATTEMPT_COOKIE: cookie }, timeoutMs: 500 });
  expect(ran).toMatchObject({ ok: false, timedOut: true });
  for (const pid of alive(cookie)) process.kill(pid, "SIGKILL");
  await until(() => alive(cookie).length === 0, "it is gone");
});

test("a success whose words a child holds back is none", async () => {
  const cookie = crypto.randomUUID();
  const argv = ["/bin/sh", "-c", "echo said; sleep 1000 &"] as const;
  const ran = await runTool({ argv, env: { ...env, CW_ATTEMPT_COOKIE: cookie }, timeoutMs: 500 });
  expect(ran).toMatchObject({ ok: false, code: 0, stdout: "" });
  for (const pid of alive(cookie)) process.kill(pid, "SIGKILL");
  await until(() => alive(cookie).length === 0, "it is gone");
});

test("a program is looked for in the PATH that it is given, not in ours", async () => {
  writeFileSync(folder.in("own-tool"), "#!/bin/sh\necho own", { mode: 0o755 });
  const call = { argv: ["own-tool"], timeoutMs: 10_000 } as const;
  expect(await runTool({ ...call, env: { PATH: folder.path } })).toMatchObject({ ok: true, stdout: "own\n" });
  expect(await runTool({ ...call, env })).toMatchObject({ ok: false, missing: true });
  chmodSync(folder.in("own-tool"), 0o644);
  expect(await runTool({ ...call, argv: [folder.in("own-tool")], env })).toMatchObject({ ok: false, missing: false });
});

test("within: the work, or null, and no timer is left to hold the process", async () => {
  expect(await within(10_000, Promise.resolve(1))).toBe(1);
  expect(await within(5, new Promise(() => {}))).toBeNull();
  expect(within(10_000, Promise.reject(new Error("x")))).rejects.toThrow("x");
});

test("uptime is the kernel's, in ms", () => {
  const [seconds] = readFileSync("/proc/uptime", "utf8").split(" ");
  expect(Math.abs(uptimeMs() - Number(seconds) * 1000)).toBeLessThan(5000);
});

test("one at a time, in order of nothing but patience", async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await Bun.sleep(2);
    inside--;
  };
  await Promise.all(Array.from({ length: 20 }, () => oneAtATime(folder.in("locks"), "a", work)));
  expect([most, inside]).toEqual([1, 0]);
  await expect(oneAtATime(folder.in("locks"), "a", () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  await oneAtATime(folder.in("locks"), "a", work);
});

test("a lock whose holder was killed is no lock for long, and nobody has to remove it", async () => {
  const code = `
    import { oneAtATime } from ${JSON.stringify(`${import.meta.dir}/../../src/system/lock.ts`)};
    await oneAtATime(${JSON.stringify(folder.in("locks"))}, "b", () => { console.log("held"); return new Promise(() => setInterval(() => {}, 1000)); });`;
  const holder = Bun.spawn([process.execPath, "--no-env-file", "-e", code], {
    env: {},
    stdio: ["ignore", "pipe", "inherit"],
  });
  await holder.stdout.getReader().read();
  holder.kill("SIGKILL");
  await holder.exited;
  const started = performance.now();
  await oneAtATime(folder.in("locks"), "b", async () => {});
  expect(performance.now() - started).toBeLessThan(15_000);
}, 30_000);
