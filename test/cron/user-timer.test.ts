import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scopeCall, unitName } from "../../src/model/user-scope.ts";
import { timerExpression, units } from "../../src/model/user-timer.ts";

const folder = mkdtempSync(join(tmpdir(), "cw-units-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const analyze = Bun.which("systemd-analyze");
const run = (...args: string[]) => {
  const runtime = join(folder, "runtime");
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  const done = Bun.spawnSync([analyze ?? "", ...args], {
    env: { PATH: "/usr/bin:/bin", HOME: folder, XDG_RUNTIME_DIR: runtime },
  });
  return { code: done.exitCode, text: `${done.stdout}${done.stderr}` };
};
const tick = (root: string) => ({
  root,
  argv: ["/usr/bin/env", `PATH=${root}:/bin`, "/bin/true", "--root", root, "assign"],
  guard: null,
  log: `${root}/assign.log`,
});

test("the schedule is found again in the timer; each root has units of its own", () => {
  expect(timerExpression(units("0 9 1 * mon", tick("/w")).timer)).toBe("0 9 1 * mon");
  expect(unitName("/w")).toMatch(/^claude-workers-[0-9a-f]{8}$/);
  expect(unitName("/w")).not.toBe(unitName("/w2"));
});

test.skipIf(analyze === null)("systemd finds nothing wrong with them, whatever the root is called", () => {
  for (const [at, root] of ["/w", `/it's 100% "w" $HOME`, "/back\\slash"].entries()) {
    for (const expression of ["*/5 * * * *", "0 9 1 * mon", "30 4 1,15 6 *"]) {
      const { service, timer } = units(expression, tick(root));
      const files = [join(folder, `cw${at}.service`), join(folder, `cw${at}.timer`)];
      writeFileSync(files[0] ?? "", service);
      writeFileSync(files[1] ?? "", timer);
      expect(run("--user", "verify", "--recursive-errors=yes", ...files)).toEqual({ code: 0, text: "" });
    }
  }
});

test.skipIf(analyze === null)("systemd knows the hardening", () => {
  const file = join(folder, "hard.service");
  writeFileSync(file, units("* * * * *", tick("/w")).service);
  const { text } = run("security", "--offline=true", "--json=short", file);
  const found = JSON.parse(text) as { json_field?: string; name?: string; set?: boolean }[];
  const set = found.filter((one) => one.set).map((one) => one.json_field ?? one.name);
  for (const name of ["NoNewPrivileges", "RestrictRealtime", "RestrictSUIDSGID"]) expect(set).toContain(name);
});

test("a scope is asked for with one process in it, and limits, by the signature of systemd's own call", () => {
  expect(
    scopeCall("claude-workers-0123abcd-01-7", 4711, { memoryBytes: 8e9, processes: 4352 }).slice(6).join(" "),
  ).toBe(
    "StartTransientUnit ssa(sv)a(sa(sv)) claude-workers-0123abcd-01-7.scope fail 5 PIDs au 1 4711 CollectMode s inactive-or-failed MemoryMax t 8000000000 TasksMax t 4352 CPUWeight t 50 0",
  );
});
