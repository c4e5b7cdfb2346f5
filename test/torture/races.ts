/** Twenty processes on one root, at the same moment: each worker, issue and turning point has one winner, and all agree who. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { statusOf } from "../../src/model/attempt.ts";
import { openStore } from "../../src/store/store.ts";
import { now, uptimeMs } from "../../src/system/clock.ts";
import { anIdentity } from "../model/records.ts";
import type { Random } from "./random.ts";
import type { Harm, Suite } from "./suite.ts";

interface AttemptName {
  readonly worker: string;
  readonly n: number;
}

/** What a racer is to do; see racer-program.ts. */
export interface RaceOrder {
  readonly root: string;
  /** On the boot's clock. */
  readonly at: number;
  readonly pauseMs: number;
  readonly phase: "reserve" | "birth" | "end";
  /** Wanted by `reserve`; null: any worker. */
  readonly issue: number;
  readonly worker: string | null;
  /** What `birth` and `end` are about. */
  readonly attempts: readonly AttemptName[];
  /** At `birth`: as somebody who gives up on it, not as its supervisor. */
  readonly cancel: boolean;
}

export interface RaceReport {
  readonly pid: number;
  took: string | null;
  had: string | null;
  readonly won: string[];
  readonly unknown: string[];
}

const racersCount = 20;

class Racer {
  private readonly waiting = new Map<number, PromiseWithResolvers<RaceReport>>();
  private orders = 0;
  private readonly child;

  constructor(program: string) {
    this.child = Bun.spawn([process.execPath, "--no-env-file", program], {
      env: {},
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: Readable.fromWeb(this.child.stdout as never) });
    lines.on("line", (line) => {
      const { id, report, failed } = JSON.parse(line) as { id: number; report?: RaceReport; failed?: string };
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (report) waiting?.resolve(report);
      else waiting?.reject(new Error(failed));
    });
    void this.child.exited.then(() => {
      for (const one of this.waiting.values()) one.reject(new Error("the racer ended"));
    });
  }

  async run(order: RaceOrder): Promise<RaceReport> {
    const id = ++this.orders;
    const answer = Promise.withResolvers<RaceReport>();
    this.waiting.set(id, answer);
    this.child.stdin.write(`${JSON.stringify({ id, order })}\n`);
    await this.child.stdin.flush();
    return await answer.promise;
  }

  async close(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }
}

let racers: Racer[] = [];

async function open() {
  const folder = mkdtempSync(join(tmpdir(), "cw-racers-"));
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "racer-program.ts")],
    target: "bun",
    outdir: folder,
  });
  racers = Array.from({ length: racersCount }, () => new Racer(built.outputs[0]?.path ?? ""));
  return {
    close: async () => {
      await Promise.all(racers.map((racer) => racer.close()));
      rmSync(folder, { recursive: true });
    },
  };
}

class Race {
  readonly harm: { kind: Harm; detail: string }[] = [];
  readonly store;
  private tried = 0;

  constructor(
    private readonly root: string,
    private readonly random: Random,
    private readonly workers: readonly string[],
  ) {
    this.store = openStore(root);
    for (const worker of workers) this.store.workers.create({ ...anIdentity, worker }, null);
  }

  /** @param more of each racer's order */
  private async phase(phase: RaceOrder["phase"], more: () => Partial<RaceOrder>): Promise<RaceReport[]> {
    this.tried++;
    const at = uptimeMs() + 10;
    const spread = this.random.pick([0, 0, 0, 2, 8]);
    const order = { root: this.root, at, phase, issue: 0, worker: null, attempts: [], cancel: false };
    const reports = await Promise.all(
      racers.map((racer) => racer.run({ ...order, pauseMs: this.random.below(spread + 1), ...more() })),
    );
    for (const reason of reports.flatMap(({ unknown }) => unknown)) this.wrong("torn", `${phase}: ${reason}`);
    return reports;
  }

  private wrong(kind: Harm, detail: string): void {
    this.harm.push({ kind, detail });
  }

  /** All want one issue, or each its own, from any worker or all from the same one. @returns the attempts that there are then */
  private async reserve(): Promise<AttemptName[]> {
    const [same, one] = [this.random.next() < 0.5, this.random.next() < 0.3];
    let issue = 100 + this.random.below(1000);
    const worker = one ? this.random.pick(this.workers) : null;
    const reports = await this.phase("reserve", () => ({ issue: same ? issue : issue++, worker }));
    const took = reports.flatMap(({ took }) => took ?? []);
    const room = same || one ? 1 : Math.min(racersCount, this.workers.length);
    const about = `${same ? "one issue" : "issues of their own"}, ${worker ?? "any worker"}: ${took.join(" ")}`;
    if (took.length > room || new Set(took).size < took.length) this.wrong("doubled", about);
    if (took.length < room) this.wrong("stuck", about);
    for (const { had } of reports)
      if (had !== null && !(same && had === took[0])) this.wrong("false", `${about}; one was told ${had}`);
    return took.map((name) => ({ worker: name.split("-")[0] ?? "", n: Number(name.split("-")[1]) }));
  }

  private async birthAndEnd(attempts: readonly AttemptName[]): Promise<void> {
    const cancelling = this.random.pick([0, 0.5, 0.5, 1]);
    const births = await this.phase("birth", () => ({ attempts, cancel: this.random.next() < cancelling }));
    for (const { worker, n } of attempts) {
      const name = `${worker}-${n}`;
      const winners = (word: string) => births.filter(({ won }) => won.includes(`${word} ${name}`));
      const birth = this.store.attempts.birth(worker, n);
      const [bore, cancelled] = [winners("bore"), winners("cancelled")];
      const about = `birth of ${name} by ${birth?.by} ${birth?.process.pid}; bore: ${bore.map(({ pid }) => pid)}; cancelled: ${cancelled.map(({ pid }) => pid)}`;
      if (bore.length > 1 || (bore.length === 1 && cancelled.length > 0)) this.wrong("doubled", about);
      if (birth?.by === "supervisor" ? bore[0]?.pid !== birth.process.pid : bore.length > 0 || cancelled.length === 0)
        this.wrong("false", about);
      if (winners("stopped").length !== 1) this.wrong("doubled", `stop of ${name}: ${winners("stopped").length}`);
    }
    const ends = await this.phase("end", () => ({ attempts }));
    for (const { worker, n } of attempts) {
      const winners = ends.filter(({ won }) => won.includes(`ended ${worker}-${n}`)).map(({ pid }) => String(pid));
      const end = this.store.attempts.ended(worker, n);
      if (winners.length !== 1) this.wrong("doubled", `end of ${worker}-${n}: ${winners}`);
      if (end?.reason !== winners[0]) this.wrong("false", `end of ${worker}-${n} by ${end?.reason}, said ${winners}`);
    }
  }

  async run(): Promise<number> {
    const had = new Map<string, number>();
    for (let laps = 1 + this.random.below(2); laps > 0; laps--) {
      const attempts = await this.reserve();
      for (const { worker, n } of attempts) {
        if (n !== (had.get(worker) ?? 0) + 1) this.wrong("false", `${worker} has number ${n} after ${had.get(worker)}`);
        had.set(worker, n);
      }
      await this.birthAndEnd(attempts);
    }
    for (const worker of this.workers) {
      const { state, reason } = statusOf(this.store.attempts.facts(worker), now());
      if (state !== "idle") this.wrong("stuck", `worker ${worker} is ${state}: ${reason}`);
      const folder = this.store.paths.attempts(worker);
      const files = had.has(worker) ? readdirSync(folder, { recursive: true }).map(String) : [];
      for (const file of files) if (file.includes(".new-")) this.wrong("leftover", join(folder, file));
      if (files.filter((file) => /^\d{4}$/.test(file)).length !== (had.get(worker) ?? 0))
        this.wrong("doubled", `attempts of ${worker}: ${files.join(" ")}`);
    }
    const ends = [...this.store.history.newestFirst()].map(({ attempt }) => attempt);
    const all = [...had].flatMap(([worker, n]) => Array.from({ length: n }, (_, at) => `${worker}-${at + 1}`));
    if (ends.toSorted().join() !== all.toSorted().join()) this.wrong("doubled", `history has ${ends}, not ${all}`);
    return this.tried;
  }
}

export const races: Suite = {
  name: "races",
  shows: "20 processes on one root at the same moment: one winner for each worker, issue, birth, stop and end",
  full: 1000,
  quick: 15,
  open,
  round: async ({ folder, random }) => {
    const workers = ["01", "02", "03", "04", "05"].slice(0, 1 + random.below(5));
    const race = new Race(folder, random, workers);
    return { tried: await race.run(), harm: race.harm };
  },
};
