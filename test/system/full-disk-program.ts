/** Writes where there is no room: `full-disk-program.ts <folder on a disk of 64 KB>`. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { appendLine, createFolderOnce, createOnce, errorCode, replaceFile } from "../../src/system/files.ts";

const folder = Bun.argv[2] ?? "";
const large = "x".repeat(100_000);
const problems: string[] = [];

function refuses(what: string, work: () => unknown, code: string): void {
  try {
    work();
    problems.push(`${what} was not refused`);
  } catch (error) {
    if (errorCode(error) !== code) problems.push(`${what}: ${error}`);
  }
}
function same(what: string, is: unknown, expected: unknown): void {
  if (!Bun.deepEquals(is, expected)) problems.push(`${what}: ${JSON.stringify(is)}`);
}

createOnce(join(folder, "kept"), "old");
appendLine(join(folder, "log"), "one");
const before = readdirSync(folder).toSorted();
refuses("createOnce", () => createOnce(join(folder, "new"), large), "ENOSPC");
refuses("replaceFile", () => replaceFile(join(folder, "kept"), large), "ENOSPC");
refuses("createFolderOnce", () => createFolderOnce(join(folder, "f"), { small: "x", large }), "ENOSPC");
same("what is left", readdirSync(folder).toSorted(), before);
same("the old content", readFileSync(join(folder, "kept"), "utf8"), "old");

// A line that had room for its beginning only must not swallow the next one.
writeFileSync(join(folder, "filler"), "x".repeat(50_000));
refuses("appendLine", () => appendLine(join(folder, "log"), large), "ENOSPC");
rmSync(join(folder, "filler"));
appendLine(join(folder, "log"), "two");
same(
  "lines",
  readFileSync(join(folder, "log"), "utf8")
    .split("\n")
    .filter((line) => !/^x+$/.test(line)),
  ["one", "two", ""],
);

Bun.spawnSync(["mount", "-o", "remount,ro", folder]);
refuses("createOnce on a read-only disk", () => createOnce(join(folder, "new"), "x"), "EROFS");
refuses("replaceFile on a read-only disk", () => replaceFile(join(folder, "kept"), "x"), "EROFS");
same("the old content", readFileSync(join(folder, "kept"), "utf8"), "old");
console.log(problems.length === 0 ? "as promised" : problems.join("\n"));
