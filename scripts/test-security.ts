/**
 * Runs the tests that carry the id of an attack, and says how often each was tried, and how often it succeeded. A test of
 * test/security counts its tries by itself (test/support/attack.ts), another one is one try. These tests are part of
 * `npm test` as well.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attacks, idsIn, idsInSource } from "../test/security/attacks.ts";

const root = join(import.meta.dir, "..");
const folder = mkdtempSync(join(tmpdir(), "cw-attacks-"));
const noted = join(folder, "noted");
try {
  writeFileSync(noted, "");
  const files = [...new Bun.Glob("test/**/*.test.ts").scanSync(root)]
    .filter((file) => idsInSource(readFileSync(join(root, file), "utf8")).length > 0)
    .sort();
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "test.ts"), "-t", "\\b[AS]\\d{1,2}(, [AS]\\d{1,2})*: ", ...files],
    {
      cwd: root,
      env: { ...process.env, CW_ATTACKS: noted, CW_TEST_REPORTS: folder },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const said = (await child.stdout.text()).trimEnd().split("\n");
  const code = await child.exited;
  said.pop();
  if (said.length > 0) console.log(said.join("\n"));

  const tests = { passed: 0, failed: 0, skipped: 0 };
  const together = new Map<string, string>();
  const tried = new Map<string, { attempts: number; escaped: number }>();
  const count = (id: string, attempts: number, escaped: number) => {
    const before = tried.get(id) ?? { attempts: 0, escaped: 0 };
    tried.set(id, { attempts: before.attempts + attempts, escaped: before.escaped + escaped });
  };
  for (const line of readFileSync(noted, "utf8").split("\n").filter(Boolean)) {
    const { ids, attempts, escaped } = JSON.parse(line) as { ids: [string]; attempts: number; escaped: number };
    count(ids[0], attempts, escaped);
    for (const id of ids.slice(1)) together.set(id, ids[0]);
  }
  for (const { ids, file, failed, skipped } of testcases()) {
    tests[skipped ? "skipped" : failed ? "failed" : "passed"]++;
    if (skipped) continue;
    // What it noted itself is counted; a failure before it could is an attack that nothing proves to be held.
    const own = file.includes("test/security/");
    for (const id of own && failed && !tried.get(ids[0] ?? "")?.escaped ? ids.slice(0, 1) : own ? [] : ids)
      count(id, 1, failed ? 1 : 0);
  }

  const order = Object.keys(attacks).filter((id) => tried.has(id) || together.has(id));
  for (const id of order) {
    const { attempts = 0, escaped = 0 } = tried.get(id) ?? {};
    if (attempts === 0) {
      console.log(`${id.padEnd(4)}${(together.get(id) ?? "").padStart(7)} too    ${attacks[id]}`);
      continue;
    }
    console.log(
      `${id.padEnd(4)}${String(attempts).padStart(7)} tried${escaped ? `, ${escaped} ESCAPED` : ""}  ${attacks[id]}`,
    );
  }
  const sum = (key: "attempts" | "escaped") => [...tried.values()].reduce((all, one) => all + one[key], 0);
  const [all, escaped] = [sum("attempts"), sum("escaped")];
  console.log(
    `${order.length} attacks of the list; ${all} attacks tried, ${all - escaped} blocked, ${escaped} escaped`,
  );
  // What carries no id was not asked for, so it is not skipped either. A file that can't be loaded has no tests to fail.
  if (code !== 0 && tests.failed === 0) tests.failed = 1;
  console.log(`${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped`);
  process.exitCode = tests.failed > 0 || escaped > 0 || all === 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Of all reports: the tests that ran and carry ids, of their own or of their group. */
function testcases(): { ids: string[]; file: string; failed: boolean; skipped: boolean }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".xml"))
    .flatMap((name) => [
      ...readFileSync(join(folder, name), "utf8").matchAll(/<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g),
    ])
    .flatMap(([, attributes = "", , inner = ""]) => {
      const of = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
      const ids = [...new Set([of("name"), ...of("classname").split(" &gt; ")].flatMap(idsIn))];
      return ids.length === 0
        ? []
        : [{ ids, file: of("file"), failed: /<(?:failure|error)/.test(inner), skipped: inner.includes("<skipped") }];
    });
}
