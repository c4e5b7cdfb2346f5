/** The fleet's own repository with the real git, against the local GitHub, and against clones that an agent has poisoned. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { FleetError } from "../../src/model/errors.ts";
import { findSecrets } from "../../src/model/secret-shapes.ts";
import { git as ours } from "../../src/store/git.ts";
import { Mirror } from "../../src/store/mirror.ts";
import { differenceOf } from "../../src/store/new-commits.ts";
import { tokenOf } from "../standin/site.ts";
import { limit, type Mirrors, openMirrors } from "../support/mirrors.ts";

const token = tokenOf("wil");
let mirrors: Mirrors;
beforeAll(async () => {
  mirrors = await openMirrors();
});
afterAll(() => mirrors?.close());

let place: string;
let mirror: Mirror;
let attempt: string;
beforeEach(() => {
  ({ place, mirror, attempt } = mirrors.next());
});

const who = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@b",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@b",
};

/** Git as an agent has it, in its clone. */
function git(cwd: string, ...args: string[]): string {
  const env = {
    PATH: mirrors.settings.toolPath,
    HOME: cwd,
    GIT_CONFIG_NOSYSTEM: "1",
    ...who,
  };
  const ran = Bun.spawnSync(["git", ...args], { cwd, env });
  if (ran.exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${ran.stderr}`);
  return ran.stdout.toString().trim();
}

/** Fetched, cloned, with some commits. */
async function worked(...commits: ((clone: string) => void)[]) {
  const { base } = await mirror.fetch("main", null, limit);
  const clone = join(place, "clone");
  await mirror.cloneTo(clone, "issue-1", "main");
  for (const [index, change] of commits.entries()) {
    change(clone);
    git(clone, "add", "-A");
    git(clone, "commit", "-q", "-m", `Commit ${index + 1}`);
  }
  const bundle = join(place, "work.bundle");
  git(clone, "bundle", "create", "--quiet", bundle, "HEAD", "--not", base);
  return { base, clone, bundle };
}
const write = (name: string, content: string | Uint8Array) => (clone: string) => {
  fs.mkdirSync(join(clone, name, ".."), { recursive: true });
  fs.writeFileSync(join(clone, name), content);
};

describe("the way of the work", () => {
  test("fetch, clone, bundle, difference, push: and GitHub has it", async () => {
    const { base, clone, bundle } = await worked(write("README.md", "# Site\nmore\n"), write("new.ts", "a\nb\n"));
    expect(git(clone, "symbolic-ref", "HEAD")).toBe("refs/heads/issue-1");
    expect(fs.existsSync(join(clone, ".git/hooks"))).toBe(false);
    expect(fs.existsSync(join(clone, ".git/objects/info/alternates"))).toBe(false);
    const head = await mirror.importBundle(bundle, limit);
    expect(head).toBe(git(clone, "rev-parse", "HEAD"));
    expect(await differenceOf(mirror, base, head, limit)).toEqual({
      commits: 2,
      added: 3,
      removed: 0,
      files: ["README.md", "new.ts"],
    });
    expect(await mirror.messages(base, head, limit)).toMatch(/Commit 2\s+Commit 1/);
    const pushed = await mirror.push([{ from: head, to: "refs/heads/issue-1", expect: "" }], limit, 0);
    expect(pushed.ok).toBe(true);
    expect(await mirror.remoteRefs(["refs/heads/issue-1", "refs/heads/nothing"], limit)).toEqual(
      new Map([["refs/heads/issue-1", head]]),
    );
    expect(fs.statSync(join(place, "mirror.git")).mode & 0o777).toBe(0o700);
    await mirror.forget();
    expect(git(join(place, "mirror.git"), "for-each-ref", "--format=%(refname)")).toBe("refs/kept/01/now");
  });

  test("a lease that does not hold refuses all of a push", async () => {
    const { base, bundle } = await worked(write("x", "x"));
    const head = await mirror.importBundle(bundle, limit);
    const push = (updates: { from: string; to: string; expect: string }[]) => mirror.push(updates, limit, 0);
    expect((await push([{ from: head, to: "refs/heads/taken", expect: "" }])).ok).toBe(true);
    const both = [
      { from: head, to: "refs/heads/fresh", expect: "" },
      { from: base, to: "refs/heads/taken", expect: "" },
    ];
    const refused = await push(both);
    expect([refused.ok, refused.stdout]).toEqual([false, expect.stringMatching(/stale info/)]);
    expect(mirror.pushFailure(refused)).toBeInstanceOf(FleetError);
    expect(await mirror.remoteRefs(["refs/heads/fresh", "refs/heads/taken"], limit)).toEqual(
      new Map([["refs/heads/taken", head]]),
    );
    expect((await push([{ from: base, to: "refs/heads/taken", expect: head }])).ok).toBe(true);
  });

  test("files: their text at a commit, none, too large", async () => {
    const { bundle } = await worked(write("AGENTS.md", "Use tabs.\n"), write("large", "x".repeat(5000)));
    const head = await mirror.importBundle(bundle, limit);
    expect(await mirror.fileAt(head, "AGENTS.md", 1000)).toBe("Use tabs.\n");
    expect(await mirror.fileAt(head, "nothing", 1000)).toBeNull();
    expect(await mirror.fileAt(head, "large", 1000)).toBeNull();
  });

  test("claims: a commit on a commit, and what it says", async () => {
    const { base } = await mirror.fetch("main", null, limit);
    const { tree } = await mirror.commit(base);
    const made = await mirror.commitTree(tree, base, '{"v":1,"text":"ä\\n"}');
    expect(await mirror.commit(made)).toMatchObject({ tree, message: '{"v":1,"text":"ä\\n"}' });
    expect(await mirror.commitTree(tree, base, "other")).not.toBe(made);
  });

  test("what is not there", async () => {
    await expect(mirror.fetch("nowhere", null, limit)).rejects.toMatchObject({ code: "notFound" });
    const stranger = new Mirror({ ...mirrors.settings, token: "wrong" }, join(place, "m2.git"), "acme/secret", "01-1");
    await expect(stranger.fetch("main", null, limit)).rejects.toMatchObject({
      code: "auth",
      message: expect.not.stringContaining("wrong"),
    });
  });
});

describe("differences of every kind", () => {
  const kinds: [
    what: string,
    change: (clone: string) => void,
    expected: { added: number; removed: number; files: string[] },
  ][] = [
    ["binary", write("a.bin", Uint8Array.of(0, 1, 2, 255)), { added: 0, removed: 0, files: ["a.bin"] }],
    [
      "renamed",
      (clone) => fs.renameSync(join(clone, "README.md"), join(clone, "LIESMICH")),
      { added: 1, removed: 1, files: ["LIESMICH", "README.md"] },
    ],
    ["removed", (clone) => fs.rmSync(join(clone, "README.md")), { added: 0, removed: 1, files: ["README.md"] }],
    [
      "a link",
      (clone) => fs.symlinkSync("/etc/passwd", join(clone, "link")),
      { added: 1, removed: 0, files: ["link"] },
    ],
    [
      "only its mode",
      (clone) => fs.chmodSync(join(clone, "README.md"), 0o755),
      { added: 0, removed: 0, files: ["README.md"] },
    ],
    [
      "odd names",
      (clone) => {
        for (const name of ["-x", "a\tb", "c\nd", 'q"uote', "ä日💥", " space ", "$(id)", "b/+++ b/x"])
          write(name, "1\n")(clone);
      },
      { added: 8, removed: 0, files: [" space ", "$(id)", "-x", "a\tb", "b/+++ b/x", "c\nd", 'q"uote', "ä日💥"] },
    ],
  ];
  test.each(kinds)("%s", async (_, change, expected) => {
    const { base, bundle } = await worked(change);
    const head = await mirror.importBundle(bundle, limit);
    const found = await differenceOf(mirror, base, head, limit);
    expect({ ...found, files: found.files.toSorted() }).toEqual({ commits: 1, ...expected });
  });

  test("the patch of all of it brings the same tree about, bytes that are no text included", async () => {
    const odd = Uint8Array.of(0xe4, 0xf6, 10, 0xfc, 0x80, 10);
    const { base, bundle, clone } = await worked(
      ...kinds.slice(0, 1).map(([, change]) => change),
      write("latin1.txt", odd),
      write("a\tb", "1\n"),
      (at) => fs.symlinkSync("x", join(at, "l")),
    );
    const head = await mirror.importBundle(bundle, limit);
    const file = join(place, "work.patch");
    expect(await mirror.savePatch(base, head, file, limit)).toBe(fs.statSync(file).size);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    git(clone, "checkout", "-q", "--detach", base);
    git(clone, "apply", "--index", file);
    expect(git(clone, "write-tree")).toBe(git(clone, "rev-parse", `${head}^{tree}`));
  });

  test("what one commit adds and the next takes back would be published too, and is looked at", async () => {
    const secret = ["ghp", "_", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"].join("");
    const { base, bundle } = await worked(
      write("x", `one\n++ ${secret}\n`),
      write("x", "one\n"),
      write("b.bin", Buffer.from(`\0\n${secret}`)),
    );
    const head = await mirror.importBundle(bundle, limit);
    const changes = (await mirror.changes(base, head, limit)) ?? "";
    expect(findSecrets(changes, []).map(({ file }) => file)).toEqual(["b.bin", "x"]);
  });
});

describe("a clone that an agent has poisoned", () => {
  /** Every way that makes git execute something; each would leave a file. */
  function poison(clone: string, canary: string): void {
    const script = join(clone, "..", "run-me");
    fs.writeFileSync(script, `#!/bin/sh\ntouch ${canary}.$(basename "$0")-$$\ncat\n`, { mode: 0o755 });
    const settings = {
      "core.fsmonitor": script,
      "core.hooksPath": join(clone, ".git/hooks"),
      "core.sshCommand": script,
      "core.pager": script,
      "core.editor": script,
      "core.gitProxy": script,
      "core.askPass": script,
      "uploadpack.packObjectsHook": script,
      "filter.x.clean": script,
      "filter.x.smudge": script,
      "filter.x.process": script,
      "diff.x.textconv": script,
      "diff.x.command": script,
      "diff.external": script,
      "credential.helper": `!${script}`,
      "gpg.program": script,
      "remote.origin.url": `ext::${script}`,
      "remote.origin.uploadpack": script,
      "protocol.ext.allow": "always",
      "alias.fetch": `!${script}`,
    };
    for (const [key, value] of Object.entries(settings)) git(clone, "config", key, value);
    fs.mkdirSync(join(clone, ".git/hooks"), { recursive: true });
    for (const hook of [
      "pre-commit",
      "post-checkout",
      "reference-transaction",
      "pre-push",
      "post-update",
      "pre-receive",
      "update",
      "pre-auto-gc",
      "post-index-change",
    ])
      fs.copyFileSync(script, join(clone, ".git/hooks", hook));
    fs.writeFileSync(join(clone, ".git/info/attributes"), "* filter=x diff=x\n");
  }

  test("A20: its bundle runs nothing on the host, nor do difference, patch, changes and push", async () => {
    const { base, clone, bundle } = await worked(write(".gitattributes", "* filter=x diff=x\n"), write("x", "1\n"));
    const canary = join(place, "canary");
    poison(clone, canary);
    const head = await mirror.importBundle(bundle, limit);
    await differenceOf(mirror, base, head, limit);
    await mirror.savePatch(base, head, join(place, "work.patch"), limit);
    await mirror.changes(base, head, limit);
    await mirror.messages(base, head, limit);
    expect((await mirror.push([{ from: head, to: `refs/heads/p-${attempt}`, expect: "" }], limit, 0)).ok).toBe(true);
    expect(fs.readdirSync(place).filter((name) => name.startsWith("canary"))).toEqual([]);
    // That the traps are set: git in the clone walks into them.
    git(clone, "status");
    expect(fs.readdirSync(place).filter((name) => name.startsWith("canary"))).not.toEqual([]);
  });

  const forged: [what: string, content: (clone: string) => string][] = [
    ["the way to its repository", (clone) => `gitdir: ${clone}/.git\n`],
    ["nothing", () => ""],
    ["prose", () => "hello"],
    ["a newer kind", () => "# v9 git bundle\n"],
    ["a header alone", () => "# v2 git bundle\n"],
    ["a head that is not in it", () => `# v2 git bundle\n${"1".repeat(40)} HEAD\n\nPACK`],
    ["a ref that is a path", () => `# v2 git bundle\n${"1".repeat(40)} ../../HEAD\n\n`],
  ];
  test.each(forged)("A24: what it gives out as a bundle is %s: refused", async (_, content) => {
    const { clone, bundle } = await worked(write("x", "1\n"));
    const canary = join(place, "canary");
    poison(clone, canary);
    fs.writeFileSync(bundle, content(clone));
    await expect(mirror.importBundle(bundle, limit)).rejects.toBeInstanceOf(FleetError);
    expect(fs.readdirSync(place).filter((name) => name.startsWith("canary"))).toEqual([]);
    expect(git(join(place, "mirror.git"), "for-each-ref", "--format=%(refname)", "refs/cw")).toBe(
      `refs/cw/${attempt}/base`,
    );
  });
});

test.skipIf(!Bun.which("strace"))(
  "A50: no token in an argument of git or of what it starts, nor in a file (strace)",
  async () => {
    const log = join(place, "trace");
    const wrapper = join(place, "git");
    fs.writeFileSync(
      wrapper,
      `#!/bin/sh\nexec strace -f -qq -A -o ${log} -e trace=execve -s 100000 ${mirrors.settings.program} "$@"\n`,
      { mode: 0o755 },
    );
    const traced = new Mirror(
      { ...mirrors.settings, program: wrapper },
      join(place, "mirror.git"),
      "acme/secret",
      "01-1",
    );
    const { base } = await traced.fetch("main", null, limit);
    await traced.cloneTo(join(place, "clone"), "issue-1", "main");
    await traced.push([{ from: base, to: `refs/heads/t-${attempt}`, expect: "" }], limit, 0);
    await traced.remoteRefs(["refs/heads/main"], limit);
    const trace = fs.readFileSync(log, "utf8");
    expect(trace.match(/execve\("[^"]*git-remote-http/g)?.length).toBeGreaterThan(2);
    expect(trace).toContain("x-access-token");
    expect(trace).not.toContain(token);
    expect(Bun.spawnSync(["grep", "-rlF", token, place]).stdout.toString()).toBe("");
  },
);

test("A21: the environment is ours alone: no prompt, no configuration of the operator, no protocol but these", async () => {
  fs.writeFileSync(join(place, "git"), '#!/bin/sh\nenv > "$0.env"\nexit 1\n', { mode: 0o755 });
  process.env["GIT_SSH_COMMAND"] = "canary";
  const told = new Mirror(
    { ...mirrors.settings, program: join(place, "git") },
    join(place, "mirror.git"),
    "acme/site",
    "01-1",
  );
  await told.fetch("main", null, limit).catch(() => {});
  delete process.env["GIT_SSH_COMMAND"];
  const env = fs.readFileSync(join(place, "git.env"), "utf8");
  expect(env).not.toContain("canary");
  for (const line of [
    "GIT_TERMINAL_PROMPT=0",
    "GIT_CONFIG_NOSYSTEM=1",
    "GIT_CONFIG_GLOBAL=/dev/null",
    "GIT_ASKPASS=/bin/false",
    `HOME=${mirrors.settings.home}`,
  ])
    expect(env).toContain(`${line}\n`);
  const configured = (key: string) => {
    const [, at] = new RegExp(`^GIT_CONFIG_KEY_(\\d+)=${key}$`, "m").exec(env) ?? [];
    return new RegExp(`^GIT_CONFIG_VALUE_${at}=(.*)$`, "m").exec(env)?.[1];
  };
  expect(
    [
      "protocol.allow",
      "protocol.ext.allow",
      "credential.helper",
      "core.hooksPath",
      "core.fsmonitor",
      "transfer.fsckObjects",
    ].map(configured),
  ).toEqual(["never", undefined, "", "/dev/null", "false", "true"]);
});

test("histories have nothing in common only where git says so: what it can't tell is an error", async () => {
  const { base } = await worked(write("new", "a"));
  const settings = (program: string) => ({ ...mirrors.settings, program });
  const alone = new Mirror(mirrors.settings, join(place, "mirror.git"), "acme/site", attempt);
  const { tree } = await alone.commit(base);
  const orphan = (await alone.need(["commit-tree", tree, "-m", "alone"], limit, { env: who })).trim();
  expect(await alone.forkOf(base, orphan, limit)).toBeNull();
  expect(await alone.forkOf(base, base, limit)).toBe(base);
  await expect(alone.forkOf(base, `${"0".repeat(39)}1`, limit)).rejects.toThrow(/^git merge-base failed/);
  const slow = join(place, "slow");
  fs.writeFileSync(slow, "#!/bin/sh\nexec sleep 60\n", { mode: 0o755 });
  const late = new Mirror(settings(slow), join(place, "mirror.git"), "acme/site", attempt);
  await expect(late.forkOf(base, orphan, 100)).rejects.toThrow("git merge-base took too long");
});

test("git takes no more memory than half of the machine's, and goes before whoever is not of the fleet", async () => {
  const program = join(place, "git");
  fs.writeFileSync(program, "#!/bin/sh\nulimit -d\nulimit -Hd\ncat /proc/self/oom_score_adj\n", { mode: 0o755 });
  const { stdout } = await ours({ ...mirrors.settings, program }, ["status"], { timeoutMs: limit });
  const half = Math.floor(totalmem() / 2048);
  expect(stdout).toBe(`${half}\n${half}\n600\n`);
});
