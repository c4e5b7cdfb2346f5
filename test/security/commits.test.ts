/** Commits that an agent forges, against what the fleet publishes of them: real git, the fleet's own repository. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { ownCommits } from "../../src/fleet/own-commits.ts";
import { Verdict } from "../../src/model/verdict.ts";
import { isWorkflow } from "../../src/model/workflows.ts";
import { Mirror } from "../../src/store/mirror.ts";
import { differenceOf, filesBeyond } from "../../src/store/new-commits.ts";
import { held } from "../support/attack.ts";
import { limit, type Mirrors, openMirrors } from "../support/mirrors.ts";

const who = { name: "Wörker 01", email: "worker-01@example.com" };
let mirrors: Mirrors;
beforeAll(async () => {
  mirrors = await openMirrors();
});
afterAll(() => mirrors?.close());

let place: string;
let mirror: Mirror;
let clone: string;
let base: string;
beforeEach(async () => {
  ({ place, mirror, clone, base } = await mirrors.cloned());
});

function shell(cwd: string, script: string, env: Record<string, string> = {}): string {
  const ran = Bun.spawnSync(["/bin/sh", "-ec", script], {
    cwd,
    env: {
      PATH: mirrors.settings.toolPath,
      HOME: cwd,
      GIT_CONFIG_NOSYSTEM: "1",
      B: base,
      GIT_AUTHOR_NAME: who.name,
      GIT_AUTHOR_EMAIL: who.email,
      GIT_COMMITTER_NAME: who.name,
      GIT_COMMITTER_EMAIL: who.email,
      ...env,
    },
  });
  if (ran.exitCode !== 0) throw new Error(`${script}: ${ran.stderr}`);
  return ran.stdout.toString().trim();
}
/** Git and a shell as the agent has them, in its clone; the mirrors.settings of the worker's HOME are in the environment. */
const agent = (script: string, env?: Record<string, string>) => shell(clone, script, env);
const inMirror = (script: string) => shell(join(place, "mirror.git"), script);
const commit = (message: string, env?: Record<string, string>) =>
  agent(`echo x >> x; git add x; git commit -q --cleanup=verbatim --allow-empty-message -m "$M"`, {
    M: message,
    ...env,
  });

/** What is published of it, after the fleet's own git has taken it in. */
async function published() {
  const bundle = join(place, "work.bundle");
  agent(`git bundle create --quiet ${bundle} HEAD --not $B`);
  const head = await mirror.importBundle(bundle, limit);
  const work = { head, difference: await differenceOf(mirror, base, head, limit) };
  return await ownCommits(mirror, who, { branch: "main", sha: base }, work, limit);
}
const listed = (from: string, format: string, not = base) =>
  inMirror(`git log --reverse --topo-order --format='${format}' ${from} --not ${not}`);

test("what is as it should be stays the very commit that the agent made", async () => {
  commit("Add x\n\nBecause of it:\n\tcode, ✨ and é\n");
  commit("Add more\n");
  const { head } = await published();
  expect(head).toBe(agent("git rev-parse HEAD"));
});

test("A60: authors, committers, trailers and signatures of others", async () => {
  const escaped: string[] = [];
  const trailers = [
    "Co-authored-by: Linus Torvalds <torvalds@linux-foundation.org>",
    "CO-AUTHORED-BY: mail@example.com <mail@example.com>",
    "  Signed-off-by: The Boss <boss@acme.example>",
    "Reviewed-by: x <x@example.com>\nAcked-by : y <y@example.com>",
    "on-behalf-of: @acme <acme@example.com>",
    "Co-authored-by:\u200b zero <zero@example.com>",
    "C\u200bo-authored-by: zero <zero@example.com>",
    "Co-authored-by: folded\n <folded@example.com>",
  ];
  const people = ["GIT_AUTHOR", "GIT_COMMITTER"].flatMap((role) => [
    { [`${role}_NAME`]: "The Boss" },
    { [`${role}_EMAIL`]: "boss@acme.example" },
    { [`${role}_NAME`]: "GitHub", [`${role}_EMAIL`]: "noreply@github.com" },
  ]);
  for (const env of people) commit("One\n", env as Record<string, string>);
  for (const trailer of trailers) commit(`Two\n\nText.\n\n${trailer}\n`);
  for (const header of [
    "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----",
    "encoding ISO-8859-1",
    "x-approved-by The Boss <boss@acme.example>",
  ]) {
    agent(
      `{ git cat-file commit HEAD | sed '/^$/,$d'; printf '%s\\n\\n%s\\n' "$H" Three; } > ../raw; git update-ref HEAD $(git hash-object -t commit -w --literally ../raw)`,
      { H: header },
    );
    commit("Four\n");
  }
  const { head } = await published();
  const lines = listed(head, "%an <%ae>|%cn <%ce>|%(trailers:only,separator=%x2C)|%GS%GK%e");
  const own = `${who.name} <${who.email}>`;
  for (const line of lines.split("\n")) if (line !== `${own}|${own}||`) escaped.push(line);
  if (/boss|torvalds|gpgsig|approved/i.test(inMirror(`git rev-list ${head} --not ${base} | git cat-file --batch`)))
    escaped.push("a name is left somewhere");
  // Same content in the same order.
  const trees = (tip: string) => listed(tip, "%T %aI %cI");
  expect(trees(head)).toBe(agent("git log --reverse --topo-order --format='%T %aI %cI' HEAD --not $B"));
  expect(lines.split("\n")).toHaveLength(people.length + trailers.length + 3);
  held("A60", people.length + trailers.length + 3, escaped);
}, 60_000);

test("S23, S24, S34: messages that close issues, call people, leave checks out, or hide something", async () => {
  const messages = [
    "Fixes #7\n",
    "closes acme/other#1, RESOLVED: GH-2, fix https://github.com/acme/site/issues/3\n",
    "fixes\n#4\n",
    "Fixes\u200b #5\n",
    "Resolve \u202e#6\n",
    "Thanks @alice and @acme/team\n",
    "[skip ci] x\n",
    "x [CI SKIP]\n\n[no ci][skip actions][actions skip]\n",
    "x\n\n\nskip-checks: true\n",
    "Closes:#30, closes#31, closes [it](https://github.com/acme/site/issues/50)\n",
    "Because of #1, acme/other#2, GH-3, https://github.com/acme/site/pull/4\n",
    "x\n\n/approve\n  /close\n",
    "***NO_CI***\n",
    "[skip azurepipelines] [appveyor skip] [ci-skip]\n",
    "\u001b[31mred\u0007\u009b2J\n",
    "",
    "\u200b\n",
    `${"@a fixes #1 ".repeat(5000)}\n`,
  ];
  for (const message of messages) commit(message);
  const escaped: string[] = [];
  const { head } = await published();
  const said = listed(head, "%B%x00").split("\0\n");
  const acted =
    /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)[:\s]*(?:#|\[|GH-|http)|#\d|GH-\d|\/(?:issues|pull)\/\d|@[a-z0-9]|\[[\w-]*[ -]?(?:skip|no)[ -]?\w*\]|\*NO_CI|^\s*\/[a-z]|skip-checks:/im;
  for (const message of said) {
    const found = acted.exec(message) ?? /[^\P{Cc}\n\t\0]|[\u200b\u202e]/u.exec(message);
    if (found || message.trim() === "" || message.length > 60_000) escaped.push(JSON.stringify(message.slice(0, 80)));
  }
  expect(said).toHaveLength(messages.length);
  expect(said[0]?.replaceAll("\u2060", "")).toContain("Fixes #7");
  held("S23, S24, S34", messages.length, escaped);

  // A crash and another go give the same commits, and what is clean by now stays.
  expect((await published()).head).toBe(head);
  agent(`git fetch -q ${join(place, "mirror.git")} ${head} && git reset -q --hard ${head}`);
  expect((await published()).head).toBe(head);
}, 60_000);

test("A60: a side branch, a history of its own, and what others have merged meanwhile", async () => {
  const boss = { GIT_AUTHOR_NAME: "The Boss", GIT_AUTHOR_EMAIL: "boss@acme.example" };
  const main = mirrors.site.github.repo("acme/site");
  const theirs = await main.push({ files: { "theirs.txt": "x" }, message: "Theirs, fixes #1" });
  await new Mirror(mirrors.settings, join(place, "github.git"), "acme/site", "other").fetch("main", null, limit);
  agent("git checkout -q -b side");
  commit("Side\n", boss);
  agent(
    `git checkout -q issue-1; echo y > y; git add y; git commit -qm y; git merge -q --no-ff -m "Merge @side" side
    git fetch -q ../github.git refs/cw/other/base
    git merge -q -m "Merge main" FETCH_HEAD
    git checkout -q --orphan other; git commit -qm orphan; git checkout -q issue-1
    git merge -q --allow-unrelated-histories -X ours -m "Merge other" other`,
    boss,
  );
  const { head, difference, fork } = await published();
  const escaped = listed(head, "%an|%cn|%s", `${base} ${theirs}`)
    .split("\n")
    .filter((line) => line.includes("Boss") || line.includes("@side"));
  // Theirs are the same commits as on GitHub, so they are no part of the change.
  expect(inMirror(`git merge-base ${head} ${theirs}`)).toBe(theirs);
  expect(fork).toBe(theirs);
  expect([...difference.files].sort()).toEqual(["x", "y"]);
  expect(listed(head, "%an", theirs).split("\n")).toHaveLength(6);
  expect(inMirror(`git rev-parse ${head}^{tree}`)).toBe(agent("git rev-parse HEAD^{tree}"));
  held("A60", 6, escaped);
});

test("A59: files that GitHub runs, under any name, on any way, also when a later commit takes them back", async () => {
  agent("mkdir -p .github/workflows; echo 'on: push' > .github/workflows/ci.yml; git add -A; git commit -qm ci");
  const before = base;
  base = agent("git rev-parse HEAD");
  const ways = [
    "echo x >> .github/workflows/ci.yml",
    "git rm -q .github/workflows/ci.yml",
    "git mv .github/workflows/ci.yml off.yml",
    "cp .github/workflows/ci.yml new.yml; git add .; git commit -qm copy; git mv new.yml .github/workflows/new.yml",
    "chmod +x .github/workflows/ci.yml",
    "mkdir -p .github/actions/x; echo x > .github/actions/x/action.yml",
    "mkdir -p .GitHub/Workflows; echo x > .GitHub/Workflows/x.yml",
    "mkdir -p '.github./workflows '; echo x > '.github./workflows /x.yml'",
    "mkdir -p .git\u200bhub/workflows; echo x > .git\u200bhub/workflows/x.yml",
    "mkdir -p .github/workflows/deep/er; echo x > '.github/workflows/deep/er/\n'",
    "git rm -qr .github; ln -s elsewhere .github",
    "rm -r .github/workflows; ln -s ../x .github/workflows",
    "echo x > .github/workflows/x.yml; git add -A; git commit -qm x; git rm -q .github/workflows/x.yml; echo y > y",
    "git checkout -q -b side; echo x > x; git add x; git commit -qm x; git checkout -q -; echo y > y; git add y; git commit -qm y; git merge -q --no-commit side; echo x > .github/workflows/x.yml",
    "git checkout -q --orphan other; echo x > .github/workflows/ci.yml",
    "git checkout -q $OLD; git checkout -q -b back; echo y > y",
  ];
  const fine = [
    "mkdir -p .github/ISSUE_TEMPLATE docs; echo x > .github/ISSUE_TEMPLATE/x.md; echo x > docs/workflows",
    "echo x > x",
  ];
  const escaped: string[] = [];
  for (const way of [...ways, ...fine]) {
    agent(`git checkout -q -f -B work ${base}; git clean -qfdx; ${way}; git add -A; git commit -q -m work`, {
      OLD: before,
    });
    inMirror("git fetch -q ../clone HEAD:refs/cw/in");
    const head = inMirror("git rev-parse refs/cw/in");
    const found = (await filesBeyond(mirror, { known: [base], head }, base, limit)).filter(isWorkflow);
    if (found.length > 0 !== ways.includes(way)) escaped.push(`${way}: ${found.join(", ")}`);
    inMirror("git update-ref -d refs/cw/in");
  }
  held("A59", ways.length, escaped);
}, 60_000);

test("S14: a history of its own is refused before anything is pushed; one that was merged is fine", async () => {
  agent("git checkout -q --orphan z; echo z > z; git add z; git commit -qm z");
  const alone = await published().then(String, String);
  agent("git checkout -q issue-1; git merge -q --allow-unrelated-histories -m 'Merge z' z");
  const { difference } = await published();
  expect(difference.files).toEqual(["z"]);
  held("S14", 1, /no commit in common with main/.test(alone) ? [] : [alone]);
}, 60_000);

test("S24: more commits than anybody reads are not published", async () => {
  agent(
    "t=$(git rev-parse HEAD^{tree}); c=HEAD; for i in $(seq 1001); do c=$(git commit-tree $t -p $c -m $i); done; git reset -q --hard $c",
  );
  const refused = await published().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Verdict);
  expect((refused as Verdict).outcome).toBe("rejected");
}, 60_000);
