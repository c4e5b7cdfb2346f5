/** The gate: a program begins only when its supervisor says so, and never after its supervisor's death. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../../src/model/command.ts";
import { gated, startChild } from "../../src/system/child.ts";
import { liveness } from "../../src/system/process.ts";
import { newFolder } from "./folder.ts";
import { alive, until } from "./processes.ts";

const folder = newFolder();
afterAll(() => folder.remove());

const command = (script: string, cookie = ""): Command =>
  gated({
    argv: ["/bin/sh", "-c", script],
    env: { PATH: "/usr/bin:/bin", CW_ATTEMPT_COOKIE: cookie },
    cwd: folder.path,
  });

describe("with go", () => {
  test("the program runs, and its input is what follows", async () => {
    const child = await startChild(command("cat; echo err >&2; exit 3"), folder.in("none.json"));
    expect(liveness(child.monitor)).toBe("alive");
    const out = new Response(child.stdout).text();
    const err = new Response(child.stderr).text();
    const input = `go\nline\0with NUL\n${"x".repeat(2 << 20)}`;
    await child.go(input);
    expect([await child.exited, await out, await err]).toEqual([{ code: 3, signal: null }, input, "err\n"]);
  });
  test("a program that does not read its input is no error", async () => {
    const child = await startChild(command("exit 0"), folder.in("none.json"));
    await child.go("x".repeat(4 << 20));
    expect((await child.exited).code).toBe(0);
  });
  test("A52: nothing of our environment reaches it", async () => {
    const child = await startChild({ ...command("env"), env: { PATH: "/usr/bin:/bin" } }, folder.in("none.json"));
    await child.go("");
    const names = (await new Response(child.stdout).text())
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0]);
    expect(names.filter((name) => !["PATH", "PWD", "go", "_", "OLDPWD", "SHLVL"].includes(name ?? ""))).toEqual([]);
  });
  test("A53: no descriptor of ours is open in it", async () => {
    const child = await startChild(command("exec ls -1 /proc/self/fd"), folder.in("none.json"));
    await child.go("");
    // The fourth is the listing's own.
    expect((await new Response(child.stdout).text()).trim().split("\n")).toEqual(["0", "1", "2", "3"]);
  });
});

describe("without", () => {
  for (const input of ["", "stop\n", "gone\n", " go\n", "g"]) {
    test(`${JSON.stringify(input)} is no go`, async () => {
      const file = folder.in(crypto.randomUUID());
      const { gate = [], argv, env, cwd } = command(`touch ${file}`);
      const child = Bun.spawn([...gate, ...argv], { env: { ...env }, cwd, stdin: new Blob([input]) });
      expect(await child.exited).not.toBe(0);
      expect(existsSync(file)).toBe(false);
    });
  }
  test("a supervisor that is killed before it says go: the program never was", async () => {
    const rounds = Array.from({ length: 4 }, async (_, round) => {
      const cookie = crypto.randomUUID();
      const file = folder.in(`ran-${round}`);
      const supervisor = Bun.spawn(
        [process.execPath, "--no-env-file", join(import.meta.dir, "gate-program.ts"), file, cookie],
        {
          env: {},
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      const [line] = (await supervisor.stdout.getReader().read()).value ?? [];
      expect(line).toBeDefined();
      expect(alive(cookie).length).toBeGreaterThan(0);
      supervisor.kill("SIGKILL");
      await supervisor.exited;
      await until(() => alive(cookie).length === 0, "the gate is gone");
      expect(existsSync(file)).toBe(false);
    });
    await Promise.all(rounds);
  });
});

describe("what can't be started", () => {
  test("says why", async () => {
    const missing: Command = { argv: ["/no/such/program"], env: {}, cwd: folder.path };
    await expect(startChild(missing, folder.in("none.json"))).rejects.toThrow(/no\/such\/program|ENOENT/);
  });
  test("one that ends before it tells who is inside: its own words", async () => {
    const broken: Command = {
      argv: ["/bin/sh", "-c", "echo no user namespaces >&2; exit 1"],
      env: {},
      cwd: folder.path,
      infoFd: 3,
    };
    await expect(startChild(broken, folder.in("info-1.json"))).rejects.toThrow(/did not start: no user namespaces/);
  });
  test("the file of who is inside must be new: a planted one is not written", async () => {
    await Bun.write(folder.in("planted.json"), "mine");
    const wrapped: Command = { argv: ["/bin/sh", "-c", "echo x >&3"], env: {}, cwd: folder.path, infoFd: 3 };
    await expect(startChild(wrapped, folder.in("planted.json"))).rejects.toThrow(/EEXIST/);
    expect(readFileSync(folder.in("planted.json"), "utf8")).toBe("mine");
  });
});
