/** What a power cut would show, told by the system calls: content on disk before it has its name, the name before anybody goes on. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { newFolder } from "./folder.ts";

const folder = newFolder();
afterAll(() => folder.remove());
const files = JSON.stringify(join(import.meta.dir, "../../src/system/files.ts"));

/** Calls about that folder, each as its name and what it is about, random names as `new`. */
function calls(work: string): string[] {
  const trace = folder.in("trace");
  const program = `const files = await import(${files}); const at = ${JSON.stringify(folder.in("at"))}; files.makeFolder(at); ${work}`;
  const names = "openat,write,pwrite64,fsync,fdatasync,link,linkat,rename,renameat,renameat2,unlink,unlinkat,mkdir";
  const strace = ["strace", "-y", "-qqq", "-o", trace, "-e", `trace=${names}`];
  const ran = Bun.spawnSync([...strace, process.execPath, "--no-env-file", "-e", program], {
    env: { PATH: "/usr/bin:/bin", HOME: folder.path },
  });
  expect(ran.stderr.toString()).toBe("");
  return readFileSync(trace, "utf8")
    .split("\n")
    .filter((line) => line.includes(folder.in("at")) && !line.includes("O_RDONLY"))
    .map((line) => {
      const paths = [...line.matchAll(/(?:<|")(\/[^>"]*)(?:>|")/g)].map(([, path = ""]) =>
        path.replace(folder.in("at"), "").replace(/\.new-[0-9a-f-]{36}-[\w.]+/, "new"),
      );
      const about = [
        ...new Set(paths.filter((path) => path === "" || path.startsWith("/new") || path.startsWith("/x"))),
      ];
      return `${line.slice(0, line.indexOf("("))} ${about.join(" ")}`.trim();
    })
    .filter((call) => !call.startsWith("mkdir") || call !== "mkdir");
}

const strace = Bun.which("strace") !== null;

test.skipIf(!strace)("a record: written, synced, linked, its folder synced", () => {
  expect(calls(`files.createOnce(at + "/x", "content")`)).toEqual([
    ...["openat /new", "write /new", "fsync /new", "link /new /x", "unlink /new", "fsync"],
  ]);
});

test.skipIf(!strace)("a file that is replaced: never open for writing under its name", () => {
  const work = `files.replaceFile(at + "/x", "content")`;
  expect(calls(work)).toEqual(["openat /new", "write /new", "fsync /new", "rename /new /x", "fsync"]);
});

test.skipIf(!strace)("an attempt's folder: its files synced, and itself, before it has its number", () => {
  const work = `files.createFolderOnce(at + "/x2", { "task.json": "content" })`;
  expect(calls(work)).toEqual([
    ...["mkdir /new", "openat /new/task.json", "write /new/task.json", "fsync /new/task.json"],
    ...["fsync /new", "rename /new /x2", "fsync"],
  ]);
});

test.skipIf(!strace)("a note that has to be there first is synced", () => {
  const work = `files.appendLine(at + "/x3", "line", { sync: true })`;
  expect(calls(work)).toEqual(["openat /x3", "write /x3", "fsync /x3"]);
});
