/** Folders that are swapped for links at the full speed of a processor, while we give rights, remove and take over. */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { fleetPaths } from "../../src/model/paths.ts";
import { rebuildHome } from "../../src/store/homes.ts";
import { removeTree } from "../../src/system/remove.ts";
import { anIdentity } from "../model/records.ts";
import { held } from "../support/attack.ts";
import { ordinaryUser } from "../support/user.ts";
import { newFolder } from "../system/folder.ts";

const templates = join(import.meta.dir, "../../templates");
const folder = newFolder();
afterAll(() => folder.remove());
let base: string;
/** The operator's: what every link leads to. */
let outside: string;
beforeEach(() => {
  base = folder.in(crypto.randomUUID());
  outside = join(base, "outside");
  for (const path of ["inner", "inner/deep"]) fs.mkdirSync(join(outside, path), { recursive: true });
  for (const path of ["", "inner", "inner/deep"]) {
    fs.writeFileSync(join(outside, path, "file"), "precious");
    fs.chmodSync(join(outside, path), 0o750);
  }
});
const asIs = () =>
  ["", ...fs.readdirSync(outside, { recursive: true }).map(String).sort()].map(
    (path) => `${path} ${(fs.statSync(join(outside, path)).mode & 0o777).toString(8)}`,
  );

/** Enters that folder again and again, makes folders in it, and exchanges them so often for a link that leads outside. */
const swaps = (target: string, often: number) => `
  my $exchange = \`uname -m\` =~ /x86_64/ ? 316 : 276;
  umask 0;
  my @names = map { "a$_" } 1..3;
  for (;;) {
    mkdir("${target}");
    chdir("${target}") or next;
    for (@names) { mkdir $_; mkdir "$_/inner"; mkdir "$_/inner/deep" }
    symlink("${outside}", "$_.link") for @names;
    open(my $made, ">", "${base}/made");
    for (1..${often}) { for my $name (@names) { my $link = "$name.link"; syscall($exchange, -100, $name, -100, $link, 2) } }
  }`;

let racer: ReturnType<typeof Bun.spawn> | undefined;
afterEach(async () => {
  racer?.kill("SIGKILL");
  await racer?.exited;
});
function race(target: string, often: number): void {
  racer = Bun.spawn(["perl", "-e", swaps(target, often)], { cwd: base, stdout: "ignore" });
}
async function made(): Promise<void> {
  while (!fs.existsSync(join(base, "made"))) await Bun.sleep(1);
  fs.rmSync(join(base, "made"));
}

async function during(rounds: number, act: () => Promise<void>): Promise<void> {
  const before = asIs();
  const escaped: string[] = [];
  for (let at = 0; at < rounds && escaped.length === 0; at++) {
    await act();
    const after = asIs();
    if (after.join() !== before.join()) escaped.push(`round ${at}: ${after}`);
  }
  held("A13", rounds, escaped);
}

test("A13: a tree is removed", async () => {
  const tree = join(base, "tree");
  race(tree, 50);
  await made();
  await during(400, () => removeTree(tree));
}, 60_000);

test("A13: a HOME is made anew, and folders of it taken over", async () => {
  const paths = fleetPaths(join(base, "workers"));
  const home = paths.home("01");
  fs.mkdirSync(paths.root);
  race(join(base, "left"), 5000);
  await during(100, async () => {
    await made();
    fs.renameSync(join(base, "left"), home);
    await rebuildHome(paths, anIdentity, templates, ["a1/inner", "a2/inner/deep", "a3/inner"]);
    fs.rmSync(home, { recursive: true });
  });
}, 60_000);

test("folders that not even their owner may enter, one in another, are removed", async () => {
  // Root needs no rights: as somebody who does.
  const user = ordinaryUser();
  const tree = join(base, "tree");
  fs.chmodSync(folder.path, 0o755);
  fs.chmodSync(base, 0o777);
  const made = `mkdir -p ${tree}/a/b/c ${tree}/read-only; touch ${tree}/a/b/c/file ${tree}/read-only/file
    chmod 000 ${tree}/a/b/c ${tree}/a/b ${tree}/a; chmod 555 ${tree}/read-only`;
  const remove = `const { removeTree } = await import("${import.meta.resolve("../../src/system/remove.ts")}");
    await removeTree("${tree}");`;
  for (const argv of [
    ["/bin/sh", "-c", made],
    [process.execPath, "-e", remove],
  ]) {
    const ran = Bun.spawnSync(user.as(argv), { cwd: "/", env: { PATH: "/usr/bin:/bin" } });
    expect([ran.exitCode, ran.stderr.toString()]).toEqual([0, ""]);
  }
  expect(fs.readdirSync(base)).toEqual(["outside"]);
});
