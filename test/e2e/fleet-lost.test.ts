/** `cw assign` after attempts that vanished, were refused by the agent, or ran into the account's usage limit. */
import { afterEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newest, running, supervisorOf } from "../support/attempt.ts";
import { type TestFleet, until } from "../support/fleet.ts";
import {
  assign,
  closeFleets,
  endAll,
  long,
  openFleet,
  silent,
  skipped,
  taken,
  untilNothingLives,
} from "./fleet-stage.ts";

afterEach(closeFleets, long);

const tick = (fleet: TestFleet) => assign(fleet, "-r", "acme/site");

/** Ends the supervisor of worker 01 and awaits that nothing of it lives. */
async function vanish(fleet: TestFleet, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  await running(fleet, "01");
  process.kill(supervisorOf(fleet, "01"), signal);
  await untilNothingLives(fleet);
}

test(
  "a lost attempt is tried again once; then the issue is marked, once, until a person takes the mark away",
  async () => {
    const fleet = await openFleet();
    fleet.configure({ repos: { "acme/site": {} } });
    const issue = fleet.repo.openIssue({ title: "Deadly", body: silent });
    expect(taken(await tick(fleet))).toEqual([issue]);
    await vanish(fleet, "SIGKILL");
    const second = await tick(fleet);
    expect(taken(second)).toEqual([issue]);
    expect(second.json().repaired).toContain("attempt 01-1 was ended as lost: the supervisor vanished");
    await vanish(fleet, "SIGKILL");

    const third = await tick(fleet);
    expect([third.code, taken(third), skipped(third)]).toEqual([0, [], [`#${issue} lost twice`]]);
    expect(fleet.repo.labels(issue)).toEqual(["blocked"]);
    expect(fleet.repo.comments(issue).map(({ body }) => body)).toEqual([
      expect.stringContaining("2 attempts on this issue vanished without a result"),
    ]);
    for (let n = 0; n < 2; n++) expect(skipped(await tick(fleet))).toEqual([`#${issue} blocked`]);
    expect(fleet.repo.comments(issue)).toHaveLength(1);
    expect(newest(fleet, "01")).toBe(2);
    expect(await fleet.leftovers()).toEqual([]);

    fleet.repo.unlabel(issue, "blocked");
    const explained = (await fleet.cw(["explain", `acme/site#${issue}`, "--json"])).json();
    expect(explained.verdict).toBe("the next assign takes it up");
    expect(taken(await tick(fleet))).toEqual([issue]);
    await vanish(fleet, "SIGKILL");
    expect(skipped(await tick(fleet))).toEqual([`#${issue} lost twice`]);
    expect([fleet.repo.labels(issue), fleet.repo.comments(issue).length]).toEqual([["blocked"], 2]);
  },
  long,
);

test(
  "that mark, once a person has taken it away, is not put again because GitHub did not list the comments",
  async () => {
    const fleet = await openFleet();
    const issue = fleet.repo.openIssue({ title: "Deadly", body: silent });
    for (let n = 0; n < 2; n++) {
      expect(taken(await tick(fleet))).toEqual([issue]);
      await vanish(fleet, "SIGKILL");
    }
    expect(skipped(await tick(fleet))).toEqual([`#${issue} lost twice`]);
    fleet.repo.unlabel(issue, "blocked");
    const path = new RegExp(`/issues/${issue}/comments$`);
    const unread = fleet.standin.inject({ method: "GET", path, fault: { status: 403, body: {} } });
    const deaf = await tick(fleet);
    expect([unread.fired, taken(deaf), skipped(deaf)]).toEqual([1, [], [`#${issue} lost twice`]]);
    expect([fleet.repo.labels(issue), fleet.repo.comments(issue).length]).toEqual([[], 1]);
    expect(taken(await tick(fleet))).toEqual([issue]);
  },
  long,
);

test(
  "a shutdown of the host does not count",
  async () => {
    const fleet = await openFleet();
    const issue = fleet.repo.openIssue({ title: "Patient", body: silent });
    for (let n = 1; n <= 3; n++) {
      expect(taken(await tick(fleet))).toEqual([issue]);
      await vanish(fleet, "SIGTERM");
      expect((await fleet.ended("01", n)).outcome).toBe("lost");
    }
    const next = await tick(fleet);
    expect(taken(next)).toEqual([issue]);
    expect(next.json().repaired).toContain(`the claim of 01-3 on acme/site#${issue} was released`);
    expect([fleet.repo.labels(issue), fleet.repo.comments(issue)]).toEqual([["worker:01"], []]);
  },
  long,
);

test(
  "what the agent declined is taken up again when a person takes `blocked` away",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    const issue = fleet.repo.openIssue({ title: "Hard", body: "[[scenario:decline]]" });
    expect(taken(await tick(fleet))).toEqual([issue]);
    expect((await fleet.ended("01")).outcome).toBe("declined");
    expect(fleet.repo.labels(issue).toSorted()).toEqual(["blocked", "worker:01"]);
    expect(skipped(await tick(fleet))).toEqual([`#${issue} blocked`]);
    fleet.repo.edit(issue, { body: silent });
    expect(skipped(await tick(fleet))).toEqual([`#${issue} blocked`]);
    fleet.repo.unlabel(issue, "blocked");
    expect(taken(await tick(fleet))).toEqual([issue]);
    const [tip] = await fleet.claim(issue);
    expect(tip).toMatchObject({ state: "held" });
    expect(fleet.repo.labels(issue)).toEqual([`worker:${tip?.worker}`]);
  },
  long,
);

test(
  "what failed is left alone, whatever its labels say",
  async () => {
    const fleet = await openFleet();
    const issue = fleet.repo.openIssue({ title: "Hard", body: "[[scenario:exit-1]]" });
    expect(taken(await tick(fleet))).toEqual([issue]);
    expect((await fleet.ended("01")).outcome).toBe("failed");
    expect(skipped(await tick(fleet))).toEqual([`#${issue} labelled`]);
    fleet.repo.unlabel(issue, "worker:01");
    expect(skipped(await tick(fleet))).toEqual([`#${issue} failed before`]);
    expect((await fleet.cw(["reset", "01"])).code).toBe(0);
    fleet.repo.edit(issue, { body: silent });
    expect(taken(await tick(fleet))).toEqual([issue]);
  },
  long,
);

test(
  "an account at its usage limit: nothing is started and it is said; after the reset it goes on",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    fleet.configure({ limits: { parked: "1s" } });
    const resets = Math.floor(Date.now() / 1000) + 7200;
    const issue = fleet.repo.openIssue({ title: "First", body: `[[scenario:limited]] [[resets:${resets}]]` });
    expect(taken(await tick(fleet))).toEqual([issue]);
    expect((await fleet.ended("01")).outcome).toBe("limited");
    fleet.repo.edit(issue, { body: silent });
    const second = fleet.repo.openIssue({ title: "Second", body: silent });
    const paused = await tick(fleet);
    expect([paused.code, taken(paused), paused.json().failed]).toEqual([0, [], []]);
    const detail = expect.stringMatching(/^usage limit until 2\d{3}-.*Z$/);
    expect(paused.json().skipped).toEqual(
      [issue, second].map((number) => ({ repo: "acme/site", issue: number, why: "no idle worker", detail })),
    );
    const text = await fleet.cw(["assign", "-r", "acme/site"]);
    expect([text.code, text.stdout]).toEqual([0, expect.stringContaining("no idle worker (usage limit until ")]);
    const why = await fleet.cw(["explain", `acme/site#${issue}`]);
    expect(why.stdout).toContain("others: usage limit until");
    expect([newest(fleet, "01"), newest(fleet, "02")]).toEqual([1, 0]);
    // Another account is not at its limit.
    const key = { ANTHROPIC_API_KEY: "another-key-of-the-provider-0123456789" };
    const elsewhere = await fleet.cw(["assign", "-r", "acme/site", "--dry-run", "--json"], { env: key });
    expect(taken(elsewhere)).toEqual([issue, second]);
    // All of that takes as long as it takes; only now the reset comes near.
    const file = join(fleet.root, ".fleet/accounts.json");
    const { until: known, ...record } = JSON.parse(readFileSync(file, "utf8"));
    expect(Object.values(known)).toEqual([new Date(resets * 1000 + 5000).toISOString()]);
    const reset = Date.now() + 2000;
    const near = Object.keys(known).map((account) => [account, new Date(reset).toISOString()]);
    writeFileSync(file, JSON.stringify({ ...record, until: Object.fromEntries(near) }));
    const on = await until(
      "the reset",
      async () => {
        const ran = await tick(fleet);
        return taken(ran).length > 0 ? ran : null;
      },
      60_000,
    );
    expect(taken(on)).toEqual([issue, second]);
    expect(Date.now()).toBeGreaterThan(reset);
    await endAll(fleet);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test.skipIf(process.getuid?.() !== 0)(
  "while the disk takes nothing, neither reset nor assign gives up the work of one that vanished: torture, errors, seeds 83 and 195",
  async () => {
    const fleet = await openFleet();
    const issue = fleet.repo.openIssue({ title: "Unlucky", body: "[[scenario:edit-hang]]" });
    expect(taken(await tick(fleet))).toEqual([issue]);
    const events = join(fleet.attempt("01", 1), "events.jsonl");
    await until("it has edited", () => readFileSync(events, "utf8").includes('"kind":"result"') || null);
    await vanish(fleet, "SIGKILL");
    const folder = fleet.attempt("01", 1);
    const mount = (...words: string[]) =>
      expect(Bun.spawnSync(["mount", ...words], { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } }).exitCode).toBe(0);
    mount("--bind", folder, folder);
    try {
      mount("-o", "remount,bind,ro", folder);
      const reset = await fleet.cw(["reset", "01"]);
      expect([reset.code === 0, reset.stderr]).toEqual([false, expect.stringContaining("EROFS")]);
      await tick(fleet);
      expect(newest(fleet, "01")).toBe(1);
      expect((await fleet.cw(["status", "--json"])).json().workers[0].state).toBe("crashed");
    } finally {
      Bun.spawnSync(["umount", folder], { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
    }
    expect((await fleet.cw(["reset", "01"])).code).toBe(0);
    expect(readFileSync(join(folder, "work.patch"), "utf8")).toContain("+Edited by the fake agent.");
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);
