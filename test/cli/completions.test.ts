/** Completions in the shells themselves, and the manual page through man. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualPage } from "../../scripts/man.ts";
import { commands } from "../../src/cli/commands/table.ts";

const program = join(realpathSync(join(import.meta.dir, "../..")), "bin/cw");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-completions-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = { PATH: "/usr/bin:/bin", HOME: folder, LC_ALL: "C.UTF-8", TERM: "dumb" };
const cw = (argv: string[]) => {
  const { stdout, stderr, exitCode } = Bun.spawnSync([program, ...argv], { env, cwd: folder });
  return { stdout: stdout.toString(), stderr: stderr.toString(), code: exitCode };
};
const run = (argv: string[]) => {
  const { stdout, stderr } = Bun.spawnSync(argv, { env, cwd: folder, timeout: 30_000 });
  expect(stderr.toString()).toBe("");
  return stdout.toString();
};
const script = (shell: string) => join(folder, `completions.${shell}`);

beforeAll(() => {
  mkdirSync(join(folder, "a folder"));
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout, stderr, code } = cw(["completions", shell]);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    writeFileSync(script(shell), stdout);
  }
});

test("a shell that there is none for", () => {
  expect(cw(["completions", "bsh"])).toEqual({
    stdout: "",
    stderr: "<shell> is one of bash, zsh, fish, not bsh (hint: did you mean bash?)\n",
    code: 2,
  });
  expect(JSON.parse(cw(["completions", "fish", "--json"]).stdout)).toMatchObject({ shell: "fish" });
});

const shown = Object.keys(commands).filter((name) => !name.startsWith("_"));
/** What is typed, the last word unfinished, and what is offered. */
const cases: [string[], string[]][] = [
  [["dis"], ["dispatch"]],
  [["--root", "/x", "hist"], ["history"]],
  [["dispatch", "--dry"], ["--dry-run"]],
  [["status", "--js"], ["--json"]],
  [["history", "--outcome", "deliv"], ["delivered"]],
  [["cron", "ins"], ["install"]],
  [["completions", "f"], ["fish"]],
  [["stat"], ["status"]],
];

function inBash(words: readonly string[]): string[] {
  const typed = ["cw", ...words].map((word) => `'${word}'`).join(" ");
  const code = `source '${script("bash")}'; COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _cw 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return run(["bash", "--norc", "-c", code]).split("\n").filter(Boolean);
}

describe.skipIf(Bun.which("bash") === null)("bash", () => {
  test.each(cases)("%p", (words, offered) => {
    expect(inBash(words)).toEqual(offered);
  });
  test("all commands, no hidden one; files for a file; nothing for what only a person knows", () => {
    const offered = inBash([""]);
    expect(offered.filter((word) => !word.startsWith("-"))).toEqual(shown);
    expect(inBash(["--root", "a"])).toEqual(["a folder"]);
    expect(inBash(["dispatch", "-r", ""])).toEqual([]);
    expect(inBash(["nonsense", ""])).toEqual([]);
  });
});

describe.skipIf(Bun.which("fish") === null)("fish", () => {
  const inFish = (words: readonly string[]) =>
    run(["fish", "--no-config", "-c", `source '${script("fish")}'; complete -C '${["cw", ...words].join(" ")}'`])
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t")[0] ?? "");
  test.each(cases)("%p", (words, offered) => {
    expect(inFish(words)).toEqual(offered);
  });
  test("all commands, and the same under the long name", () => {
    expect(inFish([""]).toSorted()).toEqual(shown.toSorted());
    const long = run(["fish", "--no-config", "-c", `source '${script("fish")}'; complete -C 'claude-workers dis'`]);
    expect(long).toStartWith("dispatch\t");
  });
});

describe.skipIf(Bun.which("zsh") === null)("zsh", () => {
  // A completion of zsh runs in its line editor only, so one is started on a terminal of zsh's own.
  const inZsh = (words: readonly string[]) => {
    const typed = ["cw", ...words].join(" ");
    const driver = join(folder, "driver.zsh");
    writeFileSync(
      driver,
      `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1= PS2= RPS1=; unsetopt zle_bracketed_paste prompt_cr prompt_sp; autoload -Uz compinit && compinit -u -d ${folder}/zcompdump'
zpty -w z "source '${script("zsh")}'"
zpty -w z 'done-complete() { print -rn -- "<<<$BUFFER>>>"; exit }; zle -N done-complete; bindkey "^X" done-complete; bindkey "^I" complete-word; print READ""Y'
zpty -r z out '*READY*'
zpty -w -n z $'${typed}\\t\\C-x'
zpty -r z out '*>>>*'
print -r -- "$out"
zpty -d z
`,
    );
    return /<<<(.*)>>>/s
      .exec(run(["zsh", "-f", driver]))?.[1]
      ?.replace(/\s+/g, " ")
      .trim();
  };
  test.each(cases)(
    "%p",
    (words, offered) => {
      expect(inZsh(words)).toBe(["cw", ...words.slice(0, -1), ...offered].join(" "));
    },
    40_000,
  );
});

describe.skipIf(Bun.which("man") === null)("the manual page", () => {
  test("man shows it without a warning: every command, its flags, exit codes", async () => {
    const page = join(folder, "cw.1");
    writeFileSync(page, await manualPage());
    const shownPage = Bun.spawnSync(["man", "--warnings", "-l", page], { env: { ...env, MANWIDTH: "200" } });
    expect(shownPage.stderr.toString()).toBe("");
    // Bold is a letter, a backspace, the letter.
    const text = shownPage.stdout.toString().replace(/.\x08/g, "");
    for (const name of shown) expect(text).toMatch(new RegExp(`^ {3}cw ${name}\\b`, "m"));
    for (const part of [
      "-r, --repo OWNER/REPO",
      "--dry-run",
      "EXIT STATUS",
      "cw dispatch -r acme/site -i 22",
      "~/workers",
    ])
      expect(text).toContain(part);
    expect(text).not.toContain("_attempt");
  });
});
