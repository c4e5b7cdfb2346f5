/** What a mirror gives back, and what it never does: with the real git, against the local GitHub. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { Mirror } from "../../src/store/mirror.ts";
import { isTidyingDue, tidyMirror } from "../../src/store/tidy-mirror.ts";
import { limit, type Mirrors, openMirrors } from "../support/mirrors.ts";

let mirrors: Mirrors;
beforeAll(async () => {
  mirrors = await openMirrors();
});
afterAll(() => mirrors?.close());

let place: string;
let path: string;
let base: string;
const hour = 3600;
const seconds = () => Date.now() / 1000;

beforeEach(async () => {
  const cloned = await mirrors.cloned();
  place = cloned.place;
  path = join(place, "mirror.git");
  base = cloned.base;
  await cloned.mirror.forget();
});

const of = (attempt: string) => new Mirror(mirrors.settings, path, "acme/site", attempt);
const who = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" };

/** Work of an attempt as it comes out of its clone, large enough to be a pack of its own. @returns its head */
async function attemptWith(id: string): Promise<{ mirror: Mirror; head: string }> {
  const mirror = of(id);
  await mirror.fetch("main", null, limit);
  const clone = join(place, `clone-${id}`);
  await mirror.cloneTo(clone, "work", "main");
  for (let at = 0; at < 120; at++) fs.writeFileSync(join(clone, `file-${at}`), `${id} ${at}\n`);
  const bundle = join(place, `${id}.bundle`);
  const script = `git add -A && git commit -qm ${id} && git bundle create -q ${bundle} HEAD --not ${base}`;
  const ran = Bun.spawnSync(["/bin/sh", "-c", script], {
    cwd: clone,
    env: { PATH: mirrors.settings.toolPath, HOME: place, ...who },
  });
  if (ran.exitCode !== 0) throw new Error(ran.stderr.toString());
  return { mirror, head: await mirror.importBundle(bundle, limit) };
}

/** All that is there was written so long ago. */
function age(by: number): void {
  for (const name of fs.readdirSync(join(path, "objects"), { recursive: true, encoding: "utf8" })) {
    const file = join(path, "objects", name);
    if (fs.statSync(file).isFile()) fs.utimesSync(file, seconds() - by, seconds() - by);
  }
}

const packs = () => fs.readdirSync(join(path, "objects/pack")).filter((name) => name.endsWith(".pack"));
const has = async (sha: string) =>
  await of("00-1")
    .need(["rev-list", "--objects", "--quiet", sha], limit)
    .then(
      () => true,
      () => false,
    );
const sound = async () => await of("00-1").need(["fsck", "--connectivity-only"], limit);
const tidy = async (settings = mirrors.settings) => await tidyMirror(settings, path, limit);

test("objects of attempts that are over go, packs become one; a living attempt's, the base and what is new stay", async () => {
  const over = await attemptWith("01-7");
  await over.mirror.forget();
  const living = await attemptWith("02-3");
  age(3 * hour);
  const fresh = await attemptWith("03-1");
  await fresh.mirror.forget();
  expect(packs().length).toBeGreaterThan(2);
  expect(await tidy()).toBe(true);
  expect({
    over: await has(over.head),
    living: await has(living.head),
    fresh: await has(fresh.head),
    base: await has(base),
  }).toEqual({ over: false, living: true, fresh: true, base: true });
  expect(packs()).toHaveLength(2);
  expect(await living.mirror.forkOf(base, living.head, limit)).toBe(base);
  await sound();
  // Again, when that one is over and all is old: nothing but the base is left, and the next one begins with it.
  await living.mirror.forget();
  age(3 * hour);
  expect(await tidy()).toBe(true);
  expect([await has(living.head), await has(fresh.head), await has(base)]).toEqual([false, false, true]);
  await sound();
  const next = await attemptWith("01-8");
  expect(await has(next.head)).toBe(true);
});

test("what a restart goes on with stays, also when the branch is another's by now; a clone needs nothing of the mirror", async () => {
  const first = of("01-1");
  await first.fetch("main", null, limit);
  const tree = (await first.need(["rev-parse", `${base}^{tree}`], limit)).trim();
  const elsewhere = (await first.need(["commit-tree", tree, "-m", "gone"], limit, { env: who })).trim();
  await first.keepBase(elsewhere);
  await first.forget();
  age(3 * hour);
  expect(await tidy()).toBe(true);
  expect(await has(elsewhere)).toBe(true);
  const clone = join(place, "clone");
  fs.rmSync(path, { recursive: true });
  const ran = Bun.spawnSync(["git", "-C", clone, "fsck"], { env: { PATH: mirrors.settings.toolPath, HOME: place } });
  expect(ran.exitCode).toBe(0);
});

test("a claim that was found here is held while it is needed", async () => {
  const mirror = of("01-1");
  await mirror.fetch("main", null, limit);
  const tree = (await mirror.need(["rev-parse", `${base}^{tree}`], limit)).trim();
  const claim = await mirror.commitTree(tree, base, "a claim");
  await mirror.fetchClaim("refs/claims/none", claim, limit);
  age(3 * hour);
  expect(await tidy()).toBe(true);
  expect(await has(claim)).toBe(true);
});

test("killed at any point: nothing that is needed is gone, and the next one takes away what was left", async () => {
  await (await attemptWith("01-7")).mirror.forget();
  const living = await attemptWith("02-3");
  age(3 * hour);
  const before = packs();
  const program = join(place, "git");
  const hangs = (at: string) =>
    fs.writeFileSync(
      program,
      `#!/bin/sh\ncase " $* " in *" ${at} "*) echo half > ${path}/objects/pack/tmp_pack_1; exec sleep 60;; esac\nexec git "$@"\n`,
      { mode: 0o755 },
    );
  const killed = async (at: string) => {
    hangs(at);
    expect(await tidyMirror({ ...mirrors.settings, program }, path, 1500)).toBe(false);
    expect(await has(living.head)).toBe(true);
    await sound();
  };
  await killed("prune");
  await killed("pack-objects");
  expect(packs()).toEqual(before);
  await killed("prune-packed");
  // Between the index and its pack.
  fs.writeFileSync(join(path, `objects/pack/pack-${"0".repeat(40)}.pack`), "of one that is gone");
  age(3 * hour);
  expect(await tidy()).toBe(true);
  await sound();
  expect(packs()).toHaveLength(1);
  expect(fs.readdirSync(join(path, "objects/pack")).filter((name) => name.startsWith("tmp_"))).toEqual([]);
}, 20_000);

test("a pack that a fetch holds, or that git finds its objects in meanwhile, stays", async () => {
  const held = await attemptWith("01-7");
  await held.mirror.forget();
  age(3 * hour);
  for (const pack of packs()) fs.writeFileSync(join(path, "objects/pack", pack.replace(/pack$/, "keep")), "");
  expect(await tidy()).toBe(true);
  expect(await has(held.head)).toBe(true);
  for (const pack of packs()) fs.rmSync(join(path, "objects/pack", pack.replace(/pack$/, "keep")), { force: true });
  age(3 * hour);
  const program = join(place, "git");
  const touches = `case " $* " in *" pack-objects "*) touch ${path}/objects/pack/*.pack;; esac`;
  fs.writeFileSync(program, `#!/bin/sh\n${touches}\nexec git "$@"\n`, { mode: 0o755 });
  expect(await tidy({ ...mirrors.settings, program })).toBe(true);
  expect(await has(held.head)).toBe(true);
});

test("once a day; each hour where it gathers packs, loose objects or bytes", async () => {
  const at = (file: string, ago: number) => fs.utimesSync(join(path, file), seconds() - ago, seconds() - ago);
  expect(isTidyingDue(join(place, "no-such-mirror"))).toBe(false);
  expect(isTidyingDue(path)).toBe(false);
  at("HEAD", 25 * hour);
  expect(isTidyingDue(path)).toBe(true);
  expect(await tidy()).toBe(true);
  expect(isTidyingDue(path)).toBe(false);
  const after = (ago: number) => {
    at("tidied", ago);
    return isTidyingDue(path);
  };
  expect([after(2 * hour), after(25 * hour), after(-25 * hour)]).toEqual([false, true, true]);
  const large = join(path, "objects/pack/large");
  fs.writeFileSync(large, "");
  fs.truncateSync(large, 2 ** 30 + 1e6);
  expect([after(2 * hour), after(hour / 2)]).toEqual([true, false]);
  fs.rmSync(large);
  const many = (folder: string, end: string, count: number) => {
    fs.mkdirSync(join(path, "objects", folder), { recursive: true });
    for (let n = 0; n < count; n++) fs.writeFileSync(join(path, "objects", folder, `${n}${end}`), "");
    const due = after(2 * hour);
    for (let n = 0; n < count; n++) fs.rmSync(join(path, "objects", folder, `${n}${end}`));
    return due;
  };
  expect([many("pack", ".pack", 51), many("aa", "", 5001), many("pack", ".pack", 20)]).toEqual([true, true, false]);
});
