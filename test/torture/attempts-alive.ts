/** Whole attempts whose supervisor is stopped for longer than its lease, whose clock jumps, or that are another user's. */
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "../../src/model/process.ts";
import { openStore } from "../../src/store/store.ts";
import { now } from "../../src/system/clock.ts";
import { identify } from "../../src/system/process.ts";
import { aBirth, anIdentity, aSnapshot, aStop, aTask } from "../model/records.ts";
import { begin, newest, running, supervisorOf } from "../support/attempt.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { installed } from "../support/installed.ts";
import { processesOf } from "../support/leftovers.ts";
import { ordinaryUser } from "../support/user.ts";
import type { Random } from "./random.ts";
import type { Found, Suite } from "./suite.ts";

type Harm = Found["harm"][number][];

const body = (go: string) => {
  const script = `until [ -e ${go} ]; do sleep 0.05; done; edit; commit; done_well`;
  return `[[scenario:run]] [[run:${Buffer.from(script).toString("base64")}]]`;
};

async function clean(fleets: readonly TestFleet[], harm: Harm): Promise<void> {
  for (const fleet of fleets) for (const left of await fleet.leftovers()) harm.push({ kind: "leftover", detail: left });
}

/** What the work throws is what is told: after it a fleet may not close well either. */
async function closing(fleets: readonly TestFleet[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    for (const fleet of fleets) await fleet.close().catch(() => {});
    throw error;
  }
  for (const fleet of fleets) await fleet.close();
}

/** What an agent starts may be over by then. */
function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Stopped past the lease or for a moment only; another fleet wants the issue meanwhile. */
async function stopped(random: Random, harm: Harm): Promise<void> {
  const one = await testFleet({ isolation: "none", workers: ["a1"] });
  const two = await testFleet({ isolation: "none", workers: ["b1"], standin: one.standin });
  await closing([two, one], async () => {
    for (const fleet of [one, two]) fleet.configure({ claims: { lease: "2s", grace: "500ms" } });
    const go = join(one.folder, "go");
    const issue = await begin(one, { worker: "a1", body: body(go) });
    await running(one, "a1");
    const pid = supervisorOf(one, "a1");
    const cookie = JSON.parse(readFileSync(join(one.attempt("a1", newest(one, "a1")), "task.json"), "utf8")).cookie;
    const all = random.next() < 0.5 ? processesOf(cookie).map((each) => each.pid) : [];
    for (const each of [pid, ...all]) signal(each, "SIGSTOP");
    const resume = () => {
      for (const each of [...all, pid]) signal(each, "SIGCONT");
    };
    const state = async () => (await one.cw(["status", "a1", "--json"])).json().workers[0].state;
    if ((await state()) !== "busy") harm.push({ kind: "false", detail: `stopped, and status says ${await state()}` });
    const brief = random.next() < 0.25;
    if (brief) resume();
    const args = ["dispatch", "-r", "acme/site", "-i", String(issue), "--json"];
    const taken = await until("the lease is over", async () => {
      const ran = await two.cw(args);
      if (ran.code !== 0 && ran.code !== 4) harm.push({ kind: "false", detail: `dispatch: ${ran.code} ${ran.stderr}` });
      return ran.code === 0 || brief ? ran.code === 0 : null;
    });
    if (brief && taken)
      harm.push({ kind: "doubled", detail: "the issue was taken from a supervisor that renews its claim" });
    const late = random.next() < 0.5;
    if (!brief && !late) resume();
    writeFileSync(go, "");
    const ends = taken ? [(await two.ended("b1")).outcome] : [];
    if (!brief && late) resume();
    ends.push((await one.ended("a1")).outcome);
    const expected = taken ? "delivered,fenced" : "delivered";
    if (ends.join() !== expected) harm.push({ kind: "false", detail: `ends ${ends}, not ${expected}` });
    const pulls = one.repo.pulls().filter(({ head }) => head.startsWith(`issue-${issue}`));
    if (pulls.length !== 1) harm.push({ kind: "doubled", detail: `pull requests: ${pulls.map(({ head }) => head)}` });
    await clean([one, two], harm);
  });
}

/** The same program, started with a wall clock that jumps by years back and forth, several times in a second. */
function jumping(folder: string, prefix: string): string {
  const from = join(prefix, "lib/node_modules/claude-workers");
  const to = join(folder, "package");
  mkdirSync(join(to, "bin"), { recursive: true });
  for (const name of ["dist", "templates", "package.json"])
    cpSync(join(from, name), join(to, name), { recursive: true });
  cpSync(join(from, "bin"), join(to, "bin"), { recursive: true });
  symlinkSync(join(from, "node_modules"), join(to, "node_modules"));
  const jumps = join(to, "jumps.js");
  writeFileSync(
    jumps,
    `const Real = Date, real = Date.now, year = 31536000000;
    const shift = () => [0, year, -year, 3600000, -3600000][Math.floor(real() / 150) % 5];
    globalThis.Date = class extends Real {
      constructor(...args) { if (args.length === 0) super(real() + shift()); else super(...args); }
      static now() { return real() + shift(); }
    };\n`,
  );
  const launcher = join(to, "bin/claude-workers");
  writeFileSync(
    launcher,
    `#!/bin/sh\nexec ${process.execPath} --preload=${jumps} --no-env-file ${join(to, "dist/main.js")} "$@"\n`,
  );
  chmodSync(launcher, 0o755);
  return launcher;
}

async function jumpingClock(random: Random, folder: string, harm: Harm): Promise<void> {
  const fleet = await testFleet({ isolation: "none" });
  await closing([fleet], async () => {
    const { prefix } = await installed();
    const program = jumping(folder, prefix);
    fleet.configure({ claims: { lease: "3s", grace: "1s" }, limits: { wall: "30s", silence: "20s", start: "20s" } });
    const go = join(fleet.folder, "go");
    const issue = fleet.repo.openIssue({ title: "Jumps", body: body(go) });
    const cw = async (args: string[]) => {
      const child = Bun.spawn([program, ...args], {
        env: fleet.env,
        cwd: fleet.folder,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const late = setTimeout(() => child.kill("SIGKILL"), 60_000);
      const [out, words, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      clearTimeout(late);
      if (child.signalCode === "SIGKILL")
        harm.push({ kind: "stuck", detail: `${args[0]} did not end within a minute` });
      return { out, words, code };
    };
    const ran = await cw(["dispatch", "-r", "acme/site", "-i", String(issue)]);
    if (ran.code !== 0) harm.push({ kind: "false", detail: `dispatch: ${ran.words}` });
    else {
      await running(fleet, "01");
      for (let looks = 3 + random.below(5); looks > 0; looks--) {
        const { state } = JSON.parse((await cw(["status", "--json"])).out).workers[0];
        if (state !== "busy") harm.push({ kind: "false", detail: `at work, and status says ${state}` });
        await Bun.sleep(150);
      }
      const stop = random.next() < 0.3;
      if (stop) await cw(["stop", "01"]);
      else writeFileSync(go, "");
      const end = await fleet.ended("01");
      const expected = stop ? "stopped" : "delivered";
      if (end.outcome !== expected)
        harm.push({ kind: "false", detail: `${end.outcome} (${end.reason}), not ${expected}` });
    }
    await clean([fleet], harm);
  });
}

/** The letter of its state, or null where there is none: by our own eyes. */
function stateOf(pid: number): string | null {
  try {
    return /\) (\S) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}

/**
 * Records that name numbers which are another user's processes by now. We are root: no kernel keeps our signals from them. Each
 * ends by any signal, but for one that stops it.
 */
async function anothers(random: Random, folder: string, harm: Harm): Promise<void> {
  const user = ordinaryUser();
  const program = join((await installed()).prefix, "bin/cw");
  const cookie = crypto.randomUUID();
  const environments: readonly Record<string, string>[] = [
    {},
    { CW_ATTEMPT_COOKIE: crypto.randomUUID() },
    { CW_ATTEMPT_COOKIE: `${cookie}0` },
    { NOTE: `CW_ATTEMPT_COOKIE=${cookie}` },
  ];
  const others = Array.from({ length: 1 + random.below(5) }, () =>
    Bun.spawn(user.as(["/bin/sleep", "100000"]), {
      env: random.pick(environments),
      stdio: ["ignore", "ignore", "ignore"],
    }),
  );
  try {
    for (const { pid } of others)
      await until(`process ${pid} is the other user's`, () =>
        readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("/bin/sleep") ? true : null,
      );
    /** Whoever had that number before. */
    const before = (pid: number): ProcessIdentity => {
      const one = identify(pid);
      if (one === null) throw new Error(`process ${pid} is gone`);
      return { ...one, startTime: String(Number(one.startTime) - 1 - random.below(1000)) };
    };
    const one = () => before(random.pick(others).pid);
    const { workers, attempts, paths } = openStore(folder);
    workers.create(anIdentity, null);
    mkdirSync(paths.home("01"));
    const at = now();
    // Its supervisor has been awaited for long enough.
    const reservedAt = { ...at, uptimeMs: at.uptimeMs - 3_600_000 };
    const task = { ...aTask, issue: null, cookie, reservedAt, reservedBy: one() };
    attempts.reserve("01", () => task, aSnapshot, "x");
    const plan = { born: random.next() < 0.8, wish: random.next() < 0.3, stop: random.next() < 0.5 };
    if (plan.born) {
      attempts.bear("01", 1, { ...aBirth, process: one(), bornAt: at });
      for (const { pid } of others)
        attempts.recordStarted("01", 1, { monitor: before(pid), first: random.next() < 0.5 ? one() : null });
    }
    if (plan.wish) attempts.wishStop("01", 1, aStop);
    const wrong = (kind: Harm[number]["kind"], what: string) =>
      harm.push({ kind, detail: `${what} (${JSON.stringify(plan)})` });
    const cw = async (...args: string[]) => {
      const env = {
        ...{ PATH: "/usr/bin:/bin", HOME: folder, LANG: "C.UTF-8", CW_ROOT: folder, CW_ISOLATION: "none" },
        // Nobody listens there, and nobody is asked: the task has no issue.
        ...{
          GITHUB_API_URL: "http://127.0.0.1:9",
          GITHUB_SERVER_URL: "http://127.0.0.1:9",
          GH_TOKEN: "ghp_0123456789",
        },
      };
      const child = Bun.spawn([program, ...args], { env, cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
      const [out, words, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      for (const other of others)
        if (stateOf(other.pid) !== "S")
          wrong("stranger", `${args[0]}: the other user's process is ${stateOf(other.pid)}`);
      return { out, words, code };
    };
    const state = async (expected: string) => {
      const { out, words, code } = await cw("status", "--json");
      const shown = code === 0 ? JSON.parse(out).workers[0].state : words;
      if (shown !== expected) wrong("false", `status: ${shown}, not ${expected}`);
    };
    await state("crashed");
    for (const args of plan.stop
      ? [
          ["stop", "01"],
          ["reset", "01"],
        ]
      : [["reset", "-f", "01"]]) {
      const { words, code } = await cw(...args);
      if (code !== 0) wrong("stuck", `${args[0]}: exit ${code}: ${words}`);
      await state("idle");
    }
  } finally {
    for (const other of others) other.kill("SIGKILL");
    await Promise.all(others.map((other) => other.exited));
  }
}

export const attemptsAlive: Suite = {
  name: "liveness-attempts",
  shows:
    "whole attempts: stopped past the lease while another fleet takes over, a wall clock that jumps by years, another user's processes",
  full: 60,
  quick: 2,
  round: async ({ seed, folder, random }) => {
    const harm: Harm = [];
    if (seed % 3 === 1) await stopped(random, harm);
    else if (seed % 3 === 2) await jumpingClock(random, folder, harm);
    else if (process.getuid?.() === 0) await anothers(random, folder, harm);
    else return { tried: 0, harm };
    return { tried: 1, harm };
  },
};
