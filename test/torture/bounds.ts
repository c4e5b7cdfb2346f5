/**
 * Agents that hang, print without end, take all of a small disk or leave very many files: each attempt ends in time and with its
 * reason, what is kept of it is bounded, the program answers meanwhile, and the worker takes the next task.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { End } from "../../src/model/attempt.ts";
import { begin, newest, running, supervisorOf } from "../support/attempt.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { cookiesOf, processesOf } from "../support/leftovers.ts";
import { onSmallDisk } from "../support/small-disk.ts";
import type { Random } from "./random.ts";
import type { Found, Harm, Suite } from "./suite.ts";

/** Of a transcript, as these fleets are told; of events, as the program has it. */
const keptBytes = 1 << 20;
const eventBytes = 16 << 20;
/** For the supervisor, whatever is printed; it begins with some 100 MB. */
const memoryBytes = 400 << 20;
const spareMs = 30_000;

export interface Play {
  /** The agent, as lines of a POSIX shell. */
  readonly script: string;
  readonly limits?: Readonly<Record<string, string | number>>;
  readonly outcome: readonly End["outcome"][];
  readonly reason: RegExp;
  /** When the agent has to be ended. */
  readonly deadlineMs: number;
  /** How long the next attempt's supervisor may take to remove what was left in HOME; undefined: no time worth waiting for. */
  readonly removalMs?: number;
  /** Of a disk of its own, in MiB. */
  readonly disk?: number;
}

const line = `'{"type":"user","message":{"content":[{"type":"tool_result","content":"'"$(head -c 60000 /dev/zero | tr '\\0' x)"'"}]}}'`;
const wall = { limits: { wall: "5s" }, outcome: ["timed-out"], reason: /ran for 5 s/, deadlineMs: 5000 } as const;

const plays: Readonly<Record<string, (random: Random) => Play>> = {
  "says one word, then nothing": () => ({
    script: "for_ever",
    ...{ limits: { silence: "3s" }, outcome: ["stalled"], reason: /nothing for 3 s/, deadlineMs: 3000 },
  }),
  "stops itself": () => ({
    script: "kill -STOP $$",
    ...{ limits: { silence: "3s" }, outcome: ["stalled"], reason: /nothing for 3 s/, deadlineMs: 3000 },
  }),
  "prints lines without end": () => ({ script: `exec yes ${line}`, ...wall }),
  "prints one line without end": () => ({ script: "exec tr '\\0' x < /dev/zero", ...wall }),
  "prints short lines without end": () => ({ script: "exec yes", ...wall }),
  "prints NUL and half characters without end": () => ({ script: "exec cat /dev/urandom", ...wall }),
  "prints errors without end": () => ({ script: `exec yes ${line} >&2`, ...wall }),
  "leaves very many files beside its clone": (random) => ({
    script: `perl -e 'mkdir "$ENV{HOME}/many"; for $d (1 .. ${random.pick([2, 20, 40])}) { mkdir "$ENV{HOME}/many/$d"; for (1 .. 1000) { open F, ">", "$ENV{HOME}/many/$d/$_" or die } }'
edit; commit; done_well`,
    ...{ outcome: ["delivered"], reason: /./, deadlineMs: 30_000 },
  }),
  "leaves many files in its clone, not committed": (random) => ({
    script: `perl -e 'mkdir "many"; for (1 .. ${random.pick([100, 1000, 3000])}) { open F, ">", "many/$_" or die; print F $_ }'; done_well`,
    ...{ outcome: ["delivered"], reason: /./, deadlineMs: 30_000 },
  }),
  "makes folders as deep as it may": () => ({
    script: `perl -e 'chdir $ENV{HOME}; for (1 .. 3000) { mkdir "d" and chdir "d" or last }'; edit; commit; done_well`,
    ...{ outcome: ["delivered"], reason: /./, deadlineMs: 30_000 },
  }),
  "fills the disk and goes on": (random) => ({
    script: `head -c ${random.pick([20, 40, 100])}M /dev/zero > "$HOME/fill" 2> /dev/null; head -c 100M /dev/zero > "$HOME/more" 2> /dev/null; for_ever`,
    ...{ limits: { silence: "8s" }, outcome: ["over-budget"], reason: /disk/, deadlineMs: 8000, disk: 40 },
  }),
  "fills the disk and ends": () => ({
    script: `edit; head -c 100M /dev/zero > "$HOME/fill" 2> /dev/null; : > "$HOME/full"; done_well`,
    ...{
      outcome: ["delivered", "failed", "rejected", "over-budget", "lost"],
      reason: /./,
      deadlineMs: 30_000,
      disk: 40,
    },
  }),
};

interface Peak {
  memory: number;
  statusMs: number;
}

async function attempt(fleet: TestFleet, name: string, play: Play, say: (kind: Harm, detail: string) => void) {
  const body = `[[scenario:run]] [[run:${Buffer.from(play.script).toString("base64")}]]`;
  const issue = await begin(fleet, { worker: "01", body });
  await running(fleet, "01").catch(() => {});
  const began = performance.now();
  const n = newest(fleet, "01");
  const folder = fleet.attempt("01", n);
  const { cookie } = JSON.parse(readFileSync(join(folder, "task.json"), "utf8"));
  const supervisor = supervisorOf(fleet, "01");
  const peak: Peak = { memory: 0, statusMs: 0 };
  const state = async () => {
    const asked = performance.now();
    const ran = await fleet.cw(["status", "01", "--json"]);
    peak.statusMs = Math.max(peak.statusMs, performance.now() - asked);
    if (ran.code !== 0) say("false", `status: ${ran.code} ${ran.stderr}`);
    return ran.code === 0 ? ran.json().workers[0].state : "none";
  };
  const over = () => existsSync(join(folder, "end.json"));
  // Also without an end where there was no room for one.
  while (!over() && residentOf(supervisor) > 0) {
    peak.memory = Math.max(peak.memory, residentOf(supervisor));
    const told = await state();
    if (told === "idle" && !over()) say("false", "idle while it is at work");
    if (performance.now() - began > play.deadlineMs + spareMs) {
      say("stuck", `no end for ${Math.round((performance.now() - began) / 1000)} s`);
      break;
    }
    await Bun.sleep(250);
  }
  if (peak.memory > memoryBytes) say("leftover", `the supervisor took ${peak.memory >> 20} MiB of memory`);
  if (peak.statusMs > 5000) say("stuck", `status took ${Math.round(peak.statusMs)} ms`);
  const left = processesOf("CW_ATTEMPT_COOKIE=none", [cookie]);
  if (left.length > 0 && (await state()) === "idle") say("survivor", left.map(({ command }) => command).join(", "));
  for (const file of readdirSync(folder)) {
    const { size } = statSync(join(folder, file));
    if (size > (file === "events.jsonl" ? eventBytes : keptBytes) * 1.1) say("leftover", `${file} has ${size} bytes`);
  }
  const early = play.disk !== undefined && !over() ? await fleet.cw(["reset", "-f", "01"]) : null;
  // There is room again.
  for (const file of ["fill", "more"]) rmSync(join(fleet.root, "01", file), { force: true });
  if (!over()) {
    const told = await state();
    if (told !== "crashed" && told !== "stopping") say("false", `${told} without an end`);
    const log = readFileSync(join(folder, "supervisor.log"), "utf8");
    if (play.disk === undefined) say("false", `no end: ${log}`);
    const reset = await fleet.cw(["reset", "-f", "01"]);
    if (reset.code !== 0) say("stuck", `reset: ${reset.code} ${reset.stderr}`);
  }
  const end = await fleet.ended("01", n, 5000);
  if (!play.outcome.includes(end.outcome) || !play.reason.test(end.reason))
    say("false", `${end.outcome}: ${end.reason}`);
  const text = JSON.stringify(end) + readFileSync(join(folder, "events.jsonl"), "utf8") + (early?.stderr ?? "");
  if (play.disk !== undefined && end.outcome !== "delivered" && !/disk|ENOSPC|No space left/.test(text))
    say("false", `nobody says that the disk was full: ${end.outcome}, ${end.reason}`);
  if (end.outcome === "delivered") return;
  const patch = join(folder, "work.patch");
  const kept = existsSync(patch) && readFileSync(patch, "utf8").includes("+Edited by the fake agent.");
  if (play.script.startsWith("edit;") && !kept) say("lost", `${end.outcome}, and no patch of its work`);
  const reset = await fleet.cw(["reset", "01"]);
  if (reset.code !== 0) say("stuck", `reset after ${end.outcome}: ${reset.stderr}`);
  const labels = fleet.repo.labels(issue);
  if (labels.some((label) => label.startsWith("worker:"))) say("leftover", `labels ${labels} after reset (${name})`);
}

/** Of the dispatcher: no room from the beginning. */
async function noRoom(fleet: TestFleet, say: (kind: Harm, detail: string) => void): Promise<void> {
  const filler = join(fleet.root, "filler");
  const issue = fleet.repo.openIssue({ title: "No room", body: "[[scenario:edit]]" });
  fill(filler);
  const ran = await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "01"]);
  if (ran.code !== 5 || !/ENOSPC|No space left|disk/.test(ran.stderr))
    say("false", `dispatch: ${ran.code} ${ran.stderr}`);
  const status = await fleet.cw(["status", "--json"]);
  if (status.code !== 0) say("false", `status: ${status.code} ${status.stderr}`);
  rmSync(filler);
  const again = await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "01"]);
  if (again.code !== 0) say("stuck", `dispatch with room: ${again.code} ${again.stderr}`);
  else {
    const end = await fleet.ended("01");
    if (end.outcome !== "delivered") say("false", `with room again: ${end.outcome}, ${end.reason}`);
  }
}

/** To the last byte. */
function fill(file: string): void {
  for (const size of [1 << 20, 4096, 512, 1]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch {
      // Full for pieces of that size.
    }
  }
}

const names = Object.keys(plays);
const root = process.getuid?.() === 0;

async function round(seed: number, random: Random): Promise<Found> {
  const name = names[seed % (names.length + 1)] ?? "no room for a dispatch";
  const isolation = random.next() < 0.4 && Bun.which("bwrap") !== null ? "bubblewrap" : "none";
  return await played(name, plays[name]?.(random), isolation);
}

/** @param play none: no room for a dispatch */
export async function played(name: string, play: Play | undefined, isolation: "bubblewrap" | "none"): Promise<Found> {
  const disk = play === undefined ? 40 : play.disk;
  if (disk !== undefined && !root) return { tried: 0, harm: [] };
  const harm: Found["harm"][number][] = [];
  const say = (kind: Harm, detail: string) => harm.push({ kind, detail: `${name} (${isolation}): ${detail}` });
  const fleet = await testFleet({ isolation, workers: [] });
  try {
    fleet.configure({ limits: { wall: "60s", silence: "30s", transcriptBytes: keptBytes, ...play?.limits } });
    const all = async () => {
      const made = await fleet.cw(["init", "01"]);
      if (made.code !== 0) throw new Error(`init: ${made.stderr}`);
      if (play === undefined) await noRoom(fleet, say);
      else await attempt(fleet, name, play, say);
      await goesOn(fleet, say);
      if (play?.removalMs !== undefined) {
        const nothing = () => processesOf(fleet.folder, cookiesOf(fleet.root)).length === 0 || null;
        await until("nothing of it lives", nothing, play.removalMs).catch(() => {});
      }
      for (const left of await fleet.leftovers()) say("leftover", left);
    };
    await (disk === undefined ? all() : onSmallDisk(fleet.root, disk, all));
  } finally {
    await fleet.close();
  }
  return { tried: 1, harm };
}

/** The worker takes the next task. */
async function goesOn(fleet: TestFleet, say: (kind: Harm, detail: string) => void): Promise<void> {
  fleet.configure({});
  const issue = fleet.repo.openIssue({ title: "The next one", body: "[[scenario:edit]]" });
  const ran = await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue), "-w", "01"]);
  if (ran.code !== 0) return say("stuck", `the next dispatch: ${ran.code} ${ran.stderr}`);
  const end = await fleet.ended("01");
  if (end.outcome !== "delivered") say("stuck", `the next task: ${end.outcome}, ${end.reason}`);
}

function residentOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

export const bounds: Suite = {
  name: "bounds",
  shows:
    "agents that hang, print without end, fill a small disk, leave very many files: an end in time with its reason, bounded files and memory, and the next task is taken",
  full: 260,
  quick: 2,
  round: async ({ seed, random }) => await round(seed, random),
};
