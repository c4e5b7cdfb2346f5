/** What a tick costs when nothing has happened: conditional requests, kept apart for each credential. */
import { afterEach, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { claimBy, closeFleets, long, openFleet } from "../e2e/fleet-stage.ts";

afterEach(closeFleets, long);

test.each([10, 50])(
  "a quiet tick over %d repositories is not modified throughout",
  async (count) => {
    const fleet = await openFleet();
    const names = ["acme/site", ...Array.from({ length: count - 1 }, (_, n) => `acme/more-${n + 1}`)];
    for (const name of names.slice(1)) await fleet.standin.addRepo({ name, files: { "README.md": `# ${name}\n` } });
    for (const name of names) fleet.standin.repo(name).openIssue({ title: "Not yet", labels: ["blocked"] });
    // A claim is a commit: it is read once.
    await claimBy(fleet, fleet.repo.openIssue({ title: "Held elsewhere" }), {});
    fleet.configure({ repos: Object.fromEntries(names.map((name) => [name, {}])) });
    const { journal } = fleet.standin;
    const tick = async (env = {}) => {
      journal.clear();
      const began = performance.now();
      const ran = await fleet.cw(["assign", "--json"], { env, timeoutMs: 120_000 });
      expect([ran.code, ran.json().dispatched, ran.json().failed]).toEqual([0, [], []]);
      const statuses = journal.calls().map(({ status }) => status);
      return { ms: Math.round(performance.now() - began), statuses, requests: ran.json().requests };
    };
    const all = (status: number, times: number) => Array(times).fill(status);

    const first = await tick();
    expect(first.statuses).toEqual(all(200, 2 * count + 1));
    const second = await tick();
    expect(second.statuses).toEqual(all(304, 2 * count));
    expect(second.requests).toEqual({ total: 2 * count, notModified: 2 * count });
    console.info(
      `${count} repositories: first tick ${first.statuses.length} requests in ${first.ms} ms, quiet tick ${second.statuses.length} requests, ${second.requests.notModified} times 304, in ${second.ms} ms`,
    );

    // An ETag belongs to the credential that got it.
    const token = "another-token-of-the-operator-01234";
    fleet.standin.addUser({ login: "acme", token });
    expect((await tick({ GH_TOKEN: token })).statuses).toEqual(all(200, 2 * count + 1));
    expect((await tick()).statuses).toEqual(all(304, 2 * count));
    expect((await tick({ GH_TOKEN: token })).statuses).toEqual(all(304, 2 * count));
    const lists = join(fleet.root, ".fleet/lists.d");
    expect(readdirSync(lists)).toHaveLength(2);
    for (const name of readdirSync(lists)) {
      expect(statSync(join(lists, name)).mode & 0o777).toBe(0o600);
      expect(await Bun.file(join(lists, name)).text()).not.toContain(token);
    }

    // Ticks over other repositories leave what is known of these.
    journal.clear();
    expect((await fleet.cw(["assign", "-r", "acme/site", "--json"])).json().requests).toEqual({
      total: 2,
      notModified: 2,
    });
    expect((await tick()).statuses).toEqual(all(304, 2 * count));

    // One repository in which something happens is read again, and only that.
    fleet.standin.repo(names.at(-1) ?? "").openIssue({ title: "New", labels: ["blocked"] });
    const third = await tick();
    expect(third.statuses.toSorted()).toEqual([200, ...all(304, 2 * count - 1)]);
  },
  long,
);

test(
  "strangers' issues that nobody approved cost nothing, and each stranger is asked about once",
  async () => {
    const fleet = await openFleet();
    fleet.configure({ repos: { "acme/site": {} }, assign: { approvalLabel: "approved" } });
    fleet.repo.allow("tom", "triage");
    for (const by of ["eve", "eve", "eve", "tom", "tom"]) fleet.repo.openIssue({ title: `By ${by}`, by });
    const { journal } = fleet.standin;
    for (const status of [200, 304]) {
      journal.clear();
      const ran = await fleet.cw(["assign", "--json"]);
      expect([ran.code, ran.json().skipped.map(({ why }: { why: string }) => why)]).toEqual([
        0,
        Array(5).fill("untrusted"),
      ]);
      expect(journal.calls().map((call) => call.status)).toEqual(Array(4).fill(status));
    }
    // Permission is not remembered, only its being unchanged.
    fleet.repo.allow("tom", "write");
    const dry = await fleet.cw(["assign", "--dry-run", "--json"]);
    expect(dry.json().dispatched).toEqual([{ worker: null, repo: "acme/site", issue: 4, attempt: null }]);
  },
  long,
);
