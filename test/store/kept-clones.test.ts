/** Clones that outlive their attempt: moved whole, through no link, bounded in number, given back to who goes on. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { type FleetPaths, fleetPaths } from "../../src/model/paths.ts";
import { giveBackClone, hasClone, keepClone, removeOldClones, removeOldWork } from "../../src/store/kept-clones.ts";
import { isOfTheMachine } from "../../src/system/machine-trouble.ts";
import { onSmallDisk } from "../support/small-disk.ts";
import { newFolder } from "../system/folder.ts";

const folder = newFolder(true);
afterAll(() => folder.remove());
let paths: FleetPaths;
const repo = "acme/site";
const task = (n: number) => ({ worker: "01", repo, n });
const kept = (n: number) => paths.attempt("01", n).clone;

beforeEach(() => {
  paths = fleetPaths(folder.in(crypto.randomUUID()));
});

function aClone(n: number, content = `work ${n}`): string {
  fs.mkdirSync(paths.attempt("01", n).folder, { recursive: true });
  const clone = paths.clone("01", repo);
  fs.mkdirSync(clone, { recursive: true });
  fs.writeFileSync(join(clone, "work"), content);
  return clone;
}

test("is moved whole, also one that not even its owner may enter; again it is where it was", () => {
  const clone = aClone(1);
  fs.chmodSync(clone, 0);
  expect(keepClone(paths, task(1))).toBe(".fleet/01/attempts/0001/clone");
  expect([fs.existsSync(clone), fs.readFileSync(join(kept(1), "work"), "utf8")]).toEqual([false, "work 1"]);
  aClone(1, "of another");
  expect(keepClone(paths, task(1))).toBe(".fleet/01/attempts/0001/clone");
  expect(fs.readFileSync(join(kept(1), "work"), "utf8")).toBe("work 1");
});

test("A10: no clone, or a link in its place or above it: nothing is kept, nothing elsewhere is moved", () => {
  const clone = aClone(1);
  const elsewhere = join(paths.root, "elsewhere");
  fs.renameSync(clone, elsewhere);
  expect(keepClone(paths, task(1))).toBeNull();
  fs.symlinkSync(elsewhere, clone);
  expect(keepClone(paths, task(1))).toBeNull();
  fs.rmSync(clone);
  fs.mkdirSync(join(paths.root, "above"));
  fs.renameSync(elsewhere, join(paths.root, "above/site"));
  fs.rmdirSync(dirname(clone));
  fs.symlinkSync(join(paths.root, "above"), dirname(clone));
  expect(keepClone(paths, task(1))).toBeNull();
  expect(fs.readFileSync(join(paths.root, "above/site/work"), "utf8")).toBe("work 1");
});

const root = process.getuid?.() === 0;
test.skipIf(!root)("one that can't be moved is trouble of the machine: its attempt stays open", async () => {
  aClone(1);
  fs.rmdirSync(paths.attempt("01", 1).folder);
  let thrown: unknown;
  await onSmallDisk(paths.attempt("01", 1).folder, 1, async () => {
    try {
      keepClone(paths, task(1));
    } catch (error) {
      thrown = error;
    }
  });
  expect([isOfTheMachine(thrown), String(thrown)]).toEqual([true, expect.stringMatching(/can't be moved.*EXDEV/)]);
  expect(fs.existsSync(join(paths.clone("01", repo), "work"))).toBe(true);
});

test("of each worker the three newest stay", async () => {
  for (const n of [1, 2, 9, 10, 11]) {
    aClone(n);
    keepClone(paths, task(n));
  }
  fs.mkdirSync(paths.attempt("01", 12).folder);
  await removeOldClones(paths, "01");
  expect([1, 2, 9, 10, 11].filter((n) => hasClone(paths, "01", n))).toEqual([9, 10, 11]);
});

test("where attempts can't be listed nothing is removed, and nobody is told: torture, errors, seed 71", async () => {
  aClone(1);
  const folder = dirname(paths.attempt("01", 1).folder);
  fs.rmSync(folder, { recursive: true });
  fs.writeFileSync(folder, "");
  await removeOldClones(paths, "01");
  expect(() => removeOldWork(paths, "01")).not.toThrow();
});

test("is given to the attempt that goes on with it, once, and never over another", () => {
  aClone(1);
  keepClone(paths, task(1));
  aClone(2);
  expect(giveBackClone(paths, task(2), 1)).toBe(false);
  fs.rmSync(paths.home("01"), { recursive: true });
  expect([giveBackClone(paths, task(2), 1), giveBackClone(paths, task(2), 1)]).toEqual([true, false]);
  expect(fs.readFileSync(join(paths.clone("01", repo), "work"), "utf8")).toBe("work 1");
  expect(hasClone(paths, "01", 1)).toBe(false);
});

test("of large patches and bundles the newest 2 GiB stay, of the newest attempt all; small ones stay for ever", () => {
  const mib = 1 << 20;
  const left = (sizes: readonly { patch?: number; branches?: number }[]) => {
    paths = fleetPaths(folder.in(crypto.randomUUID()));
    const files = sizes.flatMap((size, at) => {
      const { folder: of, patch, branches } = paths.attempt("01", 8 + at);
      fs.mkdirSync(of, { recursive: true });
      // Sparse: a size without the bytes.
      const write = (file: string, bytes = 0) => {
        fs.writeFileSync(file, "");
        fs.truncateSync(file, bytes * mib);
        return file;
      };
      return [
        ...(size.patch ? [write(patch, size.patch)] : []),
        ...(size.branches ? [write(branches, size.branches)] : []),
      ];
    });
    removeOldWork(paths, "01");
    return files.filter((file) => fs.existsSync(file)).map((file) => file.slice(file.indexOf("attempts/") + 9));
  };
  expect(left([{ patch: 1 }, { patch: 2, branches: 1 }, { patch: 600 }, { patch: 700, branches: 700 }])).toEqual([
    "0008/work.patch",
    "0009/work.patch",
    "0009/branches.bundle",
    "0010/work.patch",
    "0011/work.patch",
    "0011/branches.bundle",
  ]);
  expect(left([{ patch: 1 }, { patch: 2, branches: 1 }, { branches: 800 }, { patch: 700, branches: 700 }])).toEqual([
    "0008/work.patch",
    "0009/branches.bundle",
    "0011/work.patch",
    "0011/branches.bundle",
  ]);
  expect(left([{ patch: 9 }, { patch: 3000, branches: 3000 }])).toEqual(["0009/work.patch", "0009/branches.bundle"]);
});
