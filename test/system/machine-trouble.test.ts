import { expect, test } from "bun:test";
import { mkdtempSync, rmdirSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOfTheMachine, throwIfFull } from "../../src/system/machine-trouble.ts";

/** Has no room at all. */
const full = "/proc";
const words = "error: unable to create temporary file: No space left on device\nfatal: adding files failed";

test("a tool's word that there is no room is trouble of the machine", () => {
  let thrown: unknown = null;
  try {
    throwIfFull(words, full);
  } catch (error) {
    thrown = error;
  }
  expect(String(thrown)).toBe("Error: ENOSPC: no space left on device, write '/proc'");
  expect([isOfTheMachine(thrown), isOfTheMachine(new Error("", { cause: thrown }))]).toEqual([true, true]);
});

test("other words are not", () => {
  for (const text of ["", "fatal: bad object HEAD", "exit code 1"]) throwIfFull(text, full);
  expect(isOfTheMachine(new Error(words))).toBe(false);
});

test.skipIf(process.getuid?.() !== 0)("where there is little room, nobody is believed without a try", () => {
  const folder = mkdtempSync(join(tmpdir(), "cw-trouble-"));
  const program = `
    const { throwIfFull } = await import(${JSON.stringify(join(import.meta.dir, "../../src/system/machine-trouble.ts"))});
    const told = () => { try { throwIfFull(${JSON.stringify(words)}, ${JSON.stringify(folder)}); return "room"; } catch { return "full"; } };
    const first = told();
    require("node:fs").writeFileSync(${JSON.stringify(join(folder, "filling"))}, Buffer.alloc(300 << 20));
    console.log(first, told(), require("node:fs").readdirSync(${JSON.stringify(folder)}).join());`;
  const inside = `mount -t tmpfs -o size=500m none "$0" && exec "$1" --no-env-file -e "$2"`;
  const ran = Bun.spawnSync(["unshare", "-m", "sh", "-c", inside, folder, process.execPath, program]);
  rmdirSync(folder);
  expect([ran.stderr.toString(), ran.stdout.toString()]).toEqual(["", "room full filling\n"]);
});

const { bavail, bsize, ffree } = statfsSync(tmpdir());
test.skipIf(bavail * bsize < 5 * 2 ** 30 || ffree < 2_000_000)(
  "where there is room, nobody is believed that there is none",
  () => expect(() => throwIfFull(words, tmpdir())).not.toThrow(),
);
