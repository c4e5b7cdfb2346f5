/** What a flow does when nothing strikes it: the system calls of its main thread, its requests, how long it takes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failPoints } from "../../../src/model/fail-points.ts";
import type { JournalEntry } from "../../../src/standin/journal.ts";
import { type Blow, calls, kindOf, type Nth } from "./blows.ts";
import { crash } from "./crash.ts";
import type { Flow } from "./flows.ts";
import { awaited, type Ground, type Stage } from "./ground.ts";

export interface Call {
  readonly name: string;
  /** Among those of its name, from 1. */
  readonly nth: number;
  readonly about: string;
}

/** A call that only reads: `openat` to read, `read`, `pread64` of a file of the fleet or of the operator. */
export interface Reading {
  readonly name: string;
  /** Among those of its name at that path, from 1. */
  readonly nth: number;
  /** Below the folder of the ground. */
  readonly path: string;
}

export interface Step {
  readonly name: string;
  /** How often it was reached by then. */
  readonly nth: number;
}

export interface Reference {
  readonly calls: readonly Call[];
  /** None to be killed at: that is the same as at the next call that changes something. But each may fail. */
  readonly readings: readonly Reading[];
  readonly requests: readonly Nth[];
}

/** Follows one undisturbed run. @throws Error when even that one does harm */
export async function follow(stage: Stage, flow: Flow, folder: string): Promise<Reference> {
  const ground = await stage.ground(folder, flow.body);
  const { journal } = stage.standin;
  const mine = () => journal.entries.filter((entry) => ground.isOwn(entry));
  const trace = join(folder, "trace");
  // Counted from the moment at which a blow would be laid: what the flow's preparation asked comes before it.
  let [skipped, first, last] = [0, -1, 0];
  const watching: Blow = {
    point: "undisturbed",
    prefix: ["strace", "-D", "-y", "-qqq", "-o", trace, "-e", `trace=${calls},read,pread64`],
    async strike(_, pid, over) {
      skipped = mine().length;
      const look = () => {
        if (first === -1 && pid() !== null) first = mine().length - skipped;
        return over();
      };
      await awaited(look, 60_000, 5);
      last = mine().length - skipped;
    },
  };
  await undisturbed(ground, flow, watching);
  const requests = nths(mine().slice(skipped), first, last);
  stage.drop(ground);
  if (first === -1) throw new Error(`${flow.name}: what is to be struck was not seen`);
  const text = readFileSync(trace, "utf8");
  return { calls: callsOf(text), readings: readingsOf(text, folder), requests };
}

/** How long one undisturbed run takes, in ms: without strace, which doubles it. */
export async function followTime(stage: Stage, flow: Flow, folder: string): Promise<number> {
  const ground = await stage.ground(folder, flow.body);
  let [begun, ended] = [0, 0];
  const watching: Blow = {
    point: "undisturbed",
    async strike(_, pid, over) {
      await awaited(() => {
        if (begun === 0 && pid() !== null) begun = performance.now();
        return over();
      });
      ended = performance.now();
    },
  };
  await undisturbed(ground, flow, watching);
  stage.drop(ground);
  if (begun === 0) throw new Error(`${flow.name}: what is to be struck was not seen`);
  return ended - begun;
}

/** The steps that one undisturbed run goes through, in their order. */
export async function followSteps(stage: Stage, flow: Flow, folder: string): Promise<readonly Step[]> {
  const ground = await stage.ground(folder, flow.body);
  const said = join(folder, "steps");
  // Of a command its standard error; a supervisor's goes into its log.
  const listing: Blow = { point: "undisturbed", prefix: [stderrTo(said)], env: { CW_FAILPOINT: "list" } };
  await undisturbed(ground, flow, listing);
  stage.drop(ground);
  const counts = new Map<string, number>();
  const known = readFileSync(said, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("step: "))
    .map((line) => {
      const name = line.slice("step: ".length);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return { name, nth: counts.get(name) ?? 1 };
    });
  return known.filter(({ name }) => failPoints.includes(name));
}

/** @throws Error when even that does harm, or does not end */
async function undisturbed(ground: Ground, flow: Flow, watching: Blow): Promise<void> {
  const { harm } = await crash(ground, flow, watching, false);
  if (harm.length > 0) throw new Error(`undisturbed: ${harm.map(({ detail }) => detail).join("; ")}`);
}

/** A program that runs the rest of its arguments with that file as standard error. */
function stderrTo(file: string): string {
  const program = `${file}.sh`;
  writeFileSync(program, `#!/bin/sh\nexec "$@" 2> '${file}'\n`, { mode: 0o755 });
  return program;
}

/** What comes after the program itself was started, and changes something. */
function callsOf(trace: string): Call[] {
  const counts = new Map<string, number>();
  let found: Call[] = [];
  for (const line of trace.split("\n")) {
    const [, name, rest = ""] = /^(\w+)\((.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    if (name === "execve") found = [];
    const inward = /^write\(\d+<anon_inode:/.test(line);
    if (!isReading(name, rest) && !inward) found.push({ name, nth, about: `${name}(${rest.slice(0, 160)}` });
  }
  return found;
}

function isReading(name: string, rest: string): boolean {
  return /^p?read/.test(name) || (name === "openat" && !/O_(?:CREAT|WRONLY|RDWR|TRUNC|APPEND)/.test(rest));
}

/** Of files of the fleet, each HOME and the operator's settings among them; not those of the program, of the system, of /proc. */
function readingsOf(trace: string, folder: string): Reading[] {
  const counts = new Map<string, number>();
  const found: Reading[] = [];
  for (const line of trace.split("\n")) {
    const [, name, rest = ""] = /^(\w+)\((.*)$/.exec(line) ?? [];
    if (name === undefined || !isReading(name, rest)) continue;
    // As it was named, or as the descriptor says.
    const [, path = ""] = /^(?:AT_FDCWD[^,]*, "([^"]*)"|\d+<([^>]*)>)/.exec(rest)?.filter(Boolean) ?? [];
    if (!path.startsWith(`${folder}/workers`) && !path.startsWith(`${folder}/operator/`)) continue;
    const nth = (counts.get(`${name} ${path}`) ?? 0) + 1;
    counts.set(`${name} ${path}`, nth);
    found.push({ name, nth, path: path.slice(folder.length + 1) });
  }
  return found;
}

/** Requests from the first that the struck process can have made to the last, each among those of its kind. */
function nths(entries: readonly JournalEntry[], first: number, last: number): Nth[] {
  const counts = new Map<string, number>();
  const all = entries.map(({ method, path, phase }): Nth => {
    const kind = kindOf(phase);
    const skip = counts.get(kind) ?? 0;
    counts.set(kind, skip + 1);
    return { phase, skip, about: `${method} ${path}${phase ? ` (${phase})` : ""}` };
  });
  return all.slice(first, last);
}
