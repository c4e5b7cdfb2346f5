/**
 * The crash suites: one blow a round, at every step, system call and request of each flow, and at any moment. What there is to
 * strike is measured when a suite is opened, so a seed chooses from a list, or a time, that is not quite the same in each run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "../random.ts";
import type { Found, Round, Suite } from "../suite.ts";
import { afterMs, atCall, atRequest, atStep, type Blow, endAll, kindOf, type Nth } from "./blows.ts";
import { crash } from "./crash.ts";
import { fail, mayFail } from "./errors.ts";
import { type Flow, flows } from "./flows.ts";
import { type Ground, Stage } from "./ground.ts";
import { type Call, follow, followSteps, followTime, type Reading } from "./reference.ts";

/** What opening a suite made. */
class Run {
  /** Undisturbed runs of each flow, made when a round first asks for them. */
  readonly reference = once((flow) => inFolder((folder) => follow(this.stage, flow, folder)));
  readonly ms = once((flow) => inFolder((folder) => followTime(this.stage, flow, folder)));
  readonly steps = once((flow) => inFolder((folder) => followSteps(this.stage, flow, folder)));

  private constructor(readonly stage: Stage) {}

  private static shared: { run: Promise<Run>; users: number } | null = null;

  /** One for all suites that are open at the same time: to build the program and to follow a flow takes seconds. */
  static async open(): Promise<{ run: Run; close: () => Promise<void> }> {
    Run.shared ??= { run: Stage.open().then((stage) => new Run(stage)), users: 0 };
    const mine = Run.shared;
    mine.users++;
    const run = await mine.run;
    const close = async () => {
      if (--mine.users > 0) return;
      if (Run.shared === mine) Run.shared = null;
      await run.stage.close();
    };
    return { run, close };
  }
}

function once<T>(make: (flow: Flow) => Promise<T>): (flow: Flow) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (flow) => {
    const known = made.get(flow.name) ?? make(flow);
    made.set(flow.name, known);
    return known;
  };
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "cw-torture-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param choose the blow of a round; null where there is no such point in that flow */
function crashSuite(about: About, choose: (round: Round, run: Run, flow: Flow) => Promise<Blow | null>): Suite {
  return onGround(about, async (round, run, flow) => {
    const blow = await choose(round, run, flow);
    return blow && ((ground) => crash(ground, flow, blow, round.random.next() < 0.3));
  });
}

type About = Pick<Suite, "name" | "shows" | "full" | "quick">;

/** @param plan what is done on a ground of its own; null: nothing */
function onGround(
  about: About,
  plan: (round: Round, run: Run, flow: Flow) => Promise<((ground: Ground) => Promise<Found>) | null>,
): Suite {
  let run: Run | null = null;
  return {
    ...about,
    missing: () => (Bun.which("strace") === null ? "strace is not installed" : null),
    async open() {
      const opened = await Run.open();
      run = opened.run;
      return { close: opened.close };
    },
    async round(round): Promise<Found> {
      if (run === null) throw new Error("the suite is not open");
      const flow = flows[round.seed % flows.length] as Flow;
      const work = await plan(round, run, flow);
      if (work === null) return { tried: 0, harm: [] };
      const ground = await run.stage.ground(round.folder, flow.body);
      const found = await work(ground);
      endAll(ground);
      run.stage.drop(ground);
      return found;
    },
  };
}

/** One of them; the same again from a list in which others were added or are missing. */
function pick<T>(random: Random, items: readonly T[], key: (item: T) => string): T {
  const salt = random.below(2 ** 32);
  const drawn = items.map((item) => ({ item, lot: Bun.hash.wyhash(key(item), BigInt(salt)) }));
  return drawn.reduce((best, one) => (one.lot > best.lot ? one : best)).item;
}

const callKey = ({ name, nth }: Call) => `${name} ${nth}`;
const readingKey = ({ name, nth, path }: Reading) => `${callKey({ name, nth, about: path })} ${path}`;

export const crashSuites: readonly Suite[] = [
  crashSuite(
    { name: "crash-steps", shows: "killed at each named step of each flow", full: 1500, quick: 6 },
    async ({ seed }, run, flow) => {
      const steps = await run.steps(flow);
      // One after the other: so many rounds as there are steps go through all of them.
      const step = steps[Math.floor(seed / flows.length) % steps.length];
      return step === undefined ? null : atStep(step.name, step.nth);
    },
  ),
  crashSuite(
    {
      name: "crash-calls",
      shows: "killed before a system call of its main thread that changes something",
      ...{ full: 6000, quick: 3 },
    },
    async ({ random }, run, flow) => {
      const { name, nth, about } = pick(random, (await run.reference(flow)).calls, callKey);
      return atCall(name, nth, about);
    },
  ),
  onGround(
    {
      name: "errors",
      shows:
        "a full disk, a failing disk, no more open files, at each call of its main thread that may fail so, also where it reads",
      ...{ full: 3000, quick: 2 },
    },
    async ({ random }, run, flow) => {
      const { calls, readings } = await run.reference(flow);
      const call =
        random.next() < 0.4 ? pick(random, readings, readingKey) : pick(random, calls.filter(mayFail), callKey);
      return (ground) => fail(ground, flow, call, random);
    },
  ),
  crashSuite(
    {
      name: "crash-requests",
      shows: "killed during a request to GitHub, REST or git, before GitHub acts and after",
      ...{ full: 2000, quick: 3 },
    },
    async ({ random }, run, flow) => {
      const { requests } = await run.reference(flow);
      const key = ({ phase, skip }: Nth) => `${kindOf(phase)} ${skip}`;
      return requests.length === 0 ? null : atRequest(pick(random, requests, key), random.next() < 0.5);
    },
  ),
  crashSuite(
    {
      name: "crash-times",
      shows: "killed at any moment, alone or with everything of its fleet",
      ...{ full: 2000, quick: 3 },
    },
    async ({ random }, run, flow) => afterMs(Math.floor(random.next() * (await run.ms(flow)))),
  ),
];
