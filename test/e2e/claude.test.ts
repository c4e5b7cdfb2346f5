/** The real Claude Code, as a user has it: the installed package, an ordinary user, bubblewrap, a scripted model on loopback. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { checkJournal } from "../contracts/contract.ts";
import { begin, events, expectEnd, heard, lanes, type Play } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { cookiesOf, processesOf } from "../support/leftovers.ts";
import { type ScriptedModel, scriptedModel, type Turn } from "../support/model.ts";
import { folderOf, ordinaryUser } from "../support/user.ts";

const binary = join(import.meta.dir, "../../node_modules/@anthropic-ai/claude-code/bin/claude.exe");
const missing = !existsSync(binary)
  ? "the program Claude Code is not installed"
  : Bun.which("bwrap") === null
    ? "bubblewrap is not installed"
    : null;
const secret = "secret-of-the-operator-7c1d";

if (missing) test.skip(missing, () => {});
else describe("the real Claude Code", suite);

function suite(): void {
  const user = ordinaryUser();
  const turn = lanes(2);
  let fleet: TestFleet;
  let model: ScriptedModel;
  let place: string | undefined;

  const bash = (command: string): Turn => ({ tool: "Bash", input: { command } });
  const clone = (worker: string) => join(fleet.root, worker, "github/acme/site");
  const scripts: Record<string, () => Turn[]> = {
    COMMITS: () => [
      { tool: "mcp__worker__start", input: {} },
      { text: "I will write.", tool: "Write", input: { file_path: join(clone("01"), "a.txt"), content: "A\n" } },
      bash("printf 'B\\n' > b.txt && git add -A && git commit -qm 'Add a and b' && git log --format=%s"),
      bash(
        `env; cat ${fleet.operator}/.ssh/id_ed25519 ${fleet.root}/.fleet/01/secrets.json ${fleet.root}/02/.gitconfig; ls ${fleet.root} ${fleet.operator}`,
      ),
      bash("until [ -e .git/go ]; do sleep 0.05; done"),
      { tool: "mcp__worker__complete", input: { summary: "Added a and b." } },
      { text: "All finished." },
    ],
    LEAVES: () => [
      { tool: "Read", input: { file_path: join(clone("02"), "README.md") } },
      {
        tool: "Edit",
        input: { file_path: join(clone("02"), "README.md"), old_string: "# Site", new_string: "# The site" },
      },
      { tool: "mcp__worker__complete", input: { summary: "Renamed it." } },
    ],
    ANSWERS: () => [{ tool: "mcp__worker__answer", input: { text: "It is blue." } }],
    FAILS: () => [{ tool: "mcp__worker__fail", input: { reason: "There is no roof." } }],
  };

  beforeAll(async () => {
    model = await scriptedModel((prompt) => {
      const name = Object.keys(scripts).find((one) => prompt.includes(`CASE ${one}`));
      return scripts[name ?? ""]?.() ?? [];
    });
    fleet = await testFleet({
      workers: ["01", "02", "03", "04"],
      asUser: user,
      installed: true,
      claude: readable(),
      isolation: "auto",
      env: { ANTHROPIC_BASE_URL: model.url },
    });
    const ssh = join(folderOf(user, fleet.operator, ".ssh"), "id_ed25519");
    writeFileSync(ssh, `${secret}\n`);
    chmodSync(ssh, 0o644);
    await fleet.repo.push({ files: { "AGENTS.md": "Be brief, and say please.\n" } });
  }, 180_000);
  afterAll(async () => {
    await fleet?.close();
    await model?.close();
    if (place) rmSync(place, { recursive: true, force: true });
  });

  /** The program where the user can read it. */
  function readable(): string {
    if (user.canRead(binary)) return binary;
    place = user.folder();
    const there = join(place, "claude");
    try {
      linkSync(binary, there);
    } catch {
      copyFileSync(binary, there);
    }
    chmodSync(there, 0o755);
    return there;
  }

  const delivered = {
    outcome: "delivered",
    reason: /pull/,
    labels: [],
    claim: "done",
    comments: 1,
    pull: true,
    patch: false,
  } as const;

  describe.concurrent("given an issue", () => {
    test(
      "A44, A48, A51: edits, commits and says so: delivered, and no secret was within its reach",
      () =>
        turn(async () => {
          const play: Play = { worker: "01", body: "CASE COMMITS: add two files." };
          const issue = await begin(fleet, play);
          const started = await heard(fleet, "01", "agent:started");
          expect(started.isolation).toBe("bubblewrap");
          await heard(
            fleet,
            "01",
            "agent:activity",
            ({ kind, text }) => kind === "tool" && text.includes("until [ -e"),
          );

          // While it waits: what everybody can see of processes, and what those inside hold.
          const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
          const argv = all.map((pid) => readOr(`/proc/${pid}/cmdline`)).join("\n");
          for (const word of [fleet.token, fleet.key, secret]) expect(argv.includes(word)).toBe(false);
          const inside = processesOf(`CW_ATTEMPT_COOKIE=${cookiesOf(fleet.root)[0]}`);
          expect(inside.length).toBeGreaterThan(2);
          const environments = inside.map(({ pid }) => readOr(`/proc/${pid}/environ`));
          for (const environment of environments) {
            expect(environment).not.toContain(fleet.token);
            expect(environment).not.toContain(fleet.key);
            expect(environment).not.toMatch(/(?:^|\0)(?:GH_TOKEN|GITHUB_TOKEN|CW_GIT_TOKEN)=/);
            expect(environment).not.toContain(`HOME=${fleet.operator}`);
          }
          for (const { pid } of inside) if (user.uid !== 0) expect(owner(pid)).toBe(user.uid);
          writeFileSync(join(clone("01"), ".git/go"), "");

          const end = await expectEnd(fleet, play, issue, delivered);
          expect([end.commits, end.added, end.files.toSorted(), end.turns]).toEqual([1, 2, ["a.txt", "b.txt"], 7]);
          const { repo } = fleet;
          expect([await repo.file(`issue-${issue}`, "a.txt"), await repo.file(`issue-${issue}`, "b.txt")]).toEqual([
            "A\n",
            "B\n",
          ]);
          const pull = repo.pulls().find(({ head }) => head === `issue-${issue}`);
          expect(pull?.headSha).toBe((await repo.refs("refs/heads/"))[`refs/heads/issue-${issue}`] ?? "");
          expect(pull?.body).toContain(`Closes #${issue}`);
          const said = events(fleet, "01").flatMap((event) => (event.type === "agent:spoke" ? [event.word] : []));
          expect(said).toEqual(["start", "complete"]);
          expect(leaks(join(fleet.root, "01"), [fleet.token, fleet.key, secret])).toEqual([]);
          expect(leaks(fleet.attempt("01", 1), [fleet.token, fleet.key, secret])).toEqual([]);
          expect(JSON.stringify(model.requests())).not.toContain(fleet.token);
          expect(JSON.stringify(model.requests())).not.toContain(secret);
        }),
      120_000,
    );

    test(
      "edits and leaves it uncommitted: delivered",
      () =>
        turn(async () => {
          const play: Play = { worker: "02", body: "CASE LEAVES: rename it." };
          const issue = await begin(fleet, play);
          await expectEnd(fleet, play, issue, delivered);
          expect(await fleet.repo.file(`issue-${issue}`, "README.md")).toStartWith("# The site\n");
        }),
      120_000,
    );

    test(
      "answers: answered",
      () =>
        turn(async () => {
          const play: Play = { worker: "03", body: "CASE ANSWERS: which colour?" };
          const issue = await begin(fleet, play);
          await expectEnd(fleet, play, issue, {
            outcome: "answered",
            reason: /^It is blue\.$/,
            labels: [],
            claim: "done",
            comments: 1,
            pull: false,
            patch: false,
          });
        }),
      120_000,
    );

    test(
      "says that it can't: declined",
      () =>
        turn(async () => {
          const play: Play = { worker: "04", body: "CASE FAILS: mend the roof." };
          const issue = await begin(fleet, play);
          await expectEnd(fleet, play, issue, {
            outcome: "declined",
            reason: /^There is no roof\.$/,
            labels: ["blocked", "worker:04"],
            claim: "failed",
            comments: 1,
            pull: false,
            patch: false,
          });
        }),
      120_000,
    );
  });

  test("was told the issue, who it is and what the project wants", () => {
    const asked = JSON.stringify(model.requests());
    for (const words of ["add two files", "Be brief, and say please", "You are worker 03"])
      expect(asked).toContain(words);
  });

  test("left nothing, and all that was asked of GitHub is as GitHub describes it", async () => {
    expect(await fleet.leftovers()).toEqual([]);
    expect(checkJournal(fleet.standin.journal.entries)).toEqual([]);
  }, 30_000);
}

function leaks(folder: string, words: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => words.some((word) => readFileSync(file).includes(word)));
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function owner(pid: number): number {
  return Number(/^Uid:\s+(\d+)/m.exec(readOr(`/proc/${pid}/status`))?.[1] ?? -1);
}
