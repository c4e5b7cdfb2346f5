/** Types, lint and format, unused code, conventions: side by side, one line each, the output of those that fail. */
import { join } from "node:path";

const bin = join(import.meta.dir, "../node_modules/.bin");
const parts: [name: string, ...argv: [string, ...string[]]][] = [
  ["types", join(bin, "tsc"), "-p", "."],
  ["lint and format", join(bin, "biome"), "ci", "--colors=off", "--error-on-warnings", "."],
  ["unused code", join(bin, "knip"), "--no-progress"],
  ["conventions", process.execPath, "test", "./test/conventions.test.ts"],
];

const results = await Promise.all(
  parts.map(async ([name, ...argv]) => {
    const started = performance.now();
    const child = Bun.spawn(argv, { cwd: join(import.meta.dir, ".."), stdio: ["ignore", "pipe", "pipe"] });
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${code === 0 ? "ok    " : "FAILED"}  ${name} (${seconds} s)`);
    if (code !== 0) console.log(`${out}${err}`);
    return code === 0;
  }),
);
process.exitCode = results.every(Boolean) ? 0 : 1;
