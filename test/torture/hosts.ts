/**
 * Five fleets that know nothing of each other, on one GitHub whose lists are fifteen minutes old: the claims decide. In this
 * process, over HTTP, with the product's own dispatch, tick and close-out; the agents are left out.
 */
import { closeOut } from "../../src/fleet/close-out.ts";
import { type Dispatched, dispatch } from "../../src/fleet/dispatch.ts";
import { endAttempt } from "../../src/fleet/end-attempt.ts";
import { takeUp } from "../../src/fleet/take-up.ts";
import type { Claim } from "../../src/model/claim.ts";
import { FleetError } from "../../src/model/errors.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import { tick } from "../../src/scheduler/tick.ts";
import type { RepoControl } from "../../src/standin/control.ts";
import { type Case, Rig } from "../e2e/fault-rig.ts";
import { givesBack } from "./claim-chain.ts";
import type { Random } from "./random.ts";
import type { Harm, Suite } from "./suite.ts";

const hostsCount = 5;
const leaseMs = 60_000;
const outcomes = ["answered", "failed", "refused", "declined"] as const satisfies readonly Outcome[];
const config = { claims: { lease: "60s", grace: "5s" } };

/** An attempt that some host was told it has. */
interface Held {
  readonly host: Case;
  readonly n: number;
  readonly issue: number;
}

interface End {
  readonly one: Held;
  /** The claim and the label as they were. */
  readonly before: Claim | undefined;
  readonly wasBlocked: boolean;
}

/** The attempt as the claim names it: all hosts have a worker 01. */
const name = ({ host, n }: Pick<Held, "host" | "n">) => `${host.login} 01-${n}`;

class Hosts {
  readonly harm: { kind: Harm; detail: string }[] = [];
  private readonly hosts: readonly Case[];
  private readonly issues: readonly number[];
  private held: Held[] = [];
  private requests = 0;
  private readonly waiting: { count: number; resolve(): void }[] = [];
  /** Names of all that were held at any time. */
  private readonly had = new Set<string>();
  /** What came of each wish, for whoever has to explain a round. */
  private readonly told: string[] = [];
  /** Issues that a tick may take as well as a person: nothing ended badly or well on them. */
  private readonly open = new Set<number>();

  constructor(
    private readonly rig: Rig,
    private readonly repo: RepoControl,
    private readonly random: Random,
  ) {
    this.issues = Array.from({ length: 1 + random.below(3) }, (_, at) => repo.openIssue({ title: `Issue ${at}` }));
    const [issue = 0] = this.issues;
    this.hosts = Array.from({ length: hostsCount }, () => rig.case({ repo, issue, supervisor: "born", config }));
    for (const one of this.issues) this.open.add(one);
    const { journal } = rig.standin;
    const add = journal.add.bind(journal);
    journal.add = (entry) => {
      add(entry);
      this.requests++;
      for (const { count, resolve } of this.waiting) if (this.requests >= count) resolve();
    };
  }

  private wrong(kind: Harm, detail: string): void {
    this.harm.push({ kind, detail: `${detail}; the story: ${this.told.join(" | ")}` });
  }

  /** Some read GitHub as it was before anything was taken. */
  growOld(): void {
    for (const host of this.hosts)
      if (this.random.next() < 0.7)
        host.inject({ method: "GET", path: /\/issues$|\/issues\/\d+$/, fault: { staleMs: 900_000 } });
  }

  /** All at once: a tick, or an issue by its number. @param beside whether others end meanwhile: then nothing has to be free */
  async wave(beside = false): Promise<void> {
    const wants = this.hosts.map((host) => ({
      host,
      issue: this.random.next() < 0.5 ? null : this.random.pick(this.issues),
    }));
    const got = await Promise.all(wants.map(({ host, issue }) => this.want(host, issue)));
    // A host that asks for what it has is told so, also while it ends that.
    const fresh = got.flat().filter((one) => !this.had.has(name(one)));
    for (const one of fresh) this.had.add(name(one));
    for (const issue of this.issues) {
      const winners = fresh.filter((one) => one.issue === issue);
      const about = `#${issue}: ${winners.map(name).join(", ")}`;
      if (winners.length > 1) this.wrong("doubled", about);
      const [tip] = await this.chain(issue);
      const [winner] = winners;
      if (winner && !(tip?.state === "held" && this.isOf(tip, winner)))
        this.wrong("doubled", `${about} without its claim: ${tip?.state}`);
      const free = this.open.has(issue) && !this.held.some((one) => one.issue === issue);
      const idle = wants.some((want) => want.issue === null && !this.held.some((one) => one.host === want.host));
      // Each that is idle and looks finds it, unless they all found something else.
      if (!beside && free && idle && fresh.length === 0)
        this.wrong("stuck", `#${issue} was free, and no tick took anything up`);
    }
    this.held.push(...fresh);
  }

  private async want(host: Case, issue: number | null): Promise<Held[]> {
    const { fleet, repo } = host;
    try {
      if (issue !== null) {
        const done: Dispatched = await dispatch(fleet, { repo: repo.name, issue });
        this.told.push(`${host.login} has #${issue}`);
        return [{ host, n: done.n, issue }];
      }
      const { dispatched, failed, skipped } = await tick(fleet, { repos: [repo.name] });
      const taken = dispatched.map((one) => `#${one.issue}`);
      const left = skipped.map((one) => `#${one.issue} ${one.why} ${one.detail ?? ""}`);
      this.told.push(`${host.login} ticked: ${[...taken, ...left].join(", ")}`);
      for (const what of failed) this.wrong("false", `${host.login}: ${what}`);
      return dispatched.map((one) => ({ host, n: Number(one.attempt?.split("-")[1]), issue: one.issue }));
    } catch (error) {
      this.told.push(`${host.login}, ${issue === null ? "tick" : `#${issue}`}: ${error}`);
      if (!(error instanceof FleetError && error.code === "busy"))
        this.wrong("false", `${host.login}: ${error instanceof Error ? error.stack : error}`);
      return [];
    }
  }

  /** What becomes of those that have something: they end, or are cut off for longer than their lease. */
  async pass(): Promise<void> {
    const lapse = this.random.next() < 0.4;
    // Others may take over while one that was cut off ends, between any two of its requests.
    const beside = lapse && this.random.next() < 0.5;
    if (lapse) {
      this.rig.standin.advance(leaseMs * 2);
      // They are still at it, but anybody may take over.
      for (const { issue } of this.held) this.open.add(issue);
      if (!beside) await this.wave();
    }
    const over = this.held.filter(() => this.random.next() < 0.7);
    this.held = this.held.filter((one) => !over.includes(one));
    const wave = beside ? this.wave(true) : Promise.resolve();
    const ends = await Promise.all(
      over.map((one) => {
        const outcome = this.random.pick(outcomes);
        if (!beside) return this.end(one, outcome);
        // It begins at some request of theirs, and is slow: only so somebody takes over between two of its own.
        const begins = this.requests + this.random.below(60);
        const method = this.random.pick(["DELETE", "DELETE", "POST", "PATCH", "GET"]);
        one.host.inject({ method, fault: { delayMs: this.random.below(800) } });
        return Promise.race([this.reached(begins), wave]).then(() => this.end(one, outcome));
      }),
    );
    await wave;
    for (const end of ends) await this.judgeEnd(end);
    // Where a lease ran out, whoever still has the claim had it last.
    for (const one of this.held) this.open.delete(one.issue);
  }

  /** GitHub has answered so many requests. */
  private reached(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.push({ count, resolve });
    return promise;
  }

  private async end(one: Held, outcome: Outcome): Promise<End> {
    const { host, n, issue } = one;
    const task = host.fleet.store.attempts.task("01", n);
    if (task === null) throw new Error(`${name(one)} has no task`);
    const [before] = await this.chain(issue);
    const wasBlocked = this.repo.labels(issue).includes("blocked");
    const attempt = await takeUp(host.fleet, task, () => {});
    await closeOut(attempt, { outcome, reason: "as the seed wants it" });
    this.told.push(`${name(one)} ends #${issue}: ${outcome}`);
    endAttempt(host.fleet, task, { outcome, reason: "as the seed wants it" });
    return { one, before, wasBlocked };
  }

  /** When all are at rest: whoever took over in the same moment has what it was told by then. */
  private async judgeEnd({ one, before, wasBlocked }: End): Promise<void> {
    const { issue } = one;
    const [tip] = await this.chain(issue);
    if (before && !this.isOf(before, one) && tip && this.isOf(tip, one))
      this.wrong("stranger", `${name(one)} ended the claim of ${before.host.slice(0, 8)} ${before.attempt}`);
    const labels = this.repo.labels(issue);
    // Those that go on: nobody else takes their label away, or adds one.
    const holder = this.held.find((each) => tip?.state === "held" && this.isOf(tip, each));
    if (holder && (!labels.includes("worker:01") || (!wasBlocked && labels.includes("blocked"))))
      this.wrong("stranger", `${name(one)} left ${labels.join(", ") || "no label"} on #${issue} of ${name(holder)}`);
    if (tip?.state === "released" && !labels.includes("blocked")) this.open.add(issue);
    else this.open.delete(issue);
  }

  private isOf(claim: Claim, { host, n }: Pick<Held, "host" | "n">): boolean {
    return claim.host === host.fleet.store.workers.fleetId() && claim.attempt === `01-${n}`;
  }

  /** Newest first. */
  private async chain(issue: number): Promise<Claim[]> {
    const ref = `refs/claude-workers/claims/issue-${issue}`;
    if (!(ref in (await this.repo.refs(ref)))) return [];
    return (await this.repo.messages(ref)).map((text) => JSON.parse(text));
  }

  /** Each acquisition is a new epoch, and only who acquired it goes on with it, or gives back what was there before. */
  async judge(): Promise<void> {
    for (const issue of this.issues) {
      let holder: Claim | null = null;
      let found: Claim | null = null;
      const story: string[] = [];
      for (const claim of (await this.chain(issue)).reverse()) {
        const who = `${claim.host.slice(0, 8)} ${claim.attempt}`;
        story.push(`${claim.state} ${claim.epoch} by ${who}`);
        const same: boolean = holder !== null && holder.host === claim.host && holder.attempt === claim.attempt;
        const epoch: number = holder?.epoch ?? 0;
        const goesOn: boolean = same && claim.epoch === epoch && holder?.state === "held";
        const acquired = !same && claim.state === "held" && claim.epoch === epoch + 1;
        const givenBack = holder?.state === "held" && givesBack(claim, found, epoch);
        if (!goesOn && !acquired && !givenBack) this.wrong("doubled", `#${issue}: ${story.join(", ")}`);
        if (acquired) found = holder;
        holder = claim;
      }
    }
  }
}

export const hosts: Suite = {
  name: "hosts",
  shows:
    "5 fleets on one GitHub with lists 15 minutes old: one attempt for each issue at a time, nobody ends another's claim or takes its label, also where a takeover meets an end",
  full: 1000,
  quick: 4,
  round: async ({ random }) => {
    const rig = await Rig.start(1);
    try {
      const hosts = new Hosts(rig, rig.standin.repo("acme/lane0"), random);
      hosts.growOld();
      const waves = 1 + random.below(3);
      for (let wave = 0; wave < waves; wave++) {
        await hosts.wave();
        await hosts.pass();
      }
      await hosts.judge();
      return { tried: waves * hostsCount, harm: hosts.harm };
    } finally {
      await rig.close();
    }
  },
};
