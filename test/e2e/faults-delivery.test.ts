/** Each request of publish and close-out, and each phase of git, meets each fault: the outcome is true, and nothing is doubled. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { reconcile } from "../../src/fleet/reconcile.ts";
import { reset } from "../../src/fleet/reset.ts";
import type { End } from "../../src/model/attempt.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import type { Fault } from "../../src/standin/faults.ts";
import { until } from "../support/fleet.ts";
import { faults } from "./fault-kinds.ts";
import { type Case, Rig } from "./fault-rig.ts";
import { inTurn } from "./refused.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start(6);
});
afterAll(() => rig.close());

/** Requests of the supervisor in their order; the outcome of a clear refusal, where it is not delivered all the same. */
interface Request {
  readonly match: (issue: number) => Pick<Fault, "method" | "path" | "git" | "skip">;
  readonly refused: Outcome;
  readonly but?: Readonly<Record<string, Outcome>>;
}
// A 404 may be a mistake: the list that has the issue counts.
const looked = { "301": "withdrawn", "404": "delivered", "410": "withdrawn" } as const;
const requests: Readonly<Record<string, Request>> = {
  "issue looked at again": {
    match: (n) => ({ method: "GET", path: new RegExp(`/issues/${n}$`) }),
    refused: "rejected",
    but: looked,
  },
  "pull requests listed": { match: () => ({ method: "GET", path: /\/pulls$/ }), refused: "rejected" },
  // A 422 may mean that GitHub has not seen the branch yet.
  "pull request opened": {
    match: () => ({ method: "POST", path: /\/pulls$/ }),
    refused: "rejected",
    but: { "422": "delivered" },
  },
  "pull request read back": { match: () => ({ method: "GET", path: /\/pulls\/\d+$/ }), refused: "rejected" },
  "commit of done": { match: () => ({ method: "POST", path: /\/git\/commits$/ }), refused: "delivered" },
  "ref of done": { match: () => ({ method: "PATCH", path: /\/git\/refs\// }), refused: "delivered" },
  "comments listed": {
    match: (n) => ({ method: "GET", path: new RegExp(`/issues/${n}/comments$`) }),
    refused: "delivered",
  },
  comment: { match: (n) => ({ method: "POST", path: new RegExp(`/issues/${n}/comments$`) }), refused: "delivered" },
  "label removed": { match: () => ({ method: "DELETE", path: /\/labels\// }), refused: "delivered" },
};
const once = [
  "301",
  "401",
  "403 limit",
  "429 wait",
  "404",
  "410",
  "422",
  "500",
  "connection broken before",
  "reply lost",
].concat(["half a body", "no body", "no JSON", "no answer"]);

/** What must be so after any outcome. */
async function isTrue(one: Case, end: End, about: string): Promise<void> {
  const branches = Object.keys(await one.repo.refs(`refs/heads/issue-${one.issue}`));
  const open = one.pulls().filter(({ state }) => state === "open");
  expect({
    about,
    branches: branches.length <= 1,
    pulls: open.length <= 1,
    comments: one.comments().length <= 1,
  }).toEqual({
    ...{ about, branches: true, pulls: true, comments: true },
  });
  if (end.outcome === "delivered") {
    const refs = await one.repo.refs(`refs/heads/issue-${one.issue}`);
    expect([about, open[0]?.number, open[0]?.body]).toEqual([
      ...[about, end.pull?.number],
      expect.stringContaining(`Closes #${one.issue}`),
    ]);
    expect([about, open[0]?.headSha]).toEqual([about, Object.values(refs)[0]]);
  } else {
    const { patch } = one.fleet.store.attempts.at("01", 1);
    // One that never began has nothing to keep.
    expect([about, end.pull, existsSync(patch)]).toEqual([about, null, end.outcome !== "refused"]);
  }
  // Each step of the claim once: no state is written twice in a row but `held`, which is renewed.
  const states = (await one.claims()).map(({ state }) => state).reverse();
  const doubled = states.some((state, at) => state !== "held" && state === states[at - 1]);
  expect([about, doubled ? states.join(" ") : ""]).toEqual([about, ""]);
}

/** In the end, and after the next command where something had to wait for it. */
async function isClean(one: Case, end: End, about: string): Promise<void> {
  one.heal();
  const { failed } = await reconcile(one.fleet);
  expect([about, failed, one.fleet.store.attempts.unsettled()]).toEqual([about, [], []]);
  const state = (await one.claims())[0]?.state;
  if (end.outcome === "delivered") {
    expect([about, state, one.labels()]).toEqual([about, "done", []]);
    expect([about, one.comments().length <= 1]).toEqual([about, true]);
  } else {
    // What was pushed waits for nobody: torture, errors, seed 47.
    expect([about, state === "published"]).toEqual([about, false]);
    // Nor does a pull request that nobody could look at: torture, github-attempts, seed 38.
    const open = one.pulls().some((pull) => pull.state === "open");
    expect([about, open && state !== "done"]).toEqual([about, false]);
    // A comment on how it failed stands where it is true, and nowhere else.
    expect([about, one.comments().length]).toEqual([about, state === "failed" ? 1 : 0]);
    // A later reset gives back whatever it was.
    await reset(one.fleet, "01", false);
    const after = (await one.claims())[0]?.state;
    expect([about, after === "released" || after === "done", one.labels()]).toEqual([about, true, []]);
  }
}

/** @param later faults of the supervisor's requests */
async function attempted(
  name: string,
  about: string,
  later: (issue: number) => Fault[],
): Promise<{ one: Case; end: End }> {
  const one = rig.case(name === "no answer" ? { requestMs: 2000 } : {});
  one.later = later(one.issue);
  const done = await one.dispatch();
  if (done instanceof Error) throw new Error(`${about}: ${done.stack}`);
  const end = await one.end();
  await isTrue(one, end, about);
  return { one, end };
}

for (const [what, request] of Object.entries(requests)) {
  test(`${what}: each fault once`, async () => {
    await inTurn(
      once,
      async (name) => {
        const about = `${what}, ${name}`;
        const { fault, class: kind } = faults[name] ?? { fault: "drop", class: "trouble" };
        const { one, end } = await attempted(name, about, (issue) => [{ ...request.match(issue), fault }]);
        const expected = kind === "refusal" ? (request.but?.[name] ?? request.refused) : "delivered";
        expect([about, end.outcome, end.outcome === expected ? "" : end.reason]).toEqual([about, expected, ""]);
        if (kind !== "refusal") expect([about, one.comments().length, one.labels()]).toEqual([about, 1, []]);
        await isClean(one, end, about);
      },
      6,
    );
  });
}

const lasting = ["401", "404", "500", "connection broken before", "reply lost"];
test("a fault that stays, at each request: the outcome is true, and what is left is mended afterwards", async () => {
  const cases = Object.entries(requests).flatMap(([what, request]) => lasting.map((name) => ({ what, request, name })));
  await inTurn(
    cases,
    async ({ what, request, name }) => {
      const about = `${what}, ${name} for good`;
      const { fault } = faults[name] ?? { fault: "drop" };
      const { one, end } = await attempted(name, about, (issue) => [{ ...request.match(issue), times: 1000, fault }]);
      const lost =
        name === "reply lost" && /opened|done|comment|label removed/.test(what) && what !== "comments listed";
      if (request.refused === "delivered" || lost) expect([about, end.outcome]).toEqual([about, "delivered"]);
      await isClean(one, end, about);
    },
    6,
  );
});

test("the token expires while the agent works, GitHub goes away at any request: the work is kept, and nothing is claimed", async () => {
  const broken = [faults["401"]?.fault ?? "drop", "drop", "drop-after"] as const;
  const cases = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((skip) => broken.map((fault) => ({ skip, fault })));
  await inTurn(
    cases,
    async ({ skip, fault }) => {
      const about = `from request ${skip} of the supervisor on: ${JSON.stringify(fault).slice(0, 40)}`;
      const { one, end } = await attempted("", about, () => [{ skip, times: 1000, fault }]);
      if (skip === 0 && fault !== "drop-after") expect([about, end.outcome]).toEqual([about, "rejected"]);
      await isClean(one, end, about);
    },
    6,
  );
});

/** Which talk with git comes when: the fetch, the push, the look at what came of it. */
const talks = { fetch: 0, push: 1, look: 2 } as const;
const gitFaults = ["401", "403", "429 wait", "503", "connection broken before", "reply lost", "half a body"];
test("git: each fault once, at each of its talks", async () => {
  const phases = Object.entries(talks).flatMap(([talk, skip]) => [
    { talk, git: "advertise" as const, skip },
    ...(talk === "fetch" ? [{ talk, git: "upload" as const, skip: 0 }] : []),
    ...(talk === "push" ? [{ talk, git: "receive" as const, skip: 0 }] : []),
  ]);
  const cases = phases.flatMap((phase) => gitFaults.map((name) => ({ ...phase, name })));
  await inTurn(
    cases,
    async ({ talk, git, skip, name }) => {
      const about = `${talk}, ${git}, ${name}`;
      const { fault, class: kind } = faults[name] ?? { fault: "drop", class: "trouble" };
      // git offers a credential that was refused once more.
      const times = name === "401" ? 2 : 1;
      const { one, end } = await attempted("", about, () => [{ git, skip, fault, times }]);
      const refused = talk === "fetch" ? "refused" : "rejected";
      const expected = kind === "refusal" ? refused : "delivered";
      expect([about, end.outcome, end.outcome === expected ? "" : end.reason]).toEqual([about, expected, ""]);
      await isClean(one, end, about);
    },
    6,
  );
});

test("git stays away: kept as a patch, given back, and not for ever", async () => {
  const cases = (["advertise", "upload", "receive"] as const).flatMap((git) => lasting.map((name) => ({ git, name })));
  await inTurn(
    cases,
    async ({ git, name }) => {
      const about = `${git}, ${name} for good`;
      const { fault } = faults[name] ?? { fault: "drop" };
      const { one, end } = await attempted("", about, () => [{ git, times: 1000, fault }]);
      if (git !== "receive") expect([about, end.outcome]).toEqual([about, "refused"]);
      await isClean(one, end, about);
    },
    6,
  );
});

/** Pushed, and none the wiser: whoever looks next opens its pull request, and no comment says that there is none. */
async function isDeliveredNext(one: Case, about: string): Promise<void> {
  expect([about, (await one.claims())[0]?.state, one.pulls().length]).toEqual([about, "published", 0]);
  await isDelivered(one, about);
  expect([about, one.comments()]).toEqual([about, []]);
}

test("the pull request can't be opened for longer than we wait: nothing is said of it before it is known", async () => {
  const { one, end } = await attempted("", "opened late", () => [
    { method: "POST", path: /\/pulls$/, times: 1000, fault: { status: 502 } },
  ]);
  expect([end.outcome, one.comments()]).toEqual(["rejected", []]);
  await isDeliveredNext(one, "opened late");
});

test("a person deletes the branch while its pull request can't be opened: that it failed is told as soon as it is known, once", async () => {
  const { one, end } = await attempted("", "given up late", () => [
    { method: "POST", path: /\/pulls$/, times: 1000, fault: { status: 502 } },
  ]);
  one.repo.deleteBranch(`issue-${one.issue}`);
  one.heal();
  expect((await reconcile(one.fleet)).failed).toEqual([]);
  expect((await one.claims())[0]?.state).toBe("failed");
  expect(one.comments()).toEqual([expect.stringContaining("**rejected**")]);
  await isClean(one, end, "given up late");
});

test("a repository that can't be seen any more: not withdrawn, its people have done nothing", async () => {
  const { one, end } = await attempted("", "unseen", () => [
    { method: "GET", path: /\/issues(?:\/\d+)?$/, times: 1000, fault: { status: 404 } },
  ]);
  expect([end.outcome, end.reason]).toEqual(["rejected", expect.stringContaining("can't see it")]);
  await isClean(one, end, "unseen");
});

async function isDelivered(one: Case, about: string): Promise<void> {
  one.heal();
  const { failed } = await reconcile(one.fleet);
  expect([about, failed, one.fleet.store.attempts.unsettled()]).toEqual([about, [], []]);
  const [claim] = await one.claims();
  expect([about, claim?.state, claim?.pr]).toEqual([about, "done", one.pulls()[0]?.number]);
  expect([about, one.pulls().length]).toEqual([about, 1]);
}

test("the look at what was pushed fails for good, also where the reply to the push was lost: it is not given up", async () => {
  const cases = (["401", "500", "connection broken before", "reply lost"] as const).flatMap((name) =>
    [false, true].map((deaf) => ({ name, deaf })),
  );
  await inTurn(
    cases,
    async ({ name, deaf }) => {
      const about = `look, ${name} for good${deaf ? ", reply to the push lost" : ""}`;
      const { fault } = faults[name] ?? { fault: "drop" };
      const { one, end } = await attempted("", about, () => [
        { git: "advertise", skip: talks.look, times: 1000, fault },
        ...(deaf ? [{ git: "receive", fault: "drop-after" } as const] : []),
      ]);
      expect([about, end.outcome]).toEqual([about, "rejected"]);
      await isDeliveredNext(one, about);
    },
    6,
  );
});

test("the step runs out of time after the push has arrived: it is not given up", async () => {
  const one = rig.case({ config: { steps: { publish: "8s" } } });
  one.later = [{ git: "advertise", skip: talks.look, times: 1000, fault: { delayMs: 60_000 } }];
  expect(await one.dispatch()).not.toBeInstanceOf(Error);
  expect((await one.end()).outcome).toBe("timed-out");
  await isDeliveredNext(one, "out of time");
});

const couldNotFinish = ({ events }: Case) =>
  events.some((event) => event.type === "warning" && event.message.startsWith("the claim could not be finished"));

test("the step runs out of time while the claim of a confirmed pull request is being finished: delivered, and finished by whoever looks next", async () => {
  const one = rig.case({ config: { steps: { publish: "8s" } }, requestMs: 3000 });
  one.later = [{ method: "POST", path: /\/git\/commits$/, times: 1000, fault: { delayMs: 600_000 } }];
  expect(await one.dispatch()).not.toBeInstanceOf(Error);
  const end = await one.end();
  expect([end.outcome, end.pull?.number]).toEqual(["delivered", one.pulls()[0]?.number]);
  await isTrue(one, end, "out of time");
  // The step goes on behind the attempt's back, until the last of its requests has failed.
  await until("it gives up", () => couldNotFinish(one) || null);
  expect((await one.claims())[0]?.state).toBe("published");
  await isDelivered(one, "out of time");
});

test("what the step learns of its pull request after its time is left to whoever looks next", async () => {
  const one = rig.case({ config: { steps: { publish: "4s" } } });
  // Its end waits for a look at the claim: meanwhile the answer arrives.
  const close = { method: "GET", path: /\/git\/ref\//, fault: { delayMs: 6000 } } as const;
  one.later = [
    { method: "POST", path: /\/pulls$/, fault: { meanwhile: () => void one.inject(close) } },
    { method: "GET", path: /\/pulls\/\d+$/, fault: { delayMs: 6000 } },
  ];
  expect(await one.dispatch()).not.toBeInstanceOf(Error);
  const end = await one.end();
  expect([end.outcome, end.pull]).toEqual(["timed-out", null]);
  await isTrue(one, end, "too late");
  expect((await one.claims())[0]?.state).toBe("published");
  await isDelivered(one, "too late");
});

test("the reply to `done` is lost, and it can't be looked for: it is not written again without its pull request", async () => {
  const one = rig.case();
  const unread = { method: "GET", path: /\/git\/ref\//, times: 3, fault: { status: 500, body: {} } };
  one.later = [
    { method: "POST", path: /\/git\/commits$/, fault: { meanwhile: () => void one.inject(unread) } },
    { method: "PATCH", path: /\/git\/refs\//, fault: "drop-after" },
  ];
  expect(await one.dispatch()).not.toBeInstanceOf(Error);
  const end = await one.end();
  expect(end.outcome).toBe("delivered");
  expect(couldNotFinish(one)).toBe(true);
  await isTrue(one, end, "unseen");
  const [pull] = one.pulls();
  expect((await one.claims())[0]).toMatchObject({ state: "done", pr: pull?.number, head: pull?.headSha });
  await isDelivered(one, "unseen");
});

test("GitHub opens the pull request, fails to say so, and does not list it yet: adopted, at the latest by whoever looks next", async () => {
  for (const times of [1, 1000]) {
    const about = `not listed ${times} times`;
    const { one, end } = await attempted("", about, () => [
      { method: "POST", path: /\/pulls$/, fault: "drop-after" },
      { method: "GET", path: /\/pulls$/, skip: 1, times, fault: { status: 200, body: [] } },
    ]);
    expect([about, end.outcome]).toEqual([about, times === 1 ? "delivered" : "rejected"]);
    await isDelivered(one, about);
  }
});

// Torture, github-attempts 86.
test("a person deletes the branch before we look at what became of the push: said so, kept as a patch, and not stuck", async () => {
  const one = rig.case();
  const meanwhile = () => one.repo.deleteBranch(`issue-${one.issue}`);
  one.later = [{ git: "advertise", skip: talks.look, fault: { meanwhile } }];
  expect(await one.dispatch()).not.toBeInstanceOf(Error);
  const end = await one.end();
  expect([end.outcome, end.pull]).toEqual(["rejected", null]);
  await isTrue(one, end, "deleted");
  expect((await reconcile(one.fleet)).failed).toEqual([]);
  expect([(await one.claims())[0]?.state, one.fleet.store.attempts.unsettled()]).toEqual(["failed", []]);
  expect(one.comments()).toEqual([expect.stringContaining("**rejected**")]);
  expect(await one.dispatch()).not.toBeInstanceOf(Error);
  expect((await one.end()).outcome).toBe("delivered");
});
