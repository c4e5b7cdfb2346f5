/**
 * Runs the tests, each file in a process of its own, and ends with the line `N passed, N failed, N skipped`.
 * Files named *.alone.test.ts run after the others, one at a time. Arguments that are part of a test file's path choose
 * files; everything else goes to `bun test`.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
process.chdir(root);
const all = [...new Bun.Glob("test/**/*.test.ts").scanSync(root)].sort();

const filters: string[] = [];
const flags: string[] = [];
for (const [index, arg] of process.argv.slice(2).entries()) {
  const isValue = /^(?:-t|--[\w-]+)$/.test(process.argv[index + 1] ?? "") && index > 0;
  const path = arg.replace(/^\.\//, "");
  if (!isValue && !arg.startsWith("-") && all.some((file) => file.includes(path))) filters.push(path);
  else if (arg.startsWith("-") || isValue) flags.push(arg);
  else fail(`no test file is named like ${arg}`);
}
const chosen = filters.length === 0 ? all : all.filter((file) => filters.some((filter) => file.includes(filter)));
const alone = chosen.filter((file) => file.endsWith(".alone.test.ts"));
const together = chosen.filter((file) => !alone.includes(file));

const counts = { passed: 0, failed: 0, skipped: 0 };
/** Given by whoever reads the reports afterwards. */
const kept = process.env["CW_TEST_REPORTS"];
const folder = kept ?? mkdtempSync(join(tmpdir(), "cw-test-"));
let good = true;
try {
  // No more than there are processors: with one more on two it takes as long, and requests run into their short limits.
  good = (await run(together, Math.min(availableParallelism(), 4))) && good;
  good = (await run(alone, 1)) && good;
} finally {
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}
// A run that fails without a failed test (a file that can't be loaded) is a failure all the same.
if (!good && counts.failed === 0) counts.failed = 1;
const ran = counts.passed + counts.failed > 0;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = good && counts.failed === 0 && ran ? 0 : 1;

async function run(files: readonly string[], parallel: number): Promise<boolean> {
  if (files.length === 0) return true;
  const report = join(folder, `${parallel}.xml`);
  const child = Bun.spawn(
    [
      process.execPath,
      "test",
      `--parallel=${parallel}`,
      // Under load a test that starts real processes can take long; bunfig.toml has no such key.
      "--timeout=180000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...flags,
      ...files.map((file) => `./${file}`),
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const code = await child.exited;
  const summary = /<testsuites [^>]*>/.exec(readIfThere(report))?.[0] ?? "";
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(summary)?.[1] ?? 0);
  counts.failed += count("failures");
  counts.skipped += count("skipped");
  counts.passed += count("tests") - count("failures") - count("skipped");
  return code === 0;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function fail(message: string): never {
  console.error(message);
  console.log("0 passed, 1 failed, 0 skipped");
  process.exit(2);
}
