import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bunFlags, bunPath, packageRoot } from "../../src/system/self.ts";

const checkout = realpathSync(join(import.meta.dir, "../.."));
const folder = realpathSync(mkdtempSync(join(tmpdir(), "cw launcher ")));
const planted = join(folder, "planted");
const hostile = join(folder, "hostile");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A package as npm lays it out, whose main program says how it was started. */
function installPackage(where: string): string {
  const target = join(folder, where, "claude-workers");
  cpSync(join(checkout, "bin"), join(target, "bin"), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(target, "dist"));
  const main = "console.log(JSON.stringify({ bun: process.execPath, argv: process.argv.slice(2), env: process.env }));";
  writeFileSync(join(target, "dist/main.js"), main);
  return target;
}

/** A Bun of its own path: hard links and copies of 100 MB are not needed, a link shows where it was found. */
function installBun(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\nFOUND='${path}' exec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  return path;
}

async function start(
  program: string,
  args: string[] = [],
  options: { cwd?: string; env?: Record<string, string> } = {},
) {
  const child = Bun.spawn([program, ...args], {
    cwd: options.cwd ?? folder,
    env: { PATH: "/usr/bin:/bin", HOME: folder, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out, err, code };
}

async function foundBun(program: string, options: { cwd?: string; env?: Record<string, string> } = {}) {
  const { out, err } = await start(program, [], options);
  expect(err).toBe("");
  return JSON.parse(out).env.FOUND;
}

beforeAll(() => {
  mkdirSync(join(hostile, "src/cli"), { recursive: true });
  mkdirSync(join(hostile, "node_modules/bun/bin"), { recursive: true });
  const evil = `require("fs").writeFileSync(${JSON.stringify(planted)}, "x");`;
  const evilFiles = ["evil.ts", "src/cli/main.ts", "index.ts", "node_modules/citty.ts", "node_modules/zod.ts"];
  for (const name of evilFiles) writeFileSync(join(hostile, name), evil);
  writeFileSync(join(hostile, "bunfig.toml"), 'preload = ["./evil.ts"]\n[run]\npreload = ["./evil.ts"]\n');
  writeFileSync(join(hostile, ".env"), "PLANTED=1\nCW_ROOT=/planted\n");
  writeFileSync(join(hostile, "package.json"), '{"imports":{"#x":"./evil.ts"},"main":"evil.ts","type":"commonjs"}');
  const paths = '{"compilerOptions":{"paths":{"*":["./evil.ts"]},"baseUrl":"."}}';
  for (const name of ["tsconfig.json", "jsconfig.json"]) writeFileSync(join(hostile, name), paths);
  for (const name of ["bun", "node_modules/bun/bin/bun.exe"]) {
    writeFileSync(join(hostile, name), `#!/bin/sh\necho x > '${planted}'\n`, { mode: 0o755 });
  }
});

describe("in a hostile current directory", () => {
  const environments: [string, Record<string, string>][] = [
    ["plain", {}],
    ["BUN_OPTIONS", { BUN_OPTIONS: `--preload ${join(hostile, "evil.ts")}` }],
    ["BUN_INSPECT_PRELOAD", { BUN_INSPECT_PRELOAD: join(hostile, "evil.ts") }],
    ["BUN_INSPECT", { BUN_INSPECT: "ws://127.0.0.1:0/x?wait=1" }],
    ["NODE_OPTIONS", { NODE_OPTIONS: `--require ${join(hostile, "evil.ts")}` }],
    ["relative PATH", { PATH: `.::node_modules/bun/bin:/usr/bin:/bin` }],
    ["a bunfig in HOME", { HOME: hostile, XDG_CONFIG_HOME: hostile }],
  ];
  for (const [name, env] of environments) {
    test(`A65: ${name}: nothing of it is executed or read`, async () => {
      writeFileSync(join(hostile, ".bunfig.toml"), 'preload = ["./evil.ts"]\n');
      const version = await start(join(checkout, "bin/cw"), ["--version"], { cwd: hostile, env });
      expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
      expect((await start(join(checkout, "bin/cw"), ["--help"], { cwd: hostile, env })).out).toContain("Usage: cw");
      const target = installPackage(`hostile ${name}/node_modules`);
      const bun = installBun(join(folder, `hostile ${name}/node_modules/bun/bin/bun.exe`));
      const { out } = await start(join(target, "bin/cw"), [], { cwd: hostile, env });
      expect(JSON.parse(out).env).toMatchObject({ FOUND: bun });
      expect(JSON.parse(out).env).not.toHaveProperty("PLANTED");
      expect(JSON.parse(out).env).not.toHaveProperty("CW_ROOT");
      expect(existsSync(planted)).toBe(false);
    });
  }

  test("the other programs of the package are started just as safely", async () => {
    const program = join(folder, "program.ts");
    writeFileSync(program, "console.log(process.env.PLANTED ?? 'clean');");
    expect((await start(bunPath, [...bunFlags(packageRoot), program], { cwd: hostile })).out).toBe("clean\n");
    expect(existsSync(planted)).toBe(false);
  });

  test("the traps themselves work: Bun without these flags falls into them", async () => {
    const program = join(folder, "program.ts");
    writeFileSync(program, "console.log(process.env.PLANTED ?? 'clean');");
    const [bunfig, tsconfig, envFile] = bunFlags(packageRoot);
    const without = async (...flags: string[]) => {
      const { out } = await start(bunPath, [...flags, program], { cwd: hostile });
      const fell = existsSync(planted) || out !== "clean\n";
      rmSync(planted, { force: true });
      return fell;
    };
    expect(await without(tsconfig, envFile)).toBe(true);
    expect(await without(bunfig, envFile)).toBe(true);
    expect(await without(bunfig, tsconfig)).toBe(true);
    expect(await without(bunfig, tsconfig, envFile)).toBe(false);
  });
});

describe("finds itself", () => {
  test("through absolute and relative links, chains of them, names with spaces", async () => {
    const links = join(folder, "links of mine");
    mkdirSync(join(links, "deeper"), { recursive: true });
    symlinkSync(join(checkout, "bin/claude-workers"), join(links, "absolute"));
    symlinkSync("../absolute", join(links, "deeper/relative"));
    symlinkSync("deeper/relative", join(links, "chain"));
    symlinkSync(links, join(folder, "folder link"));
    const programs = ["absolute", "deeper/relative", "chain"].flatMap((name) => [
      join(links, name),
      join(folder, "folder link", name),
    ]);
    for (const program of programs) expect((await start(program, ["--version"])).code).toBe(0);
    expect((await start("./chain", ["--version"], { cwd: links })).code).toBe(0);
    expect((await start("sh", ["chain", "--version"], { cwd: links })).code).toBe(0);
    expect((await start("chain", ["--version"], { env: { PATH: `${links}:/usr/bin:/bin` } })).code).toBe(0);
    expect((await start("/bin/sh", ["-c", "CDPATH=/usr ./chain --version"], { cwd: links })).code).toBe(0);
  });

  test("hands over its arguments as they are", async () => {
    const target = installPackage("arguments/node_modules");
    installBun(join(target, "node_modules/bun/bin/bun.exe"));
    const args = ["a b", "", "--", "-v", "$HOME", "*"];
    expect(JSON.parse((await start(join(target, "bin/claude-workers"), args)).out).argv).toEqual(args);
  });
});

describe("finds Bun", () => {
  test("its own first, then one beside it, then PATH", async () => {
    const target = installPackage("lib/node_modules");
    const program = join(target, "bin/cw");
    const onPath = installBun(join(folder, "on path/bun"));
    const env = { PATH: `${dirname(onPath)}:/usr/bin:/bin` };
    expect(await foundBun(program, { env })).toBe(onPath);
    const hoisted = installBun(join(folder, "lib/node_modules/bun/bin/bun.exe"));
    expect(await foundBun(program, { env })).toBe(hoisted);
    const nested = installBun(join(target, "node_modules/bun/bin/bun.exe"));
    expect(await foundBun(program, { env })).toBe(nested);
    expect(await foundBun(program)).toBe(nested);
  });

  test("the platform's package where no install script ran", async () => {
    const target = installPackage("no scripts/node_modules");
    writeFileSync(installBun(join(target, "node_modules/bun/bin/bun.exe")), "echo placeholder >&2; exit 1\n");
    const platform = installBun(join(target, "node_modules/@oven/bun-linux-x64/bin/bun"));
    expect(await foundBun(join(target, "bin/cw"))).toBe(platform);
  });

  test("not the build for the other C library, which older npm installs as well", async () => {
    const target = installPackage("other-libc/node_modules");
    const here = new Bun.Glob("ld-musl-*").scanSync({ cwd: "/lib" }).next().done ? "" : "-musl";
    const other = here === "" ? "-musl" : "";
    installBun(join(target, `node_modules/@oven/bun-linux-x64${other}/bin/bun`));
    const exe = installBun(join(target, "node_modules/bun/bin/bun.exe"));
    expect(await foundBun(join(target, "bin/cw"))).toBe(exe);
    const right = installBun(join(target, `node_modules/@oven/bun-linux-x64${here}/bin/bun`));
    expect(await foundBun(join(target, "bin/cw"))).toBe(right);
  });

  test("a folder beside the package counts only if npm made it", async () => {
    const target = installPackage("projects");
    const beside = installBun(join(folder, "projects/bun/bin/bun.exe"));
    expect((await start(join(target, "bin/cw"), [])).code).toBe(5);
    expect(existsSync(beside)).toBe(true);
  });

  test("without any: says so, exit 5", async () => {
    const target = installPackage("bare/node_modules");
    expect(
      await start(join(target, "bin/cw"), ["--version"], { cwd: hostile, env: { PATH: ".:/usr/bin:/bin" } }),
    ).toEqual({
      out: "",
      err: "claude-workers needs Bun 1.4 or newer, and finds it neither beside itself nor on PATH (hint: npm install -g bun)\n",
      code: 5,
    });
  });
});
