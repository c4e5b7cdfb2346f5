/**
 * One issue's life under random faults and random people: dispatch, end or publish, reconcile, against what may be true of it
 * after each step. Everything is the product's own but the agent: what an agent leaves is put there instead.
 */
import { existsSync, readFileSync } from "node:fs";
import { closeOut } from "../../src/fleet/close-out.ts";
import { endAttempt } from "../../src/fleet/end-attempt.ts";
import { isOurs, message } from "../../src/fleet/hold.ts";
import { reconcile } from "../../src/fleet/reconcile.ts";
import { takeUp } from "../../src/fleet/take-up.ts";
import type { Claim } from "../../src/model/claim.ts";
import { FleetError } from "../../src/model/errors.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import { tick } from "../../src/scheduler/tick.ts";
import type { RepoControl } from "../../src/standin/control.ts";
import type { Fault } from "../../src/standin/faults.ts";
import { faults } from "../e2e/fault-kinds.ts";
import type { Case, Rig } from "../e2e/fault-rig.ts";
import type { Random } from "./random.ts";
import type { Harm } from "./suite.ts";

/** Requests that a fault may be meant for; most strike whatever comes next. */
type Target = Pick<Fault, "method" | "path" | "query" | "git">;
const targets: readonly Target[] = [
  ...[{}, {}, {}, {}, { method: "GET" }, { method: "POST" }, { method: "PATCH" }, { method: "DELETE" }],
  ...[
    { path: /\/git\/ref/ },
    { path: /\/git\/commits/ },
    { path: /\/labels/ },
    { path: /\/comments/ },
    { path: /\/pulls/ },
  ],
  ...[{ path: /\/issues\/\d+$/ }, { path: /\/issues$/ }, { git: "advertise" as const }],
];
const kinds = Object.keys(faults).filter((name) => !/wait$|no answer/.test(name));
/** These take their time, so there are fewer. */
const slow = ["403 wait", "429 wait", "no answer"];

/** What comes after the first hundred of a list. */
const laterPage: Target = { method: "GET", query: /[?&]page=2(?:&|$)/ };

/** What most easily doubles something: it happened, and nobody was told. */
const writes: readonly Target[] = [
  ...["refs", "commits", "labels", "comments", "comments", "pulls"].map((what) => ({
    method: "POST",
    path: new RegExp(`/${what}$`),
  })),
  ...[
    { method: "PATCH", path: /\/git\/refs/ },
    { method: "DELETE", path: /\/labels/ },
    { method: "PATCH", path: /\/comments/ },
  ],
];
const unheard = ["reply lost", "reply lost", "half a body", "502", "no JSON"];
const seen = "I have seen it";
const outcomes = ["answered", "failed", "declined", "refused", "withdrawn", "limited", "rejected", "lost"] as const;

/** Issues that nobody is to touch, by which lists have a second page; the story's own is on the first of them or on the other. */
interface Crowd {
  readonly comments: number;
  readonly label: string;
  readonly numbers: number[];
  come(when: "before" | "after"): void;
}

/** Now and then there is one. */
export function crowdIn(repo: RepoControl, random: Random): Crowd | null {
  if (random.next() >= 0.15) return null;
  const size = 100 + random.below(20);
  const [issues, when] = [random.next() < 0.7 ? size : 0, random.pick(["before", "after"])];
  const label = random.pick(["blocked", "worker:01"]);
  const numbers: number[] = [];
  return {
    ...{ comments: issues === 0 || random.next() < 0.5 ? size : 0, label, numbers },
    come(now) {
      if (now !== when) return;
      for (let at = 0; at < issues; at++) numbers.push(repo.openIssue({ title: `Other ${at}`, labels: [label] }));
    },
  };
}

export class Story {
  readonly harm: { kind: Harm; detail: string }[] = [];
  readonly told: string[] = [];
  /** Faults and requests that were tried. */
  steps = 0;
  /** What people put there, and did not take away again. */
  private readonly labels = new Set<string>();
  private comments = 0;
  /** They touched the worker's own label: then it is theirs. */
  private meddled = false;
  private gone = false;
  private branchGone = false;
  /** By which the fleet knows it. */
  private readonly name: string;
  private readonly at: Map<number, () => void> = new Map();
  private requests = 0;

  constructor(
    rig: Rig,
    private readonly repo: RepoControl,
    private readonly other: RepoControl,
    private readonly one: Case,
    private readonly random: Random,
    /** With a supervisor, git and an agent; else what those leave is put there. */
    private readonly whole = false,
    private readonly crowd: Crowd | null = null,
  ) {
    this.name = repo.name;
    for (; this.comments < (crowd?.comments ?? 0); this.comments++) repo.comment(this.issue, seen);
    if (crowd) this.told.push(`${crowd.numbers.length} other issues (${crowd.label}), ${crowd.comments} comments`);
    this.watch(rig);
  }

  private wrong(kind: Harm, detail: string): void {
    // What stays wrong is told once.
    if (this.harm.some((one) => one.kind === kind && one.detail.startsWith(detail))) return;
    this.harm.push({ kind, detail: `${detail}; the story: ${this.told.join(" | ")}` });
  }

  /** Counts our requests as they are answered: people act between two of them, and waits are measured there. */
  private watch(rig: Rig): void {
    const { journal } = rig.standin;
    const add = journal.add.bind(journal);
    let waitUntil = 0;
    let limited = "";
    journal.add = (entry) => {
      add(entry);
      if (entry.login !== this.one.login) return;
      const what = `${entry.method} ${entry.path}`;
      if (what === limited && performance.now() < waitUntil)
        this.wrong("false", `${what} was sent again before Retry-After`);
      const after = Number(entry.responseHeaders["retry-after"] ?? 0);
      limited = after > 0 ? what : "";
      // The clock of timers and this one differ by less.
      waitUntil = performance.now() + after * 1000 - 20;
      this.at.get(++this.requests)?.();
    };
  }

  private get issue(): number {
    return this.one.issue;
  }

  private get open() {
    return this.one.pulls().find(({ state }) => state === "open");
  }

  /** What a person does to the issue or to the repository. */
  private person(): void {
    const { repo, issue, random } = this;
    const acts: Readonly<Record<string, () => void>> = {
      closes: () => repo.close(issue),
      reopens: () => repo.reopen(issue),
      edits: () => repo.edit(issue, { title: "Another title", body: "Another text" }),
      comments: () => {
        repo.comment(issue, seen);
        this.comments++;
      },
      "labels it as another's": () => {
        const label = random.pick(["worker:07", "bug", "Blocked-by-legal"]);
        repo.label(issue, label);
        this.labels.add(label);
      },
      "takes its label": () => {
        repo.unlabel(issue, "worker:01");
        this.meddled = true;
      },
      "puts its label": () => {
        repo.label(issue, "worker:01");
        this.meddled = true;
      },
      blocks: () => {
        repo.label(issue, "blocked");
        this.meddled = true;
      },
      unblocks: () => repo.unlabel(issue, "blocked"),
      "closes its pull request": () => repo.close(this.open?.number ?? Number.NaN),
      "deletes its branch": () => {
        repo.deleteBranch(`issue-${issue}`);
        this.branchGone = true;
      },
      locks: () => repo.lock(issue),
      archives: () => repo.set({ archived: true }),
      "takes the right to write": () => repo.allow(this.one.login, "read"),
      "turns issues off": () => repo.set({ hasIssues: false }),
      deletes: () => {
        repo.delete(issue);
        this.gone = true;
      },
      transfers: () => {
        repo.transfer(issue, this.other);
        this.gone = true;
      },
      renames: () => {
        if (repo.name === this.name) repo.rename(`${this.name.split("/")[1]}-renamed`);
      },
      "moves the repository to another owner": () => {
        if (repo.name === this.name) repo.rename(this.name.split("/")[1] ?? "", "umbrella");
      },
    };
    const names = Object.keys(acts);
    const name = random.pick(random.next() < 0.85 ? names.slice(0, 12) : names.slice(12));
    try {
      if (this.gone) return;
      acts[name]?.();
      this.told.push(`a person ${name}`);
    } catch {
      // GitHub refuses that one now.
    }
  }

  /** Faults for the next step, and people who act between its requests. */
  private arm(): void {
    const { random } = this;
    for (let count = random.pick([0, 1, 1, 2, 3, 6]); count > 0; count--) {
      const times = random.pick([1, 1, 1, 2, 4, 1000]);
      const meant = random.next() < 0.4;
      const name = meant ? random.pick(unheard) : random.next() < 0.04 ? random.pick(slow) : random.pick(kinds);
      const later = this.crowd !== null && random.next() < 0.5;
      const skip = meant || later ? 0 : random.below(this.whole ? 25 : 8);
      const target = later ? laterPage : meant ? random.pick(writes) : random.pick(targets);
      this.one.inject({
        ...target,
        skip,
        times: name.startsWith("no") ? 1 : times,
        fault: faults[name]?.fault ?? "drop",
      });
      this.told.push(
        `${name} x${times} after ${skip} ${target.method ?? ""}${target.path ?? target.query ?? target.git ?? ""}`,
      );
      this.steps++;
    }
    this.at.clear();
    for (let count = random.pick([0, 0, 0, 1, 2]); count > 0; count--) {
      const act = () => this.person();
      if (random.next() < 0.3) act();
      else this.at.set(this.requests + 1 + random.below(this.whole ? 25 : 10), act);
    }
  }

  private heal(): void {
    this.one.heal();
    this.at.clear();
  }

  async run(): Promise<void> {
    this.arm();
    const byTick = this.random.next() < 0.4;
    const n = byTick ? await this.tick() : await this.dispatch();
    await this.judge();
    if (n !== null && this.whole) {
      await this.attempted(n);
      await this.judge();
      this.heal();
    } else if (n !== null) {
      if (this.random.next() < 0.6) {
        this.heal();
        this.arm();
      }
      if (this.random.next() < 0.4) await this.publish(n);
      else await this.end(n);
      await this.judge();
    } else this.heal();
    for (let times = this.random.below(3); times > 0; times--) {
      this.arm();
      await this.reconcile();
      await this.judge();
      this.heal();
    }
    await this.settle();
  }

  private async dispatch(): Promise<number | null> {
    const done = await this.one.dispatch();
    if (done instanceof Error) {
      this.told.push(`dispatch: ${done.message.slice(0, 120)}`);
      if (!(done instanceof FleetError)) this.wrong("false", `dispatch: ${done.stack}`);
      return null;
    }
    this.told.push("dispatched");
    await this.confirmed(done.n);
    return done.n;
  }

  /** Nothing is dispatched without a claim that GitHub has, and what can't be read is not empty. */
  private async tick(): Promise<number | null> {
    const before = this.free();
    try {
      const { dispatched, failed, skipped } = await tick(this.one.fleet, { repos: [this.name] });
      const [one] = dispatched;
      this.told.push(`tick: ${dispatched.length} dispatched, failed: ${failed.join(", ").slice(0, 150)}`);
      const met = dispatched.length + failed.length > 0 || skipped.some((each) => each.issue === this.issue);
      if (!met && before && this.free()) this.wrong("false", "a tick that did not see the issue, and no error");
      if (!one) return null;
      const n = Number(one.attempt?.split("-")[1]);
      await this.confirmed(n);
      return n;
    } catch (error) {
      this.told.push(`tick: ${error instanceof Error ? error.message.slice(0, 120) : error}`);
      if (!(error instanceof FleetError)) this.wrong("false", `tick: ${error instanceof Error ? error.stack : error}`);
      return null;
    }
  }

  /** The issue is there, open, and nobody's. */
  private free(): boolean {
    return !this.gone && this.repo.issue(this.issue).state === "open";
  }

  private async confirmed(n: number): Promise<void> {
    const [tip] = await this.one.claims();
    if (!this.mine(tip, n) || tip?.state !== "held")
      this.wrong("doubled", `dispatched without a claim: ${tip?.state} ${tip?.attempt}`);
  }

  private mine(claim: Claim | undefined, n: number): boolean {
    return isOurs(claim ?? null, { host: this.one.fleet.store.workers.fleetId(), attempt: `01-${n}` });
  }

  private async takeUp(n: number) {
    const { fleet } = this.one;
    const task = fleet.store.attempts.task("01", n);
    if (task === null) throw new Error(`01-${n} has no task`);
    return await takeUp(fleet, task, () => {});
  }

  /** As a supervisor ends an attempt. */
  private async end(n: number): Promise<void> {
    const outcome: Outcome = this.random.pick(outcomes);
    const attempt = await this.takeUp(n);
    if (outcome !== "lost") await closeOut(attempt, { outcome, reason: "as the seed wants it" });
    endAttempt(this.one.fleet, attempt.task, { outcome, reason: "as the seed wants it" });
    this.told.push(outcome);
    this.heal();
  }

  /** Work that an agent has done is somewhere: delivered, pushed, or kept as a patch. */
  private async attempted(n: number): Promise<void> {
    const { one, repo } = this;
    const { outcome, pull, reason } = await one.end();
    this.told.push(`${outcome}: ${reason.slice(0, 150)}`);
    const paths = one.fleet.store.attempts.at("01", n);
    const worked =
      existsSync(paths.transcript) && readFileSync(paths.transcript, "utf8").includes('"subtype":"success"');
    const pushed = Object.keys(await repo.refs(`refs/heads/issue-${this.issue}`)).length > 0;
    if (worked && !pushed && !this.branchGone && !existsSync(paths.patch))
      this.wrong("lost", `${outcome}, and its work is nowhere`);
    const [open] = one.pulls();
    if (outcome === "delivered" ? open?.number !== pull?.number : pull !== null)
      this.wrong("false", `${outcome} with ${JSON.stringify(pull)}`);
  }

  /** The work is pushed, its pull request is not confirmed: what a supervisor leaves that dies there. */
  private async publish(n: number): Promise<void> {
    this.heal();
    const attempt = await this.takeUp(n);
    const { lease } = attempt;
    const { fleet } = this.one;
    if (lease === null) throw new Error("no lease");
    const head = await this.repo.push({ branch: `issue-${this.issue}`, files: { "work.txt": `By ${n}\n` } });
    const tip = await lease.known().catch(() => null);
    // The issue may be somebody else's by now, or the right to write is gone.
    const claim = tip && { ...message(lease.place, lease.holder, "published", tip.claim?.epoch ?? 1), head };
    const written = claim && (await attempt.github.claims.write(lease.place, tip, claim).catch(() => null));
    endAttempt(fleet, attempt.task, { outcome: "lost", reason: "the supervisor vanished" });
    this.told.push(written?.won ? "published, then lost" : "lost");
  }

  private async reconcile(): Promise<void> {
    const { repaired, failed } = await reconcile(this.one.fleet);
    this.told.push(
      `reconcile: ${[...repaired, ...failed.map((what) => `failed ${what}`)].join(", ").slice(0, 300) || "nothing"}`,
    );
  }

  /** What may be true at any time. */
  private async judge(): Promise<void> {
    const { repo, issue, one } = this;
    const pulls = one.pulls();
    if (pulls.length > 1) this.wrong("doubled", `pull requests ${pulls.map(({ number }) => `#${number}`)}`);
    const chain = (await one.claims()).reverse();
    const states = chain.map(({ state, epoch, attempt }) => `${state} ${epoch} ${attempt}`);
    for (const [at, claim] of chain.entries()) {
      const before = chain[at - 1];
      const same = before?.attempt === claim.attempt && before.host === claim.host && before.epoch === claim.epoch;
      const acquired = claim.state === "held" && claim.epoch === (before?.epoch ?? 0) + 1;
      const ends =
        before?.state === "held" ||
        before?.state === "published" ||
        (before?.state === "failed" && claim.state === "released");
      if (!acquired && !(same && ends)) this.wrong("doubled", `claims ${states}`);
    }
    const others = this.crowd?.numbers.filter((number) => `${repo.labels(number)}` !== this.crowd?.label) ?? [];
    if (others.length > 0) this.wrong("stranger", `other issues were touched: ${others}`);
    if (this.gone) return;
    const comments = repo.comments(issue);
    const markers = comments.flatMap(({ body }) => /^<!-- (claude-workers:.*) -->/.exec(body)?.[1] ?? []);
    if (new Set(markers).size < markers.length) this.wrong("doubled", `comments ${markers}`);
    if (comments.filter(({ body }) => body === seen).length !== this.comments)
      this.wrong("stranger", "a person's comment is gone");
    for (const label of this.labels)
      if (!repo.labels(issue).includes(label)) this.wrong("stranger", `a person's label ${label} is gone`);
  }

  /** In the end all is well again: then nothing may be left that has to be mended. */
  private async settle(): Promise<void> {
    const { repo, one } = this;
    this.heal();
    repo.set({ archived: false, hasIssues: true });
    repo.allow(one.login, "write");
    await this.reconcile();
    await this.reconcile();
    await this.judge();
    const { attempts, workers } = one.fleet.store;
    const left = attempts.unsettled();
    if (left.length > 0) this.wrong("stuck", `unsettled ${left.map(({ n }) => `01-${n}`)}`);
    const [tip] = await one.claims();
    const ours = tip?.host === workers.fleetId();
    if (ours && (tip.state === "held" || tip.state === "published")) this.wrong("stuck", `the claim is ${tip.state}`);
    const open = one.pulls().filter(({ state }) => state === "open");
    if (open.length > 0 && tip?.state !== "done") this.wrong("stuck", `a pull request, and the claim is ${tip?.state}`);
    if (this.gone || this.meddled) return;
    if (tip && tip.state !== "failed" && repo.labels(this.issue).includes("worker:01"))
      this.wrong("leftover", `the label, and the claim is ${tip.state}`);
  }
}
