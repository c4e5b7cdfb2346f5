/**
 * Takes one guard away at a time, in a copy of this tree, and runs the tests that must notice. A guard whose absence nobody
 * notices is no guard, or has no test.
 *
 *   bun scripts/mutate-guards.ts [PART OF A NAME...]      by hand, and weekly in CI; docs/testing.md
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileGuards } from "./guards/files.ts";
import type { Guard } from "./guards/guard.ts";
import { networkGuards } from "./guards/network.ts";
import { publishGuards } from "./guards/publish.ts";
import { reliabilityGuards } from "./guards/reliability.ts";
import { trustGuards } from "./guards/trust.ts";
import { wallGuards } from "./guards/walls.ts";
import { wordGuards } from "./guards/words.ts";

const guards: readonly Guard[] = [
  ...fileGuards,
  {
    name: "protected files are mounts",
    file: "src/isolation/bubblewrap.ts",
    text: "        ...protection(space),\n",
    instead: "",
    test: "test/isolation/hostile.test.ts",
    only: "A18",
  },
  {
    name: "processes of the host are not there",
    file: "src/isolation/bubblewrap.ts",
    text: '  "--unshare-pid",\n',
    instead: "",
    test: "test/security/inside.test.ts",
    only: "A44",
  },
  {
    name: "the program inside has no terminal",
    file: "src/isolation/bubblewrap.ts",
    text: '...(space.terminal ? [] : ["--new-session"]),',
    instead: "",
    test: "test/isolation/bubblewrap.test.ts",
  },
  {
    name: "hidden places inside of shown ones are hidden",
    file: "src/isolation/bubblewrap.ts",
    text: '...hidden.map((path) => ({ path, args: ["--tmpfs", path] })),',
    instead: "",
    test: "test/isolation/hostile.test.ts",
    only: "A44",
  },
  {
    name: "settings of the repository are not read",
    file: "src/agents/claude.ts",
    text: '    "--setting-sources",\n    "user",\n',
    instead: "",
    test: "test/security/policy.test.ts",
  },
  {
    name: "no way out of Claude's sandbox",
    file: "src/agents/claude-policy.ts",
    text: "allowUnsandboxedCommands: false",
    instead: "allowUnsandboxedCommands: true",
    test: "test/agents/claude.test.ts",
  },
  {
    name: "only what is on the list comes from the provider's settings",
    file: "src/agents/environment.ts",
    text: "    providerNames.flatMap((name) => {",
    instead: "    (Object.keys(request.provider) as typeof providerNames[number][]).flatMap((name) => {",
    test: "test/agents/claude.test.ts",
    only: "A52",
  },
  {
    name: "what is no bundle is not read",
    file: "src/store/mirror.ts",
    text: "if (!/^# v[23] git bundle\\n$/.test(head))",
    instead: "if (head === null)",
    test: "test/store/mirror.test.ts",
    only: "A24",
  },
  {
    name: "objects are checked",
    file: "src/store/git.ts",
    text: '["transfer.fsckObjects", "true"]',
    instead: '["transfer.fsckObjects", "false"]',
    test: "test/security/bundle.test.ts",
    only: "S8",
  },
  {
    name: "git has no configuration of the operator",
    file: "src/store/git.ts",
    text: '    GIT_CONFIG_GLOBAL: "/dev/null",\n',
    instead: "",
    test: "test/store/mirror.test.ts",
    only: "A21",
  },
  {
    name: "documents hold no control character",
    file: "src/cli/output.ts",
    text: "escapedJson(JSON.stringify(report.json, null, 2))",
    instead: "JSON.stringify(report.json, null, 2)",
    test: "test/security/words.test.ts",
    only: "S6",
  },
  {
    name: "lines hold no control character",
    file: "src/model/text.ts",
    text: '.replace(lineBreak, " ").replace(invisible, "");',
    instead: '.replace(lineBreak, " ");',
    test: "test/model/text.test.ts",
  },
  {
    name: "no mention by an agent",
    file: "src/reports/pull-request.ts",
    text: '    .replace(/@(?=[A-Za-z0-9])/g, "@\\u2060")\n',
    instead: "",
    test: "test/reports/posted.test.ts",
  },
  {
    name: "no reference that becomes a character",
    file: "src/reports/pull-request.ts",
    text: '.replace(/&(?=#|[A-Za-z][A-Za-z0-9]*;)/g, "&\\u2060")',
    instead: "",
    test: "test/security/words.test.ts",
    only: "S7",
  },
  {
    name: "no secret is published",
    file: "src/fleet/verify.ts",
    text: "  await refuseSecrets(attempt, work);\n",
    instead: "",
    test: "test/e2e/outcomes.test.ts",
    only: "a secret in the change",
  },
  {
    name: "commits are in the worker's name",
    file: "src/fleet/own-commits.ts",
    text: "const same = Buffer.from(text)",
    instead: "const same = true || Buffer.from(text)",
    test: "test/security/commits.test.ts",
    only: "A60",
  },
  {
    name: "what is published are those commits",
    file: "src/fleet/verify.ts",
    text: "const work = await ownCommits(",
    instead:
      "const work = { ...collected, known: [needBase(attempt).sha], fork: needBase(attempt).sha }; await ownCommits(",
    test: "test/security/publish.test.ts",
    only: "A60",
  },
  {
    name: "no trailers of identity",
    file: "src/reports/commit-message.ts",
    text: "    .filter((line) => !identity.test(line));\n",
    instead: ";\n",
    test: "test/security/commits.test.ts",
    only: "A60",
  },
  {
    name: "no closing word in a commit",
    file: "src/reports/commit-message.ts",
    text: "unlinked(text).replace",
    instead: "text.replace",
    test: "test/security/commits.test.ts",
    only: "S23",
  },
  {
    name: "checks can't be left out",
    file: "src/reports/commit-message.ts",
    text: '.replace(unchecked, "$&\\u2060")',
    instead: "",
    test: "test/security/commits.test.ts",
    only: "S24",
  },
  {
    name: "no workflow is published",
    file: "src/fleet/verify.ts",
    text: "  if (!settings?.workflows) await refuseWorkflows(attempt, work);\n",
    instead: "",
    test: "test/security/publish.test.ts",
    only: "A59",
  },
  {
    name: "no workflow in between either",
    file: "src/store/new-commits.ts",
    text: "const each = await",
    instead: 'const each = Boolean(mirror) ? "" : await',
    test: "test/security/commits.test.ts",
    only: "A59",
  },
  {
    name: "an App's token is for one repository",
    file: "src/issues/app-tokens.ts",
    text: "repositoryNames: [name], permissions };",
    instead: "permissions, ...(name ? {} : { repositoryNames: [name] }) };",
    test: "test/e2e/github-app.test.ts",
  },
  {
    name: "an App's token has the rights that are needed",
    file: "src/issues/app-tokens.ts",
    text: "repositoryNames: [name], permissions };",
    instead: "repositoryNames: [name], ...(permissions ? {} : { permissions }) };",
    test: "test/e2e/github-app.test.ts",
  },
  {
    name: "no key where an agent reads",
    file: "src/config/app-key.ts",
    text: "const below = (folder: string) =>",
    instead: "const below = (folder: string) => folder !== root ||",
    test: "test/e2e/github-app.test.ts",
  },
  {
    name: "no token in the place of an App",
    file: "src/fleet/fleet.ts",
    text: "githubToken: githubApp ? null : ",
    instead: "githubToken: ",
    test: "test/fleet/credentials.test.ts",
  },
  {
    name: "made tokens are masked",
    file: "src/model/redaction.ts",
    text: "[...this.given, ...minted]",
    instead: "[...this.given]",
    test: "test/model/redaction.test.ts",
  },
  {
    name: "too much memory, disk, processes end an attempt",
    file: "src/fleet/run-agent.ts",
    text: ", resources.over.signal]",
    instead: "]",
    test: "test/security/resources.test.ts",
    only: "A56: (memory|too many)",
  },
  {
    name: "files in memory are memory",
    file: "src/fleet/resources.ts",
    text: "residentBytes + grown >",
    instead: "residentBytes >",
    test: "test/security/resources.test.ts",
    only: "A56: memory",
  },
  {
    name: "no gate takes all memory",
    file: "src/fleet/collect.ts",
    text: "[resources.over.signal, ...(ending ? [ending] : [])]",
    instead: "ending ? [ending] : []",
    test: "test/security/resources.test.ts",
    only: "A56: a gate",
  },
  {
    name: "the kernel counts an agent's processes",
    file: "src/fleet/resources.ts",
    text: "processLimit(fleet.config.limits, isolation.pidNamespace)",
    instead: "processLimit(fleet.config.limits, false)",
    test: "test/security/resources.test.ts",
    only: "A56: processes",
  },
  {
    name: "the kernel takes an agent first",
    file: "src/system/child.ts",
    text: "echo 600 > /proc/self/oom_score_adj; ",
    instead: "",
    test: "test/security/resources.test.ts",
    only: "A56: the kernel",
  },
  {
    name: "the begin of an agent is held against its policy",
    file: "src/fleet/heard.ts",
    text: "if (signal.problems.length > 0)",
    instead: "if (signal.problems.length > 1000)",
    test: "test/security/words.test.ts",
    only: "S5",
  },
  {
    name: "no end while something with the cookie lives",
    file: "src/system/tree.ts",
    text: "return [...named, ...withCookie(tree.cookie)];",
    instead: "return withCookie.length > 5 ? [] : named;",
    test: "test/e2e/hostile-tree.test.ts",
    only: "A57",
  },
  ...networkGuards,
  ...publishGuards,
  ...reliabilityGuards,
  ...trustGuards,
  ...wallGuards,
  ...wordGuards,
];

/** What a test without its guard leaves alive ends with it: there may be many, made to be hard to kill. */
const apart =
  process.getuid?.() === 0 && Bun.which("unshare") !== null
    ? ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    : [];
const root = join(import.meta.dir, "..");
const wanted = process.argv.slice(2);
const chosen = guards.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const folder = mkdtempSync(join(tmpdir(), "cw-guards-"));
const copy = join(folder, "tree");
let caught = 0;
try {
  // An ordinary user runs the copy, too.
  chmodSync(folder, 0o755);
  // Links are enough, and quick: what is changed is a new file.
  if (Bun.spawnSync(["cp", "-al", root, copy]).exitCode !== 0) {
    rmSync(copy, { recursive: true, force: true });
    if (Bun.spawnSync(["cp", "-a", root, copy]).exitCode !== 0) throw new Error(`${root} can't be copied to ${copy}`);
  }
  const whole = new Set<string>();
  for (const guard of chosen) {
    const began = performance.now();
    const key = `${guard.test} ${guard.only ?? ""}`;
    // A test that fails anyway proves nothing.
    const before = whole.has(key) || run(guard);
    if (before) whole.add(key);
    const verdict = before ? mutated(guard) : "THE TEST FAILS ANYWAY";
    if (verdict === "caught") caught++;
    console.log(
      `${verdict.padEnd(8)}  ${guard.name} (${guard.file}; ${guard.test}; ${((performance.now() - began) / 1000).toFixed(1)} s)`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${caught} of ${chosen.length} guards are missed when they are gone`);
process.exitCode = caught === chosen.length ? 0 : 1;

function mutated(guard: Guard): string {
  const path = join(copy, guard.file);
  const text = readFileSync(path, "utf8");
  if (text.split(guard.text).length !== 2) return "NOT THERE";
  replace(
    path,
    text.replace(guard.text, () => guard.instead),
  );
  try {
    return run(guard) ? "UNSEEN" : "caught";
  } finally {
    replace(path, text);
  }
}

/** @returns whether the tests passed, and at least one ran */
function run({ test, only }: Guard): boolean {
  const args = [
    "--config=bin/empty-bunfig.toml",
    "test",
    "--timeout=120000",
    ...(only ? ["-t", only] : []),
    `./${test}`,
  ];
  // What waits for ever without its guard is noticed, too.
  const ran = Bun.spawnSync([...apart, process.execPath, ...args], {
    cwd: copy,
    stdout: "ignore",
    stderr: "pipe",
    timeout: 150_000,
    killSignal: "SIGKILL",
  });
  return ran.exitCode === 0 && / [1-9]\d* pass/.test(ran.stderr.toString());
}

function replace(path: string, text: string): void {
  // Not through the link: that is the tree itself.
  if (existsSync(path)) rmSync(path);
  writeFileSync(path, text);
}
