/** Each outcome that an agent's conduct, a limit or GitHub's refusal brings about, through the program, and what it leaves. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkJournal } from "../contracts/contract.ts";
import { begin, expectEnd, type Left, lanes, type Play } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";

const files = { "README.md": "# Site\n" };
const turn = lanes(4);
let fleet: TestFleet;
/** The same local GitHub, with one deadline each that ends soon: a slow start is not taken for the silence that is awaited. */
const hasty: Partial<Record<Deadline, TestFleet>> = {};
const deadlines = { start: "4s", silence: "5s" } as const;
type Deadline = keyof typeof deadlines;

type Case = Omit<Play, "worker"> & { name: string; left: Left; hasty?: Deadline };

const failed = { claim: "failed", comments: 1, pull: false, patch: false } as const;
const givenBack = { labels: [], claim: "released", comments: 0, pull: false, patch: false } as const;
const delivered = {
  outcome: "delivered",
  reason: /\/pull\/\d+$/,
  labels: [],
  claim: "done",
  comments: 1,
  pull: true,
  patch: false,
} as const;
/** `worker:01` stands for whichever worker takes it. */
const kept = ["worker:01"];

const cases: Case[] = [
  { name: "work that was left uncommitted is delivered", body: "[[scenario:edit-uncommitted]]", left: delivered },
  { name: "children that outlive the agent do not hold a delivery up", body: "[[scenario:daemons]]", left: delivered },
  {
    name: "an answer is posted",
    body: "[[scenario:answer]] [[answer:It is blue.]]",
    left: {
      outcome: "answered",
      reason: /^It is blue\.$/,
      labels: [],
      claim: "done",
      comments: 1,
      pull: false,
      patch: false,
    },
  },
  {
    name: "work that was done before a line without sense",
    body: `[[scenario:run]] [[run:${btoa(`edit; commit; printf '{"type":"system","subtype":"init","permissionMode":"dontAsk","mcp_servers":[{"name":"worker","status":"connected"}],"claude_code_version":"2.1.${"9".repeat(20)}"}\\n'; done_well`)}]]`,
    left: { ...givenBack, outcome: "refused", reason: /: version is 2\.1\.9{20}, not/, patch: true },
  },
  {
    name: "nothing changed, nothing said",
    body: "[[scenario:no-change]]",
    left: { ...failed, outcome: "no-change", reason: /without a change/, labels: kept },
  },
  {
    name: "the agent says that it can't",
    body: "[[scenario:decline]]",
    left: { ...failed, outcome: "declined", reason: /needs a credential/, labels: [...kept, "blocked"] },
  },
  {
    name: "an exit without a result",
    body: "[[scenario:exit-1]]",
    left: { ...failed, outcome: "failed", reason: /without a result \(exit code 1\)/, labels: kept },
  },
  {
    name: "a result that is an error",
    body: "[[scenario:result-error]]",
    left: { ...failed, outcome: "failed", reason: /API Error: 500/, labels: kept },
  },
  {
    name: "killed from outside",
    body: "[[scenario:killed]]",
    left: { ...failed, outcome: "failed", reason: /without a result \((exit code 137|signal SIGKILL)\)/, labels: kept },
  },
  {
    name: "not logged in",
    body: "[[scenario:not-logged-in]]",
    left: { ...givenBack, outcome: "refused", reason: /refuses the credentials: Not logged in/ },
  },
  {
    name: "a wrong key",
    body: "[[scenario:auth-401]]",
    left: { ...givenBack, outcome: "refused", reason: /refuses the credentials: Invalid API key/ },
  },
  {
    name: "an agent that runs with other permissions",
    body: "[[scenario:bad-init]]",
    left: { ...givenBack, outcome: "refused", reason: /permission mode is default/ },
  },
  {
    name: "an agent without its voice",
    body: "[[scenario:no-voice]]",
    left: { ...givenBack, outcome: "refused", reason: /voice server is failed/ },
  },
  {
    name: "the agent's own limit of turns",
    body: "[[scenario:max-turns]]",
    left: { ...failed, outcome: "over-budget", reason: /maximum number of turns/, labels: kept },
  },
  {
    name: "a limit of turns that the agent does not keep",
    body: "[[scenario:chatty]]",
    flags: ["--turns", "3"],
    left: { ...failed, outcome: "over-budget", reason: /more than 3 turns/, labels: kept },
  },
  {
    name: "the limit of money, with work",
    body: "[[scenario:max-budget]]",
    flags: ["--budget", "0.02"],
    left: { ...failed, outcome: "over-budget", reason: /maximum budget/, labels: kept, patch: true },
  },
  {
    name: "the limit of time, with work",
    body: "[[scenario:edit-hang]]",
    flags: ["--timeout", "5s"],
    left: { ...failed, outcome: "timed-out", reason: /ran for 5 s/, labels: kept, patch: true },
  },
  {
    name: "no word from the start",
    body: "[[scenario:hang]]",
    hasty: "start",
    left: { ...failed, outcome: "stalled", reason: /nothing in the first 4 s/, labels: kept },
  },
  {
    name: "silence, with work",
    body: "[[scenario:edit-hang]]",
    hasty: "silence",
    left: { ...failed, outcome: "stalled", reason: /said nothing for 5 s/, labels: kept, patch: true },
  },
  {
    name: "a secret in the change",
    body: "[[scenario:secret]]",
    left: {
      ...failed,
      outcome: "rejected",
      reason: /a GitHub token: settings\.ini, line 1/,
      labels: kept,
      patch: true,
    },
  },
  {
    name: "a gate that fails",
    repo: "acme/gated",
    body: "[[scenario:edit]]",
    left: {
      ...failed,
      outcome: "failed",
      reason: /the gate "[^"]*exit 3" failed \(exit code 3\): [\d\s]{300,}the roof leaks$/,
      labels: kept,
      patch: true,
    },
  },
  {
    name: "a push that GitHub refuses",
    repo: "acme/guarded",
    body: "[[scenario:edit]]",
    left: { ...failed, outcome: "rejected", reason: /Nobody pushes on a Friday/, labels: kept, patch: true },
  },
  {
    name: "a pull request that GitHub refuses",
    repo: "acme/closed",
    body: "[[scenario:edit]]",
    left: { ...failed, outcome: "rejected", reason: /Pull requests are off today/, labels: kept, patch: true },
  },
  {
    name: "the dry-run agent",
    body: "[[scenario:edit]]",
    env: { CW_AGENT: "dry-run" },
    left: {
      outcome: "simulated",
      reason: /commit on the branch/,
      labels: [],
      claim: "released",
      comments: 1,
      pull: false,
      patch: false,
    },
  },
];

const workerOf = (index: number) => `${cases[index]?.hasty ? "h" : "w"}${String(index).padStart(2, "0")}`;
const workers = (hurried?: Deadline) => cases.flatMap((one, index) => (one.hasty === hurried ? [workerOf(index)] : []));

beforeAll(async () => {
  fleet = await testFleet({ workers: ["01", ...workers()] });
  const { standin } = fleet;
  await Promise.all(["gated", "guarded", "closed"].map((name) => standin.addRepo({ name: `acme/${name}`, files })));
  fleet.configure({ repos: { "acme/gated": { gates: ["true", "seq 30000; echo the roof leaks; exit 3"] } } });
  const hook = join(standin.repo("acme/guarded").dir, "hooks/pre-receive");
  mkdirSync(dirname(hook), { recursive: true });
  writeFileSync(hook, "#!/bin/sh\ngrep -q refs/heads/ && { echo 'Nobody pushes on a Friday' >&2; exit 1; }; exit 0\n");
  chmodSync(hook, 0o755);
  const refusal = { status: 422, body: { message: "Pull requests are off today" } };
  standin.inject({ method: "POST", path: /^\/repos\/acme\/closed\/pulls$/, times: 99, fault: refusal });
  for (const deadline of ["start", "silence"] as const) {
    const one = await testFleet({ workers: workers(deadline), standin });
    hasty[deadline] = one;
    one.configure({ limits: { [deadline]: deadlines[deadline] } });
  }
});
afterAll(async () => {
  for (const one of Object.values(hasty)) await one.close();
  await fleet?.close();
});

describe.concurrent("an attempt", () => {
  test(
    "that says what it did is delivered",
    () =>
      turn(async () => {
        const play: Play = { worker: "01", body: "[[scenario:complete]]" };
        const issue = await begin(fleet, play);
        const end = await expectEnd(fleet, play, issue, delivered);
        const { repo } = fleet;
        const pull = repo.pulls().find(({ head }) => head === `issue-${issue}`);
        const head = (await repo.refs("refs/heads/"))[`refs/heads/issue-${issue}`];
        expect(pull).toMatchObject({ state: "open", headSha: head ?? "", base: "main", title: "For worker 01" });
        expect(pull?.body).toContain(`Closes #${issue}`);
        expect(await repo.file(`issue-${issue}`, "README.md")).toEndWith("Edited by the fake agent.\n");
        expect(end).toMatchObject({
          branch: `issue-${issue}`,
          commits: 1,
          added: 1,
          removed: 0,
          files: ["README.md"],
          turns: 6,
          costUsd: 0.0192,
        });
        const [done, published, held, ...more] = await fleet.claim(issue);
        expect(done).toMatchObject({ state: "done", pr: pull?.number ?? 0, head: head ?? "" });
        expect([published?.state, held?.state, more.length]).toEqual(["published", "held", 0]);
        expect(repo.comments(issue)[0]?.body).toContain(`#${pull?.number}`);
      }),
    240_000,
  );

  for (const [index, { name, left, ...play }] of cases.entries()) {
    test(
      name,
      () =>
        turn(async () => {
          const where = (play.hasty && hasty[play.hasty]) ?? fleet;
          const worker = workerOf(index);
          const issue = await begin(where, { ...play, worker });
          const labels = left.labels.map((label) => label.replace("worker:01", `worker:${worker}`));
          await expectEnd(where, { ...play, worker }, issue, { ...left, labels });
        }),
      240_000,
    );
  }
});

describe("afterwards", () => {
  test("nothing is left that should not be", async () => {
    expect(await fleet.leftovers()).toEqual([]);
    for (const one of Object.values(hasty)) expect(await one.leftovers()).toEqual([]);
  });

  test("A50: what the fleet keeps is for its owner alone, and no secret is where an agent was", () => {
    const odd: string[] = [];
    const control = join(fleet.root, ".fleet");
    for (const entry of [".", ...readdirSync(control, { recursive: true }).map(String)]) {
      if (/^repos\/[^/]+\/[^/]+\.git\//.test(entry)) continue; // Git's own, inside a folder that is checked.
      const stat = lstatSync(join(control, entry));
      const mode = (stat.mode & 0o777).toString(8);
      if (mode !== (stat.isDirectory() ? "700" : "600")) odd.push(`${mode} ${entry}`);
    }
    expect(odd).toEqual([]);
    expect((lstatSync(join(fleet.root, "01")).mode & 0o777).toString(8)).toBe("700");
    const home = join(fleet.root, "01");
    const inside = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const leaks = inside.filter((entry) => {
      const text = readFileSync(join(entry.parentPath, entry.name), "utf8");
      return text.includes(fleet.token) || text.includes(fleet.key);
    });
    expect(leaks.map((entry) => join(entry.parentPath, entry.name))).toEqual([]);
  });

  test("all that was asked of GitHub, and answered, is as GitHub describes it", () => {
    expect(checkJournal(fleet.standin.journal.entries)).toEqual([]);
  });
});
