/**
 * In a pid namespace of its own, so that numbers can be given out again: `liveness-program.ts <folder> <seed> <program>` makes
 * an attempt whose processes are alive, dead, zombies, stopped, or somebody else's by now, and holds the program to it.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { statusOf } from "../../src/model/attempt.ts";
import type { ProcessIdentity } from "../../src/model/process.ts";
import { openStore } from "../../src/store/store.ts";
import { now } from "../../src/system/clock.ts";
import { identify } from "../../src/system/process.ts";
import { aBirth, anIdentity, aSnapshot, aStop, aTask } from "../model/records.ts";
import { Random } from "./random.ts";
import type { Found } from "./suite.ts";

const [folder = "", seed = "0", program = ""] = Bun.argv.slice(2);
const random = new Random(Number(seed));
const harm: Found["harm"][number][] = [];

type Life = "alive" | "stopped" | "dead" | "zombie" | "reused";
const lives: readonly Life[] = ["alive", "stopped", "dead", "zombie", "reused"];
const place = random.pick([
  "here",
  "here",
  "here",
  "here",
  "another boot",
  "another namespace",
  "another machine",
] as const);
const plan = {
  place,
  supervisor: random.pick(lives),
  agent: random.pick([...lives, "none"] as const),
  born: random.next() < 0.8,
  wish: random.next() < 0.3,
  /** The wall clock has jumped since: it decides nothing. */
  years: random.pick([0, 0, -10, 10]),
};
const wrong = (kind: Found["harm"][number]["kind"], what: string) =>
  harm.push({ kind, detail: `${what} (${JSON.stringify(plan)})` });

const sleeper = (env: Record<string, string> = {}) =>
  Bun.spawn(["/bin/sleep", "100000"], { env, stdio: ["ignore", "ignore", "ignore"] });
const strangers: Bun.Subprocess[] = [];
const started: Bun.Subprocess[] = [];

/** What /proc says of it, by our own eyes. */
function isThere(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Makes the kernel give the number out again. */
async function reuse(pid: number): Promise<void> {
  await Bun.sleep(30); // Start times are told in hundredths of a second.
  for (let tries = 0; tries < 50; tries++) {
    writeFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const stranger = sleeper();
    strangers.push(stranger);
    if (stranger.pid === pid) return;
  }
  throw new Error("the number was never given out again");
}

/** A process as it was recorded, and what became of it. */
async function make(life: Life, env: Record<string, string>): Promise<{ was: ProcessIdentity; pid: number }> {
  if (life === "zombie") {
    // The shell becomes a program that never waits for its child.
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const script = `env ${words.join(" ")} /bin/sleep 100000 & echo $!; exec /bin/sleep 100000`;
    const parent = Bun.spawn(["/bin/sh", "-c", script], {
      env: {},
      stdio: ["ignore", "pipe", "ignore"],
    });
    strangers.push(parent);
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value).trim());
    const was = identity(pid);
    process.kill(pid, "SIGKILL");
    while (isThere(pid)) await Bun.sleep(1);
    return { was, pid };
  }
  const child = sleeper(env);
  started.push(child);
  const was = identity(child.pid);
  if (life === "stopped") child.kill("SIGSTOP");
  if (life === "dead" || life === "reused") {
    child.kill("SIGKILL");
    await child.exited;
    if (life === "reused") await reuse(child.pid);
  }
  return { was, pid: child.pid };
}

function identity(pid: number): ProcessIdentity {
  const found = identify(pid);
  if (found === null) throw new Error(`process ${pid} is gone`);
  return found;
}

function asRecorded(one: ProcessIdentity): ProcessIdentity {
  if (place === "another boot") return { ...one, bootId: "00000000-0000-4000-8000-000000000000" };
  if (place === "another namespace") return { ...one, pidNamespace: "pid:[1]" };
  return place === "another machine" ? { ...one, machineId: "elsewhere" } : one;
}

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...{ PATH: "/usr/bin:/bin", HOME: folder, LANG: "C.UTF-8", CW_ROOT: folder, CW_ISOLATION: "none" },
    // Nobody listens there, and nobody is asked: the task has no issue.
    ...{ GITHUB_API_URL: "http://127.0.0.1:9", GITHUB_SERVER_URL: "http://127.0.0.1:9", GH_TOKEN: "ghp_0123456789" },
  };
  const child = Bun.spawn([program, ...args], { env, cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

const cookie = crypto.randomUUID();
const supervisor = await make(plan.supervisor, {});
const agent = plan.agent === "none" ? null : await make(plan.agent, { CW_ATTEMPT_COOKIE: cookie });
const { workers, attempts, paths } = openStore(folder);
workers.create(anIdentity, null);
mkdirSync(paths.home("01"));
const at = now();
const then = {
  ...at,
  at: new Date(Date.parse(at.at) + plan.years * 31_536_000_000).toISOString(),
  uptimeMs: at.uptimeMs - 3_600_000,
};
if (place === "another boot") then.bootId = "00000000-0000-4000-8000-000000000000";
const process_ = asRecorded(supervisor.was);
attempts.reserve(
  "01",
  () => ({ ...aTask, issue: null, cookie, reservedAt: then, reservedBy: process_ }),
  aSnapshot,
  "x",
);
if (plan.born) attempts.bear("01", 1, { ...aBirth, process: process_, bornAt: then });
if (plan.born && agent) attempts.recordStarted("01", 1, { monitor: asRecorded(agent.was), first: null });
if (plan.wish) attempts.wishStop("01", 1, aStop);

const runs = (life: Life | "none") => life === "alive" || life === "stopped";
const elsewhere = place === "another namespace" || place === "another machine";
/** What has to be said; by cookie an agent is found wherever its record says that it was. */
function expected(): string {
  if (!plan.born) return place === "here" && runs(plan.supervisor) ? "starting" : "crashed";
  if (elsewhere) return "unknown";
  if (place === "here" && runs(plan.supervisor)) return plan.wish ? "stopping" : "busy";
  return runs(plan.agent) ? "stopping" : "crashed";
}

const began = performance.now();
const { state } = statusOf(attempts.facts("01"), now());
if (performance.now() - began > 1000) wrong("false", `it took ${Math.round(performance.now() - began)} ms`);
if (state !== expected()) wrong("false", `${state}, not ${expected()}`);
const status = await run("status", "--json");
const shown = status.code === 0 ? JSON.parse(status.stdout).workers[0].state : status.stderr;
if (shown !== expected()) wrong("false", `status: ${shown}, not ${expected()}`);

// A supervisor that lives would be waited for, as long as its step may take.
const waits = place === "here" && runs(plan.supervisor);
if (!waits) {
  const reset = await run("reset", "-f", "01");
  const after = statusOf(attempts.facts("01"), now()).state;
  if (expected() === "unknown" ? reset.code !== 5 || after !== "unknown" : reset.code !== 0 || after !== "idle")
    wrong("stuck", `reset: exit ${reset.code}, then ${after}: ${reset.stderr}`);
  if (after === "idle" && agent && runs(plan.agent) && plan.born && isThere(agent.pid))
    wrong("survivor", "the agent lives on");
}
for (const one of strangers)
  if (!isThere(one.pid)) wrong("stranger", `process ${one.pid} was killed, which is none of ours`);
// Of another boot, machine or namespace: whatever has that number here is a stranger.
if (runs(plan.supervisor) && !isThere(supervisor.pid))
  wrong("stranger", "the process with the number of the supervisor was killed");
for (const one of [...strangers, ...started]) one.kill("SIGKILL");
writeFileSync(join(folder, "found.json"), JSON.stringify({ tried: 1, harm } satisfies Found));
process.exit(0);
