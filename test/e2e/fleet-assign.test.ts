/** `cw assign`: what it takes up, what it leaves, and what it says when it can't know. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newest } from "../support/attempt.ts";
import type { TestFleet } from "../support/fleet.ts";
import {
  assign,
  claimBy,
  closeFleets,
  endAll,
  long,
  openFleet,
  openPull,
  silent,
  skipped,
  taken,
} from "./fleet-stage.ts";

afterEach(closeFleets, long);

const attempts = (fleet: TestFleet, ...workers: string[]) => workers.map((worker) => newest(fleet, worker));
const writes = (fleet: TestFleet) =>
  fleet.standin.journal.calls().filter(({ method, kind }) => method !== "GET" && kind === "rest");

test(
  "fills idle workers in order and leaves what may not be taken up; a rehearsal says the same and changes nothing",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02", "03", "04"] });
    const { repo } = fleet;
    fleet.configure({ assign: { priorityLabels: ["urgent"] } });
    const add = (title: string, more: { labels?: string[]; body?: string } = {}) =>
      repo.openIssue({ title, body: silent, ...more });
    const oldest = add("Oldest");
    const marked = add("Blocked", { labels: ["blocked"] });
    const labelled = add("A person's", { labels: ["worker:09"] });
    const waits = add("Waits", { body: `${silent}\n\nBlocked by #${oldest}` });
    const [held, failed, done] = [add("Held elsewhere"), add("Failed elsewhere"), add("Done")];
    await claimBy(fleet, held, {});
    await claimBy(fleet, failed, { state: "failed" });
    await claimBy(fleet, done, { state: "done", pr: 99 });
    const closed = add("Closed");
    repo.close(closed);
    const wasWaiting = add("Waited", { body: `${silent}\r\n- blocked by #${closed}` });
    const pull = await openPull(fleet, "by-hand");
    const urgent = add("Urgent", { labels: ["Urgent"] });
    const [fourth, fifth] = [add("Fourth"), add("Fifth")];
    const left = [
      [marked, "blocked"],
      [labelled, "labelled"],
      [waits, "waits for another issue"],
      [held, "claimed"],
      [failed, "failed before"],
      [done, "done"],
      [pull, "pull request"],
      [fifth, "no idle worker"],
    ].map(([number, why]) => `#${number} ${why}`);

    fleet.standin.journal.clear();
    const rehearsal = await assign(fleet, "-r", "acme/site", "--dry-run");
    expect([rehearsal.code, rehearsal.stderr]).toEqual([0, ""]);
    expect(taken(rehearsal)).toEqual([urgent, oldest, wasWaiting, fourth]);
    expect(skipped(rehearsal)).toEqual(left);
    expect(writes(fleet)).toEqual([]);
    expect(attempts(fleet, "01", "02", "03", "04")).toEqual([0, 0, 0, 0]);
    expect(await fleet.claim(oldest)).toEqual([]);
    expect(repo.labels(oldest)).toEqual([]);
    const text = await fleet.cw(["assign", "-r", "acme/site", "--dry-run", "--limit", "1"]);
    expect(text.stdout).toContain(`would take acme/site#${urgent}\nskipped `);
    expect(text.stdout).toContain(`skipped acme/site#${waits}: waits for another issue (#${oldest})\n`);
    expect(text.stdout).not.toContain(`#${pull}`);

    const real = await assign(fleet, "-r", "acme/site");
    expect([real.code, real.stderr]).toEqual([0, ""]);
    expect(taken(real)).toEqual(taken(rehearsal));
    expect(skipped(real)).toEqual(left);
    expect(real.json()).toMatchObject({ repaired: [], failed: [] });
    expect(attempts(fleet, "01", "02", "03", "04")).toEqual([1, 1, 1, 1]);
    for (const { worker, issue, attempt } of real.json().dispatched) {
      expect((await fleet.claim(issue))[0]).toMatchObject({ state: "held", worker, attempt });
      expect(repo.labels(issue)).toContain(`worker:${worker}`);
    }
    expect(repo.labels(labelled)).toEqual(["worker:09"]);
    const again = await assign(fleet, "-r", "acme/site");
    expect([again.code, taken(again)]).toEqual([0, []]);
    await endAll(fleet);
    const mine = (await fleet.leftovers()).filter((one) => !one.includes("77-1") && !one.includes("worker:09"));
    expect(mine).toEqual([]);
  },
  long,
);

test(
  "a limit, a reserve, a limit for each repository, and rehearsals that agree",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02", "03", "04"] });
    const other = await fleet.standin.addRepo({ name: "acme/other", files: { "README.md": "# Other\n" } });
    fleet.configure({ repos: { "acme/site": {}, "acme/other": {} }, assign: { perRepo: 2, reserve: 1 } });
    const all = [1, 2, 3].map((n) => fleet.repo.openIssue({ title: `Site ${n}`, body: silent }));
    fleet.standin.advance(2000);
    const there = other.openIssue({ title: "Other", body: silent });

    const bounds: [string[], number[], string[]][] = [
      [["--limit", "1"], [all[0] ?? 0], ["limit reached", "limit reached", "limit reached"]],
      [[], [all[1] ?? 0, there], ["labelled", "limit reached"]],
      [["--reserve", "0"], [], ["labelled", "labelled", "labelled", "limit reached"]],
    ];
    for (const [flags, takes, rest] of bounds) {
      const whys = (ran: Awaited<ReturnType<typeof assign>>) =>
        ran
          .json()
          .skipped.map(({ why }: { why: string }) => why)
          .toSorted();
      const rehearsal = await assign(fleet, "--dry-run", ...flags);
      const real = await assign(fleet, ...flags);
      expect([taken(rehearsal), whys(rehearsal)]).toEqual([takes, rest]);
      expect([taken(real), whys(real)]).toEqual([takes, rest]);
    }
  },
  long,
);

test(
  "what is not configured is refused before anybody is asked",
  async () => {
    const fleet = await openFleet();
    fleet.standin.journal.clear();
    const none = await fleet.cw(["assign"]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("which repositories?")]);
    fleet.configure({ repos: { "acme/site": {} } });
    const stranger = await fleet.cw(["assign", "-r", "acme/site", "-r", "acme/other"]);
    expect([stranger.code, stranger.stderr]).toEqual([
      2,
      expect.stringContaining("acme/other is not among the configured repositories"),
    ]);
    const wrong = await fleet.cw(["assign", "--limit", "0"]);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--limit")]);
    expect((await fleet.cw(["assign", "-r", "../site"])).code).toBe(2);
    expect(fleet.standin.journal.calls()).toEqual([]);
    const nobody = await openFleet({ workers: [], standin: fleet.standin });
    const without = await nobody.cw(["assign", "-r", "acme/site"]);
    expect([without.code, without.stderr]).toEqual([3, expect.stringContaining("cw init 01")]);
  },
  long,
);

test(
  "nothing to do is said, and no failure",
  async () => {
    const fleet = await openFleet();
    const quiet = await fleet.cw(["assign", "-r", "acme/site"]);
    expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([0, "nothing to do\n", ""]);
  },
  long,
);

test(
  "two pages of issues are read; half of them is an error, and other repositories go on",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02", "03"] });
    const other = await fleet.standin.addRepo({ name: "acme/other", files: { "README.md": "# Other\n" } });
    fleet.configure({ repos: { "acme/site": {}, "acme/other": {}, "acme/gone": {} } });
    for (let n = 1; n <= 149; n++) fleet.repo.openIssue({ title: `Issue ${n}`, labels: n === 1 ? [] : ["blocked"] });
    const last = fleet.repo.openIssue({ title: "Last", body: silent });
    fleet.repo.edit(1, { body: `${silent}\nBlocked by #${last}` });
    const there = other.openIssue({ title: "Other", body: silent });
    const second = fleet.standin.inject({
      method: "GET",
      path: /^\/repos\/acme\/site\/issues$/,
      skip: 1,
      times: 100,
      fault: { status: 502, body: { message: "Server Error" } },
    });
    const half = await assign(fleet);
    expect(half.code).toBe(7);
    expect(taken(half)).toEqual([there]);
    expect(half.json().failed.toSorted()).toEqual([
      expect.stringMatching(/^acme\/gone could not be read: /),
      expect.stringMatching(/^acme\/site could not be read: .*502/),
    ]);
    expect(half.stderr).toMatch(/acme\/site could not be read/);
    expect(second.fired).toBeGreaterThan(0);
    second.remove();
    fleet.configure({ repos: { "acme/site": {}, "acme/other": {} } });
    const whole = await assign(fleet);
    expect([whole.code, taken(whole)]).toEqual([0, [last]]);
    expect(skipped(whole).filter((one) => one.endsWith(" blocked"))).toHaveLength(148);
    expect(skipped(whole)).toContain("#1 waits for another issue");
  },
  long,
);

test(
  "a cache that was destroyed costs requests, nothing else",
  async () => {
    const fleet = await openFleet();
    fleet.repo.openIssue({ title: "Left alone", labels: ["blocked"] });
    const quiet = async () => (await assign(fleet, "-r", "acme/site")).json().requests;
    expect(await quiet()).toEqual({ total: 2, notModified: 0 });
    expect(await quiet()).toEqual({ total: 2, notModified: 2 });
    const lists = join(fleet.root, ".fleet/lists.d");
    const [name = ""] = readdirSync(lists);
    const whole = await Bun.file(join(lists, name)).text();
    for (const broken of ["", "{", whole.slice(0, -20), "[]", '{"a":1}', `{"a":${"[".repeat(10_000)}`, "\0\xff"]) {
      await Bun.write(join(lists, name), broken);
      expect(await quiet()).toEqual({ total: 2, notModified: 0 });
    }
    expect(existsSync(join(lists, name))).toBe(true);
    expect(await quiet()).toEqual({ total: 2, notModified: 2 });
  },
  long,
);

test(
  "an issue that is closed between list and dispatch is passed over",
  async () => {
    const fleet = await openFleet({ workers: ["01"] });
    const [first, second] = [1, 2].map((n) => fleet.repo.openIssue({ title: `Issue ${n}`, body: silent }));
    const late = fleet.standin.inject({
      method: "GET",
      path: /^\/repos\/acme\/site\/issues$/,
      fault: { staleMs: 60_000 },
    });
    fleet.repo.close(first ?? 0);
    const ran = await assign(fleet, "-r", "acme/site");
    late.remove();
    expect([ran.code, taken(ran), skipped(ran)]).toEqual([0, [second ?? 0], [`#${first} gone`]]);
    expect(newest(fleet, "01")).toBe(1);
  },
  long,
);

test(
  "a worker whose stored credentials can't be read is left out and told; the others work",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    const issue = fleet.repo.openIssue({ title: "One", body: silent });
    writeFileSync(join(fleet.root, ".fleet/01/secrets.json"), "{");
    const ran = await assign(fleet, "-r", "acme/site");
    expect([taken(ran), attempts(fleet, "01", "02")]).toEqual([[issue], [0, 1]]);
    expect(ran.json().failed).toEqual([expect.stringContaining("stored credentials of worker 01 can't be read")]);
    rmSync(join(fleet.root, ".fleet/01/secrets.json"));
  },
  long,
);

test(
  "credentials that GitHub refuses: said as such, and not as a repository that can't be read",
  async () => {
    const fleet = await openFleet();
    const ran = await fleet.cw(["assign", "-r", "acme/site"], {
      env: { GH_TOKEN: "token-of-nobody-0123456789012345" },
    });
    expect([ran.code, ran.stderr]).toEqual([6, expect.stringContaining("GitHub refuses the credentials")]);
  },
  long,
);

test(
  "a repository that GitHub refuses issue after issue is left alone for this tick, and keeps no other waiting",
  async () => {
    const fleet = await openFleet();
    const old = await fleet.standin.addRepo({ name: "acme/old", files: { "README.md": "# Old\n" } });
    for (let n = 0; n < 6; n++) old.openIssue({ title: `Old ${n}`, body: silent });
    old.set({ archived: true });
    const issue = fleet.repo.openIssue({ title: "New", body: silent });
    fleet.configure({ repos: { "acme/old": {}, "acme/site": {} } });
    const ran = await assign(fleet);
    expect(ran.json().failed).toHaveLength(3);
    expect(taken(ran)).toEqual([issue]);
    expect(skipped(ran).map((line) => line.replace(/^#\d+ /, ""))).toEqual(Array(3).fill("limit reached"));
  },
  long,
);
