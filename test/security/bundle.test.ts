/** Crafted work: what an agent's git gives out, against the fleet's own repository. Each is refused, or arrives as data alone. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { FleetError } from "../../src/model/errors.ts";
import type { Mirror } from "../../src/store/mirror.ts";
import { changedBytes, differenceOf } from "../../src/store/new-commits.ts";
import { held } from "../support/attack.ts";
import { limit, type Mirrors, openMirrors } from "../support/mirrors.ts";

let mirrors: Mirrors;
beforeAll(async () => {
  mirrors = await openMirrors();
});
afterAll(() => mirrors?.close());

let place: string;
let mirror: Mirror;
let attempt: string;
let clone: string;
let base: string;
beforeEach(async () => {
  ({ place, mirror, attempt, clone, base } = await mirrors.cloned());
});

/** Git and a shell as the agent has them, in its clone. */
function agent(script: string): string {
  const who = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" };
  const ran = Bun.spawnSync(["/bin/sh", "-ec", script], {
    cwd: clone,
    env: {
      PATH: mirrors.settings.toolPath,
      HOME: clone,
      GIT_CONFIG_NOSYSTEM: "1",
      ...who,
      B: base,
      C: join(place, "canary"),
    },
  });
  if (ran.exitCode !== 0) throw new Error(`${script}: ${ran.stderr}`);
  return ran.stdout.toString().trim();
}
/** A commit of a tree that git itself would not make. */
function commitEntry(mode: string, name: string, content: string): void {
  fs.writeFileSync(join(place, "content"), content);
  const blob = agent("git hash-object -w ../content");
  const tree = Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(blob, "hex")]);
  fs.writeFileSync(join(place, "tree"), tree);
  agent(
    'tree=$(git hash-object -w -t tree --literally ../tree); git update-ref --no-deref HEAD "$(git commit-tree "$tree" -p HEAD -m evil)"',
  );
}

async function taken(): Promise<string | null> {
  const bundle = join(place, "work.bundle");
  agent(`git bundle create --quiet ${bundle} HEAD --not $B`);
  try {
    const head = await mirror.importBundle(bundle, limit);
    await differenceOf(mirror, base, head, limit);
    await mirror.savePatch(base, head, join(place, "work.patch"), limit);
    await mirror.changes(base, head, limit);
    return head;
  } catch (error) {
    expect(error).toBeInstanceOf(FleetError);
    return null;
  }
}
const canary = () => fs.existsSync(join(place, "canary"));
const fresh = async () => {
  fs.rmSync(clone, { recursive: true, force: true });
  await mirror.cloneTo(clone, "issue-1", "main");
};

test("S8, S9: trees with .git in any spelling, .gitmodules that are options: refused", async () => {
  const escaped: string[] = [];
  const bad: [entry: string, name: string, content: string][] = [
    ...[".git", ".GIT", ".gIt", "git~1", ".git ", ".g\u200cit", "..", "."].map((name): [string, string, string] => [
      "100644",
      name,
      "x",
    ]),
    ["100644", ".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch\n'],
    ["100644", ".gitmodules", '[submodule "../../x"]\n\tpath = x\n\turl = https://example.com/x\n'],
    ["100644", ".gitmodules", '[submodule "x"]\n\tpath = -x\n\turl = https://example.com/x\n'],
    ["120000", ".gitmodules", "/etc/passwd"],
  ];
  for (const [entry, name, content] of bad) {
    commitEntry(entry, name, content);
    const head = await taken();
    // A space or a joiner is an odd name on Linux and no more; every other spelling is `.git` somewhere.
    if (head !== null && !/ $/.test(name)) escaped.push(`${JSON.stringify(name)} ${content.slice(0, 40)}`);
    await fresh();
  }
  held("S8, S9", bad.length, escaped);
}, 60_000);

test("S10, S20: other refs of a bundle stay outside; a branch is never moved", async () => {
  const escaped: string[] = [];
  agent(`echo x > x; git add x; git commit -qm x; for r in heads/main tags/v1 claude-workers/claims/issue-1 heads/HEAD cw/02-1/base heads/refs/heads/main; do git update-ref refs/$r HEAD; done
    git bundle create --quiet ${join(place, "work.bundle")} --all HEAD --not $B`);
  const head = await mirror.importBundle(join(place, "work.bundle"), limit);
  const refs = Bun.spawnSync(["git", "--git-dir", join(place, "mirror.git"), "for-each-ref", "--format=%(refname)"], {
    env: { PATH: mirrors.settings.toolPath, HOME: mirrors.settings.home },
  })
    .stdout.toString()
    .trim()
    .split("\n");
  const own = [`refs/cw/${attempt}/base`, `refs/cw/${attempt}/head`, `refs/kept/${attempt.split("-")[0]}/now`];
  escaped.push(...refs.filter((ref) => !own.includes(ref)));
  // A folder where our branch should be, and a branch where its folder should be.
  await mirror.push([{ from: base, to: "refs/heads/issue-9/x", expect: "" }], limit, 0);
  const blocked = await mirror.push([{ from: head, to: "refs/heads/issue-9", expect: "" }], limit, 0);
  if (blocked.ok) escaped.push("a branch over a folder");
  const main = await mirror.push([{ from: head, to: "refs/heads/main", expect: "" }], limit, 0);
  if (main.ok) escaped.push("main was moved");
  held("S10, S20", 8, escaped);
});

test("S11, S12, S14: attributes, links, other histories arrive as data, and run nothing", async () => {
  const escaped: string[] = [];
  const tricks = [
    "printf '* filter=x diff=x merge=x export-subst ident text=auto\\n' > .gitattributes; echo '$Id$' > x; git add -A; git commit -qm x; for k in filter.x.clean filter.x.smudge diff.x.textconv diff.x.command merge.x.driver; do git config $k \"touch $C\"; done",
    "rm -f x; ln -s /etc/passwd x; git add x; git commit -qm link",
    "ln -s / slash; git add slash; git commit -qm slash",
    "git checkout -q --orphan other; echo x > x; git add x; git commit -qm orphan",
    "git commit -q --amend --allow-empty -m rewritten",
    "echo a > a; git add a; git commit -qm a; t=$(git rev-parse HEAD^{tree}); git update-ref HEAD $(git commit-tree $t -p HEAD -p $B -m merge)",
    "git replace $B $(git commit-tree $B^{tree} -m forged); echo y > y; git add y; git commit -qm y",
    "mkdir sub; cd sub; git init -q; git commit -q --allow-empty -m inner; cd ..; git -c advice.addEmbeddedRepo=false add sub; git commit -qm gitlink",
  ];
  for (const trick of tricks) {
    agent(trick);
    const head = await taken();
    if (canary()) escaped.push(trick);
    if (head !== null && !(await mirror.changes(base, head, limit))?.length && /orphan|link|y > y/.test(trick))
      escaped.push(`nothing is seen of: ${trick}`);
    fs.rmSync(join(place, "canary"), { force: true });
    await fresh();
  }
  held("S11, S12, S14", tricks.length, escaped);
}, 60_000);

test("S13: seventy megabytes in a small bundle are not looked through, and so not published", async () => {
  agent("head -c 68000000 /dev/zero | tr '\\0' x > big; git add big; git commit -qm big; rm big");
  const bundle = join(place, "work.bundle");
  agent(`git bundle create --quiet ${bundle} HEAD --not $B`);
  expect(fs.statSync(bundle).size).toBeLessThan(2 << 20);
  const head = await mirror.importBundle(bundle, limit);
  held("S13", 1, (await mirror.changes(base, head, limit)) === null ? [] : ["it was taken as a text"]);
}, 60_000);

test("S13: one blob under many names is counted once for each, before anything is written", async () => {
  const size = 20_000_000;
  agent(
    `b=$(head -c ${size} /dev/zero | tr '\\0' x | git hash-object -w --stdin); for n in $(seq 40); do git update-index --add --cacheinfo 100644,$b,big$n; done; git commit -qm bomb; git reset -q`,
  );
  const bundle = join(place, "work.bundle");
  agent(`git bundle create --quiet ${bundle} HEAD --not $B`);
  const small = fs.statSync(bundle).size;
  const head = await mirror.importBundle(bundle, limit);
  const bytes = await changedBytes(mirror, base, head, limit);
  held("S13", 1, small < 1 << 20 && bytes === 40 * size ? [] : [`${bytes} bytes`]);
}, 60_000);

test("S15: odd file names are one entry each", async () => {
  const names = [
    "a\nb",
    "\x1b[2Jx",
    'q"uote',
    "tab\tx",
    "-rf",
    "--output=x",
    "$(id)",
    "\u202egnp.exe",
    " lead",
    "a -> b",
  ];
  for (const name of names) fs.writeFileSync(join(clone, name), "x\n");
  agent("printf x > \"$(printf 'bad\\377utf8')\"; git add -A; git commit -qm names");
  const head = await taken();
  const { files } = await differenceOf(mirror, base, head ?? "", limit);
  held("S15", names.length + 1, files.length === names.length + 1 ? [] : [`${files.length} entries`]);
});
