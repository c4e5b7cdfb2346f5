/** A HOME that an agent has filled with traps is made anew: nothing outside of it changes, and nothing in it stays. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { fleetPaths } from "../../src/model/paths.ts";
import { rebuildHome } from "../../src/store/homes.ts";
import { anIdentity } from "../model/records.ts";
import { newFolder } from "../system/folder.ts";

const templates = join(import.meta.dir, "../../templates");
const kept = ["github", ".claude/projects"];
const folder = newFolder();
afterAll(() => folder.remove());
let paths: ReturnType<typeof fleetPaths>;
let home: string;
/** What a link would reach: it must be as it was. */
let outside: string;
beforeEach(() => {
  const base = folder.in(crypto.randomUUID());
  paths = fleetPaths(join(base, "workers"));
  home = paths.home("01");
  outside = join(base, "outside");
  fs.mkdirSync(home, { recursive: true });
  fs.mkdirSync(join(outside, "inner"), { recursive: true });
  fs.writeFileSync(join(outside, "precious"), "mine");
  fs.writeFileSync(join(outside, "inner/precious"), "mine");
});

const files = fs
  .readdirSync(join(templates, "worker"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(join(templates, "worker").length + 1));
const tree = (at: string) =>
  fs.readdirSync(at, { recursive: true, withFileTypes: true }).map((entry) => {
    const path = join(entry.parentPath, entry.name);
    const stat = fs.lstatSync(path);
    return `${path.slice(at.length)} ${stat.mode.toString(8)} ${stat.nlink} ${stat.isFile() ? fs.readFileSync(path, "utf8") : ""}`;
  });

async function rebuild(keep: readonly string[] = []): Promise<void> {
  await rebuildHome(paths, anIdentity, templates, keep);
}

/** The template, whole, and nothing else. */
function expectFresh(besides: readonly string[] = []): void {
  // The tool, since a listing of ours would go through links.
  const listing = Bun.spawnSync(["find", ".", "!", "-type", "d"], { cwd: home }).stdout.toString();
  const found = listing.split("\n").flatMap((line) => (line === "" ? [] : [line.slice(2)]));
  expect(found.toSorted()).toEqual([...files, ...besides].toSorted());
  for (const file of files) {
    const stat = fs.lstatSync(join(home, file));
    expect([file, stat.isFile(), stat.nlink, (stat.mode & 0o777).toString(8)]).toEqual([file, true, 1, "600"]);
    expect(fs.readFileSync(join(home, file), "utf8")).not.toMatch(/\{\{|planted/);
  }
  expect(fs.readFileSync(join(home, ".gitconfig"), "utf8")).toContain("01@example.com");
  expect(fs.existsSync(join(paths.trash, "01"))).toBe(false);
}

test("a worker without a HOME gets one", async () => {
  fs.rmSync(home, { recursive: true });
  await rebuild();
  expectFresh();
  expect(fs.statSync(home).mode & 0o777).toBe(0o700);
});

describe("A10, A11, A12, A18: at the place of each template file", () => {
  const traps: [what: string, plant: (path: string) => unknown][] = [
    ["other content", (path) => fs.writeFileSync(path, "planted")],
    ["a link to a file outside", (path) => fs.symlinkSync(join(outside, "precious"), path)],
    ["a link to a folder outside", (path) => fs.symlinkSync(outside, path)],
    ["a dangling link", (path) => fs.symlinkSync(join(outside, "new"), path)],
    ["a hard link to a file outside", (path) => fs.linkSync(join(outside, "precious"), path)],
    ["a folder", (path) => fs.mkdirSync(join(path, "planted"), { recursive: true })],
    ["a pipe", (path) => Bun.spawnSync(["mkfifo", path])],
    ["a file that nobody may write", (path) => fs.writeFileSync(path, "planted", { mode: 0 })],
  ];
  test.each(traps)("%s", async (_, plant) => {
    for (const file of files) {
      fs.mkdirSync(dirname(join(home, file)), { recursive: true });
      plant(join(home, file));
    }
    const names = fs.readdirSync(outside).toSorted();
    await rebuild(kept);
    expectFresh();
    expect(fs.readdirSync(outside).toSorted()).toEqual(names);
    expect([fs.readFileSync(join(outside, "precious"), "utf8"), fs.statSync(join(outside, "precious")).nlink]).toEqual([
      "mine",
      1,
    ]);
  });
});

describe("A10, A12: at the place of a folder", () => {
  for (const name of [".claude", ".claude/projects", ".config", ".config/git", "github", "github/acme"]) {
    test(`${name} is a link to one outside`, async () => {
      fs.mkdirSync(dirname(join(home, name)), { recursive: true });
      fs.symlinkSync(outside, join(home, name));
      const before = tree(outside);
      await rebuild(kept);
      expect(tree(outside)).toEqual(before);
      // `github/acme` lies inside of what is kept: it stays what it is, a link that only the agent may follow.
      const inside = name === "github/acme" ? ["github/acme"] : [];
      expectFresh(inside);
      if (inside.length === 0)
        expect(fs.lstatSync(join(home, name), { throwIfNoEntry: false })?.isSymbolicLink() ?? false).toBe(false);
    });
    test(`${name} is a file, a pipe`, async () => {
      for (const plant of [
        (path: string) => fs.writeFileSync(path, "planted"),
        (path: string) => Bun.spawnSync(["mkfifo", path]),
      ]) {
        fs.rmSync(home, { recursive: true, force: true });
        fs.mkdirSync(dirname(join(home, name)), { recursive: true });
        plant(join(home, name));
        await rebuild(kept);
        expectFresh(name === "github/acme" ? ["github/acme"] : []);
      }
    });
  }
  test("A10: HOME itself is a link: it is taken away, its target stays", async () => {
    fs.rmSync(home, { recursive: true });
    fs.symlinkSync(outside, home);
    const before = tree(outside);
    await rebuild(kept);
    expect(tree(outside)).toEqual(before);
    expect(fs.lstatSync(home).isDirectory()).toBe(true);
    expectFresh();
  });
});

test("clone and conversations are taken over when they are asked for, as they are, and nothing beside them", async () => {
  fs.mkdirSync(join(home, ".claude/projects/-x"), { recursive: true });
  fs.mkdirSync(join(home, "github/acme/site"), { recursive: true });
  for (const name of [".claude/projects/-x/a.jsonl", "github/acme/site/work", ".claude/planted", "planted"])
    fs.writeFileSync(join(home, name), "x");
  const inode = fs.statSync(join(home, "github")).ino;
  await rebuild(kept);
  expectFresh([".claude/projects/-x/a.jsonl", "github/acme/site/work"]);
  expect(fs.statSync(join(home, "github")).ino).toBe(inode);
  await rebuild();
  expectFresh();
});

test("A16: three thousand folders deep, files that nobody may remove, and many of them", async () => {
  // No path reaches the bottom: only a walk does.
  const script =
    'for (1..3000) { mkdir "d"; chdir "d" or die } open F, ">", "bottom"; chdir $ARGV[0]; mkdir "many"; chdir "many"; for (1..3000) { open F, ">", $_ } chmod 0, "."';
  const made = Bun.spawnSync(["perl", "-e", script, home], { cwd: home });
  expect(made.exitCode).toBe(0);
  await rebuild(kept);
  expectFresh();
}, 30_000);

test("what an earlier process left in the trash goes too", async () => {
  fs.mkdirSync(join(paths.trash, "01", "old"), { recursive: true });
  fs.writeFileSync(join(paths.trash, "01", "old/x"), "x");
  fs.mkdirSync(join(paths.trash, "02", "old"), { recursive: true });
  await rebuild();
  expectFresh();
  expect(fs.existsSync(join(paths.trash, "02/old"))).toBe(true);
});
