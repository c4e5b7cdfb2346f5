/** Files of the fleet: whole or not at all, private, never through a link, and the old content intact when the disk is full. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import {
  appendLine,
  createFolderOnce,
  createOnce,
  isFolder,
  makeFolder,
  readFrom,
  readOwn,
  replaceFile,
  sizeOf,
  sweep,
} from "../../src/system/files.ts";
import { newFolder } from "./folder.ts";

const root = process.getuid?.() === 0;
const folder = newFolder();
afterAll(() => folder.remove());
let at: string;
beforeEach(() => {
  at = folder.in(crypto.randomUUID());
  fs.mkdirSync(at);
});
const mode = (path: string) => (fs.lstatSync(path).mode & 0o777).toString(8);
const text = (path: string) => fs.readFileSync(path, "utf8");

describe("first wins", () => {
  test("a file is created once, and never rewritten", () => {
    expect(createOnce(join(at, "a"), "one")).toBe(true);
    expect(createOnce(join(at, "a"), "two")).toBe(false);
    expect(text(join(at, "a"))).toBe("one");
    expect(fs.readdirSync(at)).toEqual(["a"]);
  });
  test("A10, A12: whatever is there already wins: a link, a dangling link, a folder, a pipe", () => {
    fs.writeFileSync(join(at, "victim"), "mine");
    fs.symlinkSync(join(at, "victim"), join(at, "link"));
    fs.symlinkSync(join(at, "nowhere"), join(at, "dangling"));
    fs.mkdirSync(join(at, "folder"));
    Bun.spawnSync(["mkfifo", join(at, "pipe")]);
    for (const name of ["link", "dangling", "folder", "pipe"]) expect(createOnce(join(at, name), "x")).toBe(false);
    expect(text(join(at, "victim"))).toBe("mine");
    expect(fs.readdirSync(at).toSorted()).toEqual(["dangling", "folder", "link", "pipe", "victim"]);
  });
  test("a folder is created once, whole", () => {
    expect(createFolderOnce(join(at, "f"), { a: "1", b: "2" })).toBe(true);
    expect(createFolderOnce(join(at, "f"), { a: "3" })).toBe(false);
    expect([text(join(at, "f/a")), text(join(at, "f/b")), fs.readdirSync(at)]).toEqual(["1", "2", ["f"]]);
  });
  test("what a killed process left under its number is in nobody's way", () => {
    for (let serial = 0; serial < 100; serial++) {
      fs.mkdirSync(join(at, `.new-${process.pid}-${serial}-f`));
      fs.writeFileSync(join(at, `.new-${process.pid}-${serial}-a`), "half");
    }
    expect(createFolderOnce(join(at, "f"), { a: "1" })).toBe(true);
    expect(createOnce(join(at, "a"), "1")).toBe(true);
  });
  test("what killed writers left an hour ago is removed by whoever writes there next; what may be at work is not", () => {
    const long = new Date(Date.now() - 61 * 60_000);
    for (const name of [".new-x-a", ".new-y-f", "old"]) {
      if (name.endsWith("f")) fs.mkdirSync(join(at, name));
      fs.writeFileSync(join(at, name.endsWith("f") ? `${name}/task.json` : name), "half");
      fs.utimesSync(join(at, name), long, long);
    }
    fs.writeFileSync(join(at, ".new-z-a"), "half");
    createOnce(join(at, "a"), "1");
    expect(fs.readdirSync(at).toSorted()).toEqual([".new-z-a", "a", "old"]);
    sweep(at, 0);
    expect(fs.readdirSync(at).toSorted()).toEqual(["a", "old"]);
  });
  test("a writer whose file was swept away writes it once more", async () => {
    const program = join(import.meta.dir, "sweep-program.ts");
    const sweeper = Bun.spawn([process.execPath, program, at], { stdio: ["ignore", "pipe", "inherit"] });
    await sweeper.stdout.getReader().read();
    for (let n = 0; n < 50; n++) expect(createOnce(join(at, String(n)), `${n}`)).toBe(true);
    sweeper.kill();
    await sweeper.exited;
    expect(fs.readdirSync(at).filter((name) => text(join(at, name)) === name)).toHaveLength(50);
  });
});

test("A10: replacing goes through no link and leaves nothing beside it", () => {
  fs.writeFileSync(join(at, "victim"), "mine");
  fs.symlinkSync(join(at, "victim"), join(at, "a"));
  replaceFile(join(at, "a"), "new");
  expect([text(join(at, "victim")), text(join(at, "a")), fs.lstatSync(join(at, "a")).isFile()]).toEqual([
    "mine",
    "new",
    true,
  ]);
  fs.mkdirSync(join(at, "b"));
  expect(() => replaceFile(join(at, "b"), "x")).toThrow();
  expect(fs.readdirSync(at).toSorted()).toEqual(["a", "b", "victim"]);
});

test("A10: appending goes through no link", () => {
  fs.symlinkSync(join(at, "victim"), join(at, "log"));
  expect(() => appendLine(join(at, "log"), "x")).toThrow(/ELOOP/);
  expect(fs.existsSync(join(at, "victim"))).toBe(false);
  appendLine(join(at, "real"), "one");
  appendLine(join(at, "real"), "two", { sync: true });
  expect(text(join(at, "real"))).toBe("one\ntwo\n");
});

for (const umask of [0o000, 0o022, 0o077]) {
  test(`modes under umask ${umask.toString(8).padStart(3, "0")}`, () => {
    const before = process.umask(umask);
    try {
      makeFolder(join(at, "x/y/z"));
      createOnce(join(at, "once"), "");
      replaceFile(join(at, "replaced"), "");
      appendLine(join(at, "log"), "");
      createFolderOnce(join(at, "made"), { file: "" });
    } finally {
      process.umask(before);
    }
    expect(["x", "x/y", "x/y/z", "made"].map((name) => mode(join(at, name)))).toEqual(Array(4).fill("700"));
    expect(["once", "replaced", "log", "made/file"].map((name) => mode(join(at, name)))).toEqual(Array(4).fill("600"));
  });
}

describe("reading", () => {
  const refused: [what: string, make: (path: string) => unknown, reason: RegExp][] = [
    ["a link", (path) => fs.symlinkSync("/etc/hostname", path), /is a link$/],
    ["a dangling link", (path) => fs.symlinkSync("/nowhere", path), /is a link$/],
    ["a folder", (path) => fs.mkdirSync(path), /is not a regular file$/],
    ["a pipe, without waiting for its writer", (path) => Bun.spawnSync(["mkfifo", path]), /is not a regular file$/],
    ["a socket", (path) => socketAt(path), /can't be opened \(ENXIO\)$/],
    ["a sparse exabyte", (path) => sparse(path), /is larger than 1048576 bytes$/],
  ];
  if (root) {
    refused.push(["a device", (path) => Bun.spawnSync(["mknod", path, "c", "1", "5"]), /is not a regular file$/]);
    refused.push([
      "another user's",
      (path) => {
        fs.writeFileSync(path, "x");
        fs.chownSync(path, 65_534, 0);
      },
      /another user \(uid 65534\)$/,
    ]);
  }
  for (const [what, make, reason] of refused) {
    test(what, () => {
      make(join(at, "x"));
      const started = performance.now();
      expect(readOwn(join(at, "x"))).toEqual({ ok: false, reason: expect.stringMatching(reason) });
      // A file, whatever its size and owner, is read as far as was asked for; what is none is empty.
      const bytes = { "a sparse exabyte": 10, "another user's": 1 }[what] ?? 0;
      expect([...readFrom(join(at, "x"), 0, 10)]).toHaveLength(bytes);
      expect(performance.now() - started).toBeLessThan(1000);
    });
  }
  test("what is there, and what is not", () => {
    fs.writeFileSync(join(at, "x"), "ä\n");
    expect(readOwn(join(at, "x"))).toEqual({ ok: true, value: "ä\n" });
    expect(readOwn(join(at, "nothing"))).toBeNull();
    expect(readOwn(join(at, "x", "below"))).toBeNull();
    expect(readOwn(join(at, "x"), 2)).toMatchObject({ ok: false });
    expect([sizeOf(join(at, "x")), sizeOf(join(at, "nothing"))]).toEqual([3, 0]);
  });
  test("from an offset", () => {
    fs.writeFileSync(join(at, "x"), "0123456789");
    const from = (offset: number, most: number) => Buffer.from(readFrom(join(at, "x"), offset, most)).toString();
    expect([from(0, 4), from(8, 4), from(10, 4), from(99, 4), from(0, 0)]).toEqual(["0123", "89", "", "", ""]);
  });
  test("a link to a folder is no folder", () => {
    fs.symlinkSync(at, join(at, "link"));
    expect([isFolder(at), isFolder(join(at, "link")), isFolder(join(at, "nothing"))]).toEqual([true, false, false]);
  });
});

test("a full disk: an error that says so, the old content intact, nothing left beside it", () => {
  const ran = Bun.spawnSync([
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    'mount -t tmpfs -o size=64k tmpfs "$1" && exec "$2" --no-env-file "$3" "$1"',
    "sh",
    at,
    process.execPath,
    join(import.meta.dir, "full-disk-program.ts"),
  ]);
  if (!root && ran.exitCode !== 0) return; // Needs the right to mount.
  expect([ran.stderr.toString(), ran.stdout.toString()]).toEqual(["", "as promised\n"]);
});

function socketAt(path: string): void {
  Bun.listen({ unix: path, socket: { data() {} } }).unref();
}

function sparse(path: string): void {
  fs.writeFileSync(path, "");
  fs.truncateSync(path, 2 ** 40);
}

test.skipIf(Bun.which("strace") === null)("what was won stays won where its first name can't be removed", () => {
  const to = folder.in("won");
  const files = JSON.stringify(join(import.meta.dir, "../../src/system/files.ts"));
  const program = `console.log((await import(${files})).createOnce(${JSON.stringify(to)}, "x"))`;
  const strace = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=unlink,unlinkat"];
  const inject = ["-e", "inject=unlink,unlinkat:error=EIO"];
  const ran = Bun.spawnSync([...strace, ...inject, process.execPath, "--no-env-file", "-e", program], {
    env: { PATH: "/usr/bin:/bin", HOME: folder.path },
  });
  expect([ran.stdout.toString(), ran.stderr.toString()]).toEqual(["true\n", ""]);
  expect(fs.readFileSync(to, "utf8")).toBe("x");
});
