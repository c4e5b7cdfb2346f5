/** Rehearsals: an attempt without a model, and a dispatch that only says what it would do. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { JournalEntry } from "../../src/standin/journal.ts";
import { begin, expectEnd } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";

let fleet: TestFleet;
let asked = 0;
const model = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: () => {
    asked++;
    return new Response("no", { status: 500 });
  },
});

beforeAll(async () => {
  fleet = await testFleet({ env: { ANTHROPIC_BASE_URL: model.url.href } });
});
afterAll(async () => {
  await fleet?.close();
  await model.stop(true);
});

/** Every path below, with what changes when it is touched. */
function picture(folder: string): string[] {
  const names = ["", ...readdirSync(folder, { recursive: true }).map(String)].sort();
  return names.map((name) => {
    const { mode, size, mtimeNs, ino } = lstatSync(join(folder, name), { bigint: true });
    return [name, mode, size, mtimeNs, ino].join(" ");
  });
}

/** As the plan writes it: what only GitHub can tell has a name. */
function call({ method, path }: JournalEntry): string {
  const named = path
    .replace(/\/pulls\/\d+$/, "/pulls/{number}")
    .replace(/\/commits\/[0-9a-f]{40}$/, "/commits/{claim}");
  return `${method} ${decodeURIComponent(named)}`;
}
/** Repository and issue are read at the same time. */
const inOrder = (calls: readonly string[]) => [...calls.slice(0, 2).toSorted(), ...calls.slice(2)];

test("the dry-run agent: everything around it is real, no model is asked and nothing is changed", async () => {
  const { repo, standin } = fleet;
  const before = await repo.refs("refs/heads/");
  standin.journal.clear();
  const play = { worker: "01", body: "Make it blue.", env: { CW_AGENT: "dry-run" } };
  const issue = await begin(fleet, play);
  const end = await expectEnd(fleet, play, issue, {
    outcome: "simulated",
    reason: /^1\. read the prompt/,
    labels: [],
    claim: "released",
    comments: 1,
    pull: false,
    patch: false,
  });
  expect(end).toMatchObject({ turns: 0, costUsd: 0, commits: 0, files: [], branch: null, pull: null });
  const [comment] = repo.comments(issue);
  for (const step of ["1. read the prompt", "2. make the change", "3. run the project's tests", "4. commit"])
    expect(comment?.body).toContain(`> ${step}`);
  expect((await fleet.claim(issue)).map(({ state }) => state)).toEqual(["released", "held"]);
  expect(await repo.refs("refs/heads/")).toEqual(before);
  const calls = standin.journal.entries;
  expect(calls.filter(({ path }) => path.includes("/pulls")).map(call)).toEqual([]);
  expect(
    calls.filter(({ kind, path, query }) => kind === "git" && /receive-pack/.test(`${path} ${query["service"]}`)),
  ).toEqual([]);
  expect(
    calls.filter(({ path, method }) => method === "POST" && path.endsWith(`/issues/${issue}/labels`)),
  ).toHaveLength(1);
  expect(asked).toBe(0);
  expect(await fleet.leftovers()).toEqual([]);
}, 60_000);

test.each([
  ["an issue", () => ["-i", String(fleet.repo.openIssue({ title: "For the plan", body: "[[scenario:complete]]" }))]],
  ["a prompt", () => ["-p", "[[scenario:edit]]"]],
])(
  "dispatch --dry-run of %s asks nobody and writes nothing; a delivery then makes the calls that it named",
  async (_, what) => {
    const { standin } = fleet;
    const args = ["dispatch", "-r", "acme/site", ...what()];
    standin.journal.clear();
    const before = picture(fleet.root);
    const text = await fleet.cw([...args, "--dry-run"]);
    const planned = await fleet.cw([...args, "--dry-run", "--json"]);
    expect([text.code, planned.code, asked]).toEqual([0, 0, 0]);
    expect(standin.journal.entries).toEqual([]);
    expect(picture(fleet.root)).toEqual(before);
    const plan = planned.json() as {
      calls: string[];
      commands: { what: string; argv: string[]; environment: string[] }[];
    };
    for (const one of plan.calls) expect(text.stdout).toContain(`  ${one}\n`);
    expect(text.stdout + planned.stdout).not.toContain(fleet.token);
    expect(text.stdout + planned.stdout).not.toContain(fleet.key);
    expect(plan.commands.map(({ what }) => what)).toEqual([
      "fetch",
      "clone",
      "clone",
      "clone",
      "agent",
      "collect",
      "push",
    ]);
    const agent = plan.commands.find(({ what }) => what === "agent");
    expect(agent?.argv).toContain("--permission-mode");
    expect(agent?.environment).toContain("ANTHROPIC_API_KEY");
    expect(agent?.environment).not.toContain("GH_TOKEN");

    expect((await fleet.cw(args)).code).toBe(0);
    expect((await fleet.ended("01")).outcome).toBe("delivered");
    expect(await fleet.leftovers()).toEqual([]); // The supervisor has ended: it asks nothing any more.
    const made = standin.journal.entries.filter(({ kind }) => kind === "rest").map(call);
    expect(inOrder(made)).toEqual(inOrder(plan.calls));
  },
  60_000,
);
