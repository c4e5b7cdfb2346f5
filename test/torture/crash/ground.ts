/**
 * Where crashes happen: the built program as processes, one local GitHub for all rounds, and for each round a fleet and a
 * repository of its own. The program is started through a wrapper that can put a supervisor under strace; all else is real.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { statusOf } from "../../../src/model/attempt.ts";
import type { RepoControl } from "../../../src/standin/control.ts";
import type { Fault, FaultHandle } from "../../../src/standin/faults.ts";
import type { JournalEntry } from "../../../src/standin/journal.ts";
import { type Standin, startStandin } from "../../../src/standin/standin.ts";
import { openStore, type Store } from "../../../src/store/store.ts";
import { now } from "../../../src/system/clock.ts";
import { cookiesOf, processesOf } from "../../support/leftovers.ts";

const checkout = join(import.meta.dir, "../../..");
const token = "token-of-the-operator-0123456789";
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What is the same for all rounds of a run. */
export class Stage {
  private constructor(
    readonly folder: string,
    readonly standin: Standin,
    /** Somebody else's process, which nobody may touch. */
    readonly bystander: Subprocess,
    /** How long a supervisor may take to its birth: what dies before it costs a round that time. */
    readonly ready: string,
  ) {}

  static async open(ready = "3s"): Promise<Stage> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-crash-")));
    const standin = await startStandin({ rateLimit: 1_000_000_000 });
    standin.addUser({ login: "acme", token });
    const bystander = Bun.spawn(["/bin/sleep", "100000"], { stdio: ["ignore", "ignore", "ignore"], env: {} });
    const stage = new Stage(folder, standin, bystander, ready);
    await stage.build();
    return stage;
  }

  get program(): string {
    return join(this.folder, "package/bin/claude-workers");
  }

  /** The package as it is shipped, its launcher behind a wrapper; an agent that tells when two of it live in one HOME; a fleet to copy. */
  private async build(): Promise<void> {
    const place = join(this.folder, "package");
    const built = Bun.spawn([process.execPath, join(checkout, "scripts/build.ts"), join(place, "dist")], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    if ((await built.exited) !== 0) throw new Error("the program could not be built");
    for (const name of ["bin", "templates", "package.json"])
      cpSync(join(checkout, name), join(place, name), { recursive: true });
    symlinkSync(join(checkout, "node_modules"), join(place, "node_modules"));
    renameSync(this.program, join(place, "bin/launcher"));
    writeFileSync(this.program, wrapper, { mode: 0o755 });
    const agent = join(this.folder, "claude");
    copyFileSync(join(checkout, "test/fakes/claude"), agent);
    const [first = "", ...rest] = readFileSync(agent, "utf8").split("\n");
    writeFileSync(agent, [first, alone, ...rest].join("\n"));
    chmodSync(agent, 0o755);
    const repo = await this.standin.addRepo({ name: "acme/template", files: { "README.md": "# Site\n" } });
    const fleet = new Ground(this, join(this.folder, "template"), repo, 0, 0, 0);
    fleet.lay();
    const made = await fleet.cw(["init", "01", "--no-store"]);
    if (made.code !== 0) throw new Error(`init: ${made.stderr}`);
  }

  private rounds = 0;

  async ground(folder: string, body: string): Promise<Ground> {
    const name = `acme/r${++this.rounds}`;
    const repo = await this.standin.addRepo({ name, files: { "README.md": "# Site\n" } });
    // A person's label beside no claim: it stays, and nobody works on that issue.
    const decoy = repo.openIssue({ title: "By hand", body: "Leave it to me.", labels: ["worker:01"] });
    const issue = repo.openIssue({ title: "A task", body });
    const asked = await fetch(`${this.standin.url}/repos/${name}`, { headers: { authorization: `Bearer ${token}` } });
    const ground = new Ground(this, folder, repo, ((await asked.json()) as { id: number }).id, issue, decoy);
    cpSync(join(this.folder, "template"), folder, { recursive: true });
    const id = { version: 1, id: crypto.randomUUID() };
    writeFileSync(join(ground.root, ".fleet/fleet.json"), JSON.stringify(id), { mode: 0o600 });
    return ground;
  }

  /** Forgets what a round has left with GitHub: thousands of them are to come. */
  drop(ground: Ground): void {
    const { entries } = this.standin.journal;
    entries.splice(0, entries.length, ...entries.filter((entry) => !ground.isOwn(entry)));
    for (const { number } of ground.repo.pulls()) ground.repo.close(number);
    rmSync(ground.repo.dir, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.bystander.kill("SIGKILL");
    await this.bystander.exited;
    await this.standin.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A fleet with one worker, and a repository with one task. */
export class Ground {
  readonly store: Store;
  private readonly faults: { readonly fault: Fault; handle: FaultHandle }[] = [];

  constructor(
    readonly stage: Stage,
    readonly folder: string,
    readonly repo: RepoControl,
    /** By which GitHub knows the repository, whatever its name. */
    readonly id: number,
    readonly issue: number,
    readonly decoy: number,
  ) {
    this.store = openStore(this.root);
  }

  get root(): string {
    return join(this.folder, "workers");
  }

  /** TMPDIR of what is started. */
  get temporary(): string {
    return join(this.folder, "tmp");
  }

  lay(): void {
    mkdirSync(join(this.folder, "operator/.config/claude-workers"), { recursive: true });
    this.configure({});
    mkdirSync(join(this.folder, "agents"));
    mkdirSync(this.temporary);
  }

  /** @param more beside the limits, which are short */
  configure(more: object): void {
    const file = join(this.folder, "operator/.config/claude-workers/config.json");
    const limits = { start: "20s", silence: "30s", wall: "60s", grace: "300ms", ready: this.stage.ready };
    writeFileSync(file, JSON.stringify({ limits, ...more }), { mode: 0o600 });
  }

  /** @param more.prefix what the program is started with */
  start(args: readonly string[], more: { env?: Record<string, string>; prefix?: readonly string[] } = {}) {
    return Bun.spawn([...(more.prefix ?? []), this.stage.program, ...args], {
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: path,
        HOME: join(this.folder, "operator"),
        LANG: "C.UTF-8",
        TMPDIR: this.temporary,
        CW_ROOT: this.root,
        CW_CLAUDE: join(this.stage.folder, "claude"),
        CW_ISOLATION: "none",
        GH_TOKEN: token,
        GITHUB_API_URL: this.stage.standin.url,
        GITHUB_SERVER_URL: this.stage.standin.url,
        ANTHROPIC_API_KEY: "key-of-the-model-provider-0123456789",
        ...more.env,
      },
    });
  }

  async cw(args: readonly string[], more: Parameters<Ground["start"]>[1] = {}): Promise<Ran> {
    const child = this.start(args, more);
    const late = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    await child.exited;
    clearTimeout(late);
    return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
  }

  /** Paths of requests about the repository, of git or REST. */
  paths(git: boolean): RegExp {
    const { name } = this.repo;
    return new RegExp(git ? `^/${name}\\.git/` : `^/repos/${name}(?:/|$)|^/repositories/${this.id}(?:/|$)`);
  }

  isOwn({ kind, path }: JournalEntry): boolean {
    return this.paths(kind === "git").test(path);
  }

  /** Makes GitHub fail, until {@link heal}. Comes before what was injected earlier, which else would take its requests. */
  inject(fault: Fault): FaultHandle {
    const { standin } = this.stage;
    const handle = standin.inject(fault);
    for (const one of this.faults) {
      one.handle.remove();
      one.handle = standin.inject(one.fault);
    }
    this.faults.push({ fault, handle });
    return handle;
  }

  heal(): void {
    for (const { handle } of this.faults.splice(0)) handle.remove();
  }

  /** Processes of this fleet, whatever they are. */
  alive() {
    return processesOf(this.folder, cookiesOf(this.root));
  }

  get state() {
    return statusOf(this.store.attempts.facts("01"), now()).state;
  }

  /** The words of the lie, if a worker is idle while something of its attempts lives. */
  lie(): string | null {
    // Looked up first: an attempt that begins in between is none of these.
    const cookies = cookiesOf(this.root);
    if (cookies.length === 0 || this.state !== "idle") return null;
    const left = processesOf("CW_ATTEMPT_COOKIE=none", cookies);
    return left.length === 0 ? null : `idle while ${left.map(({ pid, command }) => `${pid} ${command}`).join(", ")}`;
  }

  /** The newest attempt's folder. */
  attempt(n = this.store.attempts.newest("01")): string {
    return this.store.attempts.at("01", n).folder;
  }

  attempts(): number[] {
    const folder = join(this.root, ".fleet/01/attempts");
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  text(file: string): string {
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Makes the next supervisor run behind those words, and leave its exit code. */
  plan(words: string): void {
    writeFileSync(join(this.folder, "plan"), words);
  }

  /** Of the supervisor that had the plan: 137 where it was killed. Null: it was not started, or the wrapper died as well. */
  get supervisorExit(): number | null {
    const text = this.text(join(this.folder, "supervisor.exit"));
    return text === "" ? null : Number(text);
  }

  /** Whether the supervisor that has the plan was started. */
  get supervisorBegun(): boolean {
    return existsSync(join(this.folder, "plan.used"));
  }

  /** Of the newest attempt, if it came after that one and its supervisor was born. */
  supervisorPid(after = 0): number | null {
    const n = this.store.attempts.newest("01");
    const birth = n > after ? this.store.attempts.birth("01", n) : null;
    return birth?.by === "supervisor" ? birth.process.pid : null;
  }
}

/** Polls a fact. @returns null when it did not come about */
export async function awaited<T>(
  fact: () => T | null | undefined | false,
  timeoutMs = 30_000,
  everyMs = 15,
): Promise<T | null> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = fact();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > deadline) return null;
    await Bun.sleep(everyMs);
  }
}

const wrapper = `#!/bin/sh
# The first supervisor of a fleet that has a plan runs behind it, and leaves its exit code; everything else is the launcher.
real=\${0%/*}/launcher
case " $* " in
*" _attempt "*)
  base=\${2%/workers}
  if mv "$base/plan" "$base/plan.used" 2>/dev/null; then
    $(cat "$base/plan.used") "$real" "$@"
    echo $? > "$base/supervisor.new"
    mv "$base/supervisor.new" "$base/supervisor.exit"
    exit
  fi ;;
esac
exec "$real" "$@"
`;

/** In front of the fake agent: two of them in one HOME at once are noted. */
const alone = `
if [ "$1" != --version ]; then
  agents=\${HOME%/workers/*}/agents
  before=$(cat "$agents/now" 2>/dev/null)
  # One that nobody has waited for yet is dead.
  if [ -n "$before" ] && grep -qs '^State:[[:space:]]*[A-WYa-z]' "/proc/$before/status"; then echo "$before and $$" >> "$agents/doubled"; fi
  echo $$ > "$agents/now"
  echo $$ >> "$agents/all"
fi
`;
