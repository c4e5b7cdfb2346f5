/** Twenty `cw dispatch` at once, of one fleet or of two: an attempt for each issue and each worker that there is, no more. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Ran, type TestFleet, testFleet } from "../support/fleet.ts";
import { attemptsOf } from "../support/leftovers.ts";
import type { Harm, Suite } from "./suite.ts";

const kinds = [
  "one issue",
  "one worker",
  "three workers",
  "prompts",
  "two fleets, one issue",
  "two fleets, three issues",
];
const body = "[[scenario:silent]]";
const count = 20;

interface Told {
  readonly fleet: TestFleet;
  readonly issue: number | null;
  readonly ran: Ran;
}

class Crowd {
  readonly harm: { kind: Harm; detail: string }[] = [];
  private readonly fleets: TestFleet[] = [];

  constructor(private readonly kind: string) {}

  private wrong(kind: Harm, detail: string): void {
    this.harm.push({ kind, detail: `${this.kind}: ${detail}` });
  }

  private async open(...args: Parameters<typeof testFleet>): Promise<TestFleet> {
    const fleet = await testFleet(...args);
    this.fleets.push(fleet);
    return fleet;
  }

  async run(): Promise<void> {
    const { kind } = this;
    const one = await this.open({ isolation: "none", workers: ["a1", "a2", "a3"] });
    const both = kind.startsWith("two fleets");
    const two = both ? await this.open({ isolation: "none", workers: ["b1", "b2", "b3"], standin: one.standin }) : one;
    const shared = both || kind === "one issue" ? (kind.endsWith("three issues") ? 3 : 1) : count;
    const issues =
      kind === "prompts"
        ? []
        : Array.from({ length: shared }, (_, at) => one.repo.openIssue({ title: `Issue ${at}`, body }));
    const told = await Promise.all(
      Array.from({ length: count }, async (_, at): Promise<Told> => {
        const fleet = at % 2 === 0 ? one : two;
        const issue = issues[at % issues.length] ?? null;
        const what = issue === null ? ["-p", body] : ["-i", String(issue)];
        const which = kind === "one worker" ? ["-w", "a1"] : [];
        const args = ["dispatch", "-r", "acme/site", ...what, ...which, "--json"];
        return { fleet, issue, ran: await fleet.cw(args, { timeoutMs: 120_000 }) };
      }),
    );
    await this.judge(told, issues, kind === "one worker" ? 1 : kind === "one issue" || shared === 1 ? 1 : 3);
    for (const fleet of this.fleets) {
      for (const folder of attemptsOf(fleet.root)) {
        const worker = folder.split("/").at(-3) ?? "";
        const reset = await fleet.cw(["reset", "-f", worker]);
        if (reset.code !== 0) this.wrong("stuck", `reset of ${worker}: ${reset.stderr}`);
      }
    }
    for (const fleet of this.fleets) for (const left of await fleet.leftovers()) this.wrong("leftover", left);
  }

  /** @param room so many attempts there have to be */
  private async judge(told: readonly Told[], issues: readonly number[], room: number): Promise<void> {
    for (const { ran } of told)
      if (ran.code !== 0 && ran.code !== 4) this.wrong("false", `exit ${ran.code}: ${ran.stderr}`);
    const names = new Set(told.flatMap(({ ran }) => (ran.code === 0 ? ran.json().attempt : [])));
    const there = this.fleets.flatMap(({ root }) => attemptsOf(root));
    const started = there.filter((folder) => born(folder)).map(nameOf);
    const about = `started ${started}; told ${[...names]}; on disk ${there.map(nameOf)}`;
    if (started.length > room) this.wrong("doubled", about);
    if (started.length < room) this.wrong("stuck", about);
    // What another fleet's claim has beaten is on disk as refused, and may have been told until then.
    if (started.some((name) => !names.has(name)) || [...names].some((name) => !there.map(nameOf).includes(name)))
      this.wrong("false", about);
    const issueOf = (folder: string) => JSON.parse(readFileSync(join(folder, "task.json"), "utf8")).issue;
    for (const issue of issues) {
      const [one] = this.fleets;
      const chain = (await one?.claim(issue)) ?? [];
      const holder = there.find((folder) => born(folder) && issueOf(folder) === issue);
      const labels = one?.repo.labels(issue) ?? [];
      const said = chain.map(({ state, attempt }) => `${state} ${attempt}`);
      const expected = holder === undefined ? "" : `worker:${nameOf(holder).split("-")[0]}`;
      if (labels.join() !== expected) this.wrong("leftover", `labels of #${issue}: ${labels}, not ${expected}`);
      if (holder ? said[0] !== `held ${nameOf(holder)}` || said.length > 1 : said[0]?.startsWith("held") === true)
        this.wrong("doubled", `claim of #${issue}: ${said}`);
    }
  }

  async close(): Promise<void> {
    for (const fleet of this.fleets.reverse()) await fleet.close();
  }
}

/** Folders are .../01/attempts/0007. */
function nameOf(folder: string): string {
  const parts = folder.split("/");
  return `${parts.at(-3)}-${Number(parts.at(-1))}`;
}

function born(folder: string): boolean {
  const file = join(folder, "birth.json");
  return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).by === "supervisor";
}

export const dispatchRaces: Suite = {
  name: "dispatch-races",
  shows:
    "20 dispatches of the whole program at once, by one fleet or two: one attempt for each issue and worker, losers leave nothing",
  full: 60,
  quick: 1,
  round: async ({ seed }) => {
    const crowd = new Crowd(kinds[seed % kinds.length] ?? "");
    try {
      await crowd.run();
    } finally {
      await crowd.close();
    }
    return { tried: count, harm: crowd.harm };
  },
};
