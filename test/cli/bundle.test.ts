import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const checkout = realpathSync(join(import.meta.dir, "../.."));
const folder = realpathSync(mkdtempSync(join(tmpdir(), "cw bundle ")));
const dist = join(folder, "dist");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  cpSync(join(checkout, "bin"), join(folder, "bin"), { recursive: true, verbatimSymlinks: true });
  const build = Bun.spawn([process.execPath, join(checkout, "scripts/build.ts"), dist], {
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err] = await Promise.all([build.stdout.text(), build.stderr.text(), build.exited]);
  expect({ out, err, code: build.exitCode }).toEqual({ out: "", err: "", code: 0 });
}, 60_000);

function cw(...args: string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([join(folder, "bin/cw"), ...args], {
    cwd: "/",
    env: { PATH: `${join(checkout, "node_modules/.bin")}:/usr/bin:/bin`, HOME: folder },
  });
  return { out: String(stdout), err: String(stderr), code: exitCode };
}

test("runs from any directory, apart from the checkout", () => {
  const { version } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));
  expect(cw("--version")).toEqual({ out: `${version}\n`, err: "", code: 0 });
  expect(cw("--help")).toMatchObject({ out: expect.stringContaining("Usage: cw"), err: "", code: 0 });
  expect(cw("nonsense")).toMatchObject({ err: "unknown command nonsense (hint: cw --help)\n", code: 2 });
});

test("--version loads one small file: what is lazy in the source is lazy in the bundle", () => {
  const main = readFileSync(join(dist, "main.js"), "utf8");
  expect(
    new Bun.Transpiler({ loader: "js" }).scanImports(main).filter(({ kind }) => kind === "import-statement"),
  ).toEqual([]);
});

test("each large file has its bytecode beside it, and works without", () => {
  const kept = readdirSync(dist).filter((file) => file.endsWith(".js.jsc"));
  expect(kept).toEqual(
    expect.arrayContaining(["run.js.jsc", "index.js.jsc", "lib-octokit.js.jsc", "lib-secretlint.js.jsc"]),
  );
  const before = cw("status", "--json");
  expect(before).toMatchObject({ err: "", code: 0 });
  // As with another version of Bun: what it can't use, it passes over.
  writeFileSync(join(dist, "run.js.jsc"), "made by another Bun");
  expect(cw("status", "--json")).toEqual(before);
  rmSync(join(dist, "run.js.jsc"));
  expect(cw("status", "--json")).toEqual(before);
});

test("holds no path of the machine that built it", () => {
  const files = readdirSync(dist).filter((file) => /\.js(?:\.jsc)?$/.test(file));
  expect(files.filter((file) => readFileSync(join(dist, file)).includes(checkout))).toEqual([]);
});

test("carries the licences of what is in it", () => {
  const licences = readFileSync(join(dist, "THIRD-PARTY-LICENSES.txt"), "utf8");
  for (const name of ["citty", "consola", "zod", "fastest-levenshtein"])
    expect(licences).toMatch(new RegExp(`^${name} \\d`, "m"));
});

test.skipIf(!existsSync(join(checkout, "src/index.ts")))("the library has its declarations", () => {
  expect(existsSync(join(dist, "index.js"))).toBe(true);
  expect(existsSync(join(dist, "types/index.d.ts"))).toBe(true);
});
