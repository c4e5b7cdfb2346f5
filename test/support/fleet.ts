/** A fleet as an operator has it: the program started as a process, its own HOME and root, a local GitHub, a fake agent. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { type End, endSchema } from "../../src/model/attempt.ts";
import type { RepoControl } from "../../src/standin/control.ts";
import { type Standin, startStandin } from "../../src/standin/standin.ts";
import { installed } from "./installed.ts";
import { claimsLeft, cookiesOf, filesLeft, processesOf } from "./leftovers.ts";
import type { OrdinaryUser } from "./user.ts";

const checkout = join(import.meta.dir, "../..");

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The one document on standard output. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into documents whose form they are there to check.
  readonly json: () => any;
}

export interface RunOptions {
  /** Added to the environment; undefined takes one away. */
  readonly env?: Record<string, string | undefined>;
  readonly input?: string;
  /** Default 60 s; then it is killed and the test fails. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

export interface TestFleet {
  /** Holds everything of the fleet but the local GitHub. */
  readonly folder: string;
  readonly root: string;
  /** HOME of the operator. */
  readonly operator: string;
  readonly standin: Standin;
  /** acme/site */
  readonly repo: RepoControl;
  readonly token: string;
  /** The dummy credential of the model provider. */
  readonly key: string;
  /** Path of the program. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs the program to its end with an environment built from nothing. */
  cw(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Starts it, for signals and for what it prints on the way. */
  start(args: readonly string[], options?: Omit<RunOptions, "timeoutMs">): Subprocess<"pipe", "pipe", "pipe">;
  /** Writes the configuration file (merged over small test limits). */
  configure(config: object): void;
  /** Folder of an attempt, which need not exist. */
  attempt(worker: string, n: number): string;
  /** Awaits the end record of an attempt. @param n default: the newest */
  ended(worker: string, n?: number, timeoutMs?: number): Promise<End>;
  /** Messages of the claim of an issue, newest first; [] without one. @param repo default: acme/site */
  claim(
    issue: number,
    repo?: string,
  ): Promise<{ state: string; worker: string; attempt: string; head?: string; pr?: number }[]>;
  /** Processes, labels worker:*, claims that are still held, temp files and locks that should not be there. [] is clean. */
  leftovers(): Promise<string[]>;
  /** Kills what is left and throws if anything was; closes the local GitHub if it is ours; removes the folder. */
  close(): Promise<void>;
}

export interface FleetOptions {
  /** Default: 01. */
  workers?: string[];
  asUser?: OrdinaryUser;
  /** The packed and installed program instead of the checkout's. */
  installed?: boolean;
  /** The agent; default: a copy of the fake one. */
  claude?: string;
  /** Default: what the program takes by itself. */
  isolation?: "auto" | "bubblewrap" | "none";
  env?: Record<string, string>;
  /** Another fleet's local GitHub; it is not closed with this one. */
  standin?: Standin;
}

export const testToken = "token-of-the-operator-0123456789";
const testKey = "key-of-the-model-provider-0123456789";

/** Limits that a slow machine keeps and that a test can wait for. */
const smallLimits = {
  limits: { start: "20s", silence: "30s", wall: "60s", grace: "500ms", ready: "20s" },
};

export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export async function testFleet(options: FleetOptions = {}): Promise<TestFleet> {
  const user = options.asUser;
  const folder = user?.folder() ?? realpathSync(mkdtempSync(join(tmpdir(), "cw-fleet-")));
  const mine = (path: string) => user && chownSync(path, user.uid, user.gid);
  const makeFolder = (path: string) => {
    mkdirSync(path, { mode: 0o700 });
    mine(path);
    return path;
  };
  const operator = makeFolder(join(folder, "operator"));
  makeFolder(join(operator, ".config"));
  const configFolder = makeFolder(join(operator, ".config/claude-workers"));
  const root = join(folder, "workers");
  const claude = options.claude ?? join(makeFolder(join(folder, "bin")), "claude");
  if (options.claude === undefined) {
    copyFileSync(join(checkout, "test/fakes/claude"), claude);
    chmodSync(claude, 0o755);
    mine(claude);
  }
  const packed = options.installed === true || (user !== undefined && !user.canRead(join(checkout, "src/cli/main.ts")));
  const program = packed ? join((await installed()).prefix, "bin/cw") : join(checkout, "bin/claude-workers");
  const standin = options.standin ?? (await startStandin());
  if (options.standin === undefined) {
    standin.addUser({ login: "acme", token: testToken });
    await standin.addRepo({
      name: "acme/site",
      files: { "README.md": "# Site\n", "test.sh": "#!/bin/sh\ntest -s README.md\n" },
    });
  }
  const repo = standin.repo("acme/site");
  const env: Record<string, string> = {
    PATH: systemPath,
    HOME: operator,
    LANG: "C.UTF-8",
    CW_ROOT: root,
    CW_CLAUDE: claude,
    CW_ISOLATION: options.isolation ?? "auto",
    GH_TOKEN: testToken,
    GITHUB_API_URL: standin.url,
    GITHUB_SERVER_URL: standin.url,
    ANTHROPIC_API_KEY: testKey,
    ...options.env,
  };

  const spawn = (args: readonly string[], more: RunOptions): Subprocess<"pipe", "pipe", "pipe"> =>
    Bun.spawn([...(user?.as([program, ...args]) ?? [program, ...args])], {
      cwd: more.cwd ?? folder,
      env: Object.fromEntries(
        Object.entries({ ...env, ...more.env }).filter((pair): pair is [string, string] => pair[1] !== undefined),
      ),
      stdio: ["pipe", "pipe", "pipe"],
    });
  const started: Subprocess[] = [];

  const fleet: TestFleet = {
    folder,
    root,
    operator,
    standin,
    repo,
    token: testToken,
    key: testKey,
    program,
    env,
    async cw(args, more = {}) {
      const child = spawn(args, more);
      const late = setTimeout(() => child.kill("SIGKILL"), more.timeoutMs ?? 60_000);
      if (more.input !== undefined) child.stdin.write(more.input);
      void Promise.resolve(child.stdin.end()).catch(() => {});
      const [stdout, stderr, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      clearTimeout(late);
      if (child.signalCode === "SIGKILL") throw new Error(`cw ${args.join(" ")} took too long:\n${stdout}\n${stderr}`);
      return {
        code,
        stdout,
        stderr,
        json: () => {
          try {
            return JSON.parse(stdout);
          } catch {
            throw new Error(`cw ${args.join(" ")} (exit ${code}) printed no JSON document: ${stdout}\n${stderr}`);
          }
        },
      };
    },
    start(args, more = {}) {
      const child = spawn(args, more);
      started.push(child);
      if (more.input !== undefined) {
        child.stdin.write(more.input);
        void Promise.resolve(child.stdin.end()).catch(() => {});
      }
      return child;
    },
    configure(config) {
      const file = join(configFolder, "config.json");
      writeFileSync(file, JSON.stringify(merge(smallLimits, config)), { mode: 0o600 });
      mine(file);
    },
    attempt: (worker, n) => join(root, ".fleet", worker, "attempts", String(n).padStart(4, "0")),
    async ended(worker, n, timeoutMs = 60_000) {
      const folderOf = () => {
        const names = readdirSync(join(root, ".fleet", worker, "attempts"));
        return fleet.attempt(worker, n ?? Math.max(...names.map(Number).filter(Number.isInteger)));
      };
      return await until(
        `attempt of worker ${worker} ends`,
        () => readEnd(join(folderOf(), "end.json")),
        timeoutMs,
        () => readText(join(folderOf(), "events.jsonl")).split("\n").slice(-8).join("\n"),
      );
    },
    async claim(issue, name) {
      const of = name === undefined ? repo : standin.repo(name);
      const ref = `refs/claude-workers/claims/issue-${issue}`;
      if (!(ref in (await of.refs(ref)))) return [];
      const messages = (await of.messages(ref)).map((message) =>
        message.startsWith("{") ? JSON.parse(message) : null,
      );
      return messages.filter((message) => message !== null);
    },
    async leftovers() {
      // A supervisor ends a moment after it has written its last record.
      const alive = () =>
        processesOf(folder, cookiesOf(root)).filter(({ pid }) => !started.some((one) => one.pid === pid));
      await until("processes end", () => (alive().length === 0 ? true : null), 5000).catch(() => {});
      const outcomeOf = (attempt: string) => {
        const [, worker = "", n = "0"] = /^(.*)-(\d+)$/.exec(attempt) ?? [];
        return readEnd(join(fleet.attempt(worker, Number(n)), "end.json"))?.outcome ?? null;
      };
      return [
        ...alive().map(({ pid, command }) => `process ${pid}: ${command}`),
        ...(await filesLeft(root)),
        ...(await claimsLeft(repo, "refs/claude-workers/claims", outcomeOf)),
      ];
    },
    async close() {
      for (const child of started) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await Promise.all(started.map((child) => child.exited));
      const alive = () => processesOf(folder, cookiesOf(root));
      await until("processes end", () => (alive().length === 0 ? true : null), 3000).catch(() => {});
      const left = alive();
      for (let round = 0; round < 50 && alive().length > 0; round++) {
        for (const { pid } of alive()) kill(pid);
        await Bun.sleep(20);
      }
      if (options.standin === undefined) await standin.close();
      rmSync(folder, { recursive: true, force: true });
      if (left.length > 0)
        throw new Error(`left alive:\n${left.map(({ pid, command }) => `${pid} ${command}`).join("\n")}`);
    },
  };

  fleet.configure({});
  const workers = options.workers ?? ["01"];
  if (workers.length > 0) {
    const made = await fleet.cw(["init", ...workers]);
    if (made.code !== 0) {
      await fleet.close();
      throw new Error(`init: ${made.stderr}`);
    }
  }
  return fleet;
}

/** Polls a fact, every 20 ms, until it is there. @throws Error naming what was awaited, with `more` at its end */
export async function until<T>(
  what: string,
  fact: () => T | null | undefined | Promise<T | null | undefined>,
  timeoutMs = 20_000,
  more: () => string = () => "",
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await fact();
    if (found !== null && found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}\n${more()}`);
    await Bun.sleep(20);
  }
}

function readEnd(file: string): End | null {
  const text = readText(file);
  return text === "" ? null : endSchema.parse(JSON.parse(text));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function merge(under: object, over: object): object {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isObject(value) && isObject(below) ? merge(below, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kill(pid: number): void {
  try {
    if (pid > 1) process.kill(pid, "SIGKILL");
  } catch {
    // It ended in between.
  }
}
