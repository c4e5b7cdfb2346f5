/** Each request of a dispatch meets each fault: it succeeds, or ends with its documented code and nothing left. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { endAttempt } from "../../src/fleet/end-attempt.ts";
import { reconcile } from "../../src/fleet/reconcile.ts";
import { reset } from "../../src/fleet/reset.ts";
import type { FailureCode } from "../../src/model/errors.ts";
import { faults } from "./fault-kinds.ts";
import { type Case, Rig } from "./fault-rig.ts";
import { inTurn } from "./refused.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start(6);
});
afterAll(() => rig.close());

interface Request {
  readonly method: string;
  readonly path: (issue: number) => RegExp;
  readonly write: boolean;
  /** Where it differs from {@link usual}: by the name of the fault. */
  readonly but?: Readonly<Record<string, FailureCode | "ok">>;
}
/** What a clear refusal means. */
const usual: Readonly<Record<string, FailureCode>> = {
  ...{
    "301": "notFound",
    "401": "auth",
    "403": "auth",
    "403 limit": "github",
    "404": "notFound",
    "410": "notFound",
    "422": "github",
  },
};
const requests: Readonly<Record<string, Request>> = {
  repository: { method: "GET", path: () => /^\/repos\/acme\/lane\d$/, write: false },
  issue: { method: "GET", path: (n) => new RegExp(`/issues/${n}$`), write: false },
  comments: { method: "GET", path: (n) => new RegExp(`/issues/${n}/comments$`), write: false },
  // Whoever can't be shown to have the right has it not.
  permission: { method: "GET", path: () => /\/permission$/, write: false, but: { "403": "ok", "404": "ok" } },
  // There is no claim yet.
  claim: { method: "GET", path: () => /\/git\/ref\//, write: false, but: { "404": "ok" } },
  commit: { method: "POST", path: () => /\/git\/commits$/, write: true, but: { "404": "auth" } },
  // A 422 may be a lost race: the tip is read, and it is sent once more.
  ref: { method: "POST", path: () => /\/git\/refs$/, write: true, but: { "404": "auth", "422": "ok" } },
  label: { method: "POST", path: (n) => new RegExp(`/issues/${n}/labels$`), write: true, but: { "404": "auth" } },
};

function expected(request: Request, name: string): FailureCode | "ok" {
  return request.but?.[name] ?? usual[name] ?? "ok";
}

/** A bug has no code, but a stack. */
function codeOf(done: Awaited<ReturnType<Case["dispatch"]>>): string {
  return done instanceof Error ? (done.code ?? String(done.stack)) : "ok";
}

/** With a comment by somebody whose rights have to be asked for. */
function made(name: string): Case {
  const one = rig.case({ supervisor: "born", ...(name === "no answer" ? { requestMs: 2000 } : {}) });
  one.repo.comment(one.issue, "Please hurry.", "stranger");
  return one;
}

/** Nothing of a dispatch that failed: no label, no claim that is held, no open attempt; the issue can be had at once. */
async function nothingLeft(one: Case, about: string): Promise<void> {
  const [claim] = await one.claims();
  const { attempts } = one.fleet.store;
  const n = attempts.newest("01");
  const state = claim?.state ?? "none";
  expect({ about, labels: one.labels(), held: state === "held", comments: one.comments() }).toEqual({
    ...{ about, labels: [], held: false, comments: [] },
  });
  if (n > 0) expect([about, attempts.ended("01", n)?.outcome]).toEqual([about, "refused"]);
  expect([about, attempts.unsettled()]).toEqual([about, []]);
}

/** It goes through now; then it is stopped and given back, as a person would. */
async function canBeHad(one: Case, about: string): Promise<void> {
  await reconcile(one.fleet);
  const done = await one.dispatch();
  if (done instanceof Error) throw new Error(`${about}: ${done.message}`);
  expect([about, one.labels(), (await one.claims())[0]?.state]).toEqual([about, ["worker:01"], "held"]);
  await giveBack(one, about);
}

async function giveBack(one: Case, about: string): Promise<void> {
  const { attempts } = one.fleet.store;
  const task = attempts.task("01", attempts.newest("01"));
  if (task === null) throw new Error(`${about}: no task`);
  endAttempt(one.fleet, task, { outcome: "stopped", reason: "the test is over" });
  await reset(one.fleet, "01", false);
  expect([about, one.labels(), (await one.claims())[0]?.state]).toEqual([about, [], "released"]);
}

/** No write went out twice unless a read came between; each claim was written by one commit. */
function wroteWithCare(one: Case, about: string): void {
  const calls = one.calls().filter(({ path }) => !path.endsWith("/git/commits"));
  for (const [at, call] of calls.entries()) {
    const before = calls[at - 1];
    // DELETE and PUT may be sent again by HTTP itself: they come to the same.
    if (call.method !== "POST" && call.method !== "PATCH") continue;
    const twice =
      before?.method === call.method && before.path === call.path && before.status !== 403 && before.status !== 429;
    expect([about, twice ? `${call.method} ${call.path} twice` : "once"]).toEqual([about, "once"]);
  }
}

for (const [what, request] of Object.entries(requests)) {
  test(`${what}: each fault once`, async () => {
    await inTurn(
      Object.entries(faults),
      async ([name, { fault, class: kind }]) => {
        const about = `${what}, ${name}`;
        const one = made(name);
        one.inject({ method: request.method, path: request.path(one.issue), fault });
        const before = performance.now();
        const done = await one.dispatch();
        const took = performance.now() - before;
        const code = codeOf(done);
        expect({ about, code }).toEqual({ about, code: expected(request, name) });
        if (kind === "wait") expect([about, took > 990]).toEqual([about, true]);
        if (name === "403 limit")
          expect([about, one.calls().filter(({ status }) => status === 403).length]).toEqual([about, 1]);
        wroteWithCare(one, about);
        one.heal();
        if (done instanceof Error) {
          expect([about, typeof done.hint]).toEqual([about, "string"]);
          await nothingLeft(one, about);
          await canBeHad(one, about);
        } else {
          expect([about, one.labels(), (await one.claims()).length]).toEqual([about, ["worker:01"], 1]);
          await giveBack(one, about);
        }
      },
      8,
    );
  });
}

/** What an injected fault makes impossible to undo is mended by the next command, or expires. */
const lasting = [
  "401",
  "403",
  "403 limit",
  "500",
  "connection broken before",
  "reply lost",
  "half a body",
  "no answer",
];
for (const [what, request] of Object.entries(requests)) {
  test(`${what}: a fault that stays`, async () => {
    await inTurn(
      lasting,
      async (name) => {
        const about = `${what}, ${name} for good`;
        const one = made(name);
        const { fault } = faults[name] ?? { fault: "drop" };
        one.inject({ method: request.method, path: request.path(one.issue), times: 1000, fault });
        const done = await one.dispatch();
        // What is done and only not answered is found when it is looked for.
        if (!request.write || !["reply lost", "half a body"].includes(name)) {
          const code = done instanceof Error ? (done.code ?? String(done.stack)) : "ok";
          // Who is not answered about permissions is not trusted, but the dispatch goes on.
          expect({ about, code }).toEqual({
            about,
            code: expected(request, name) === "ok" ? (request.but?.[name] ?? "github") : expected(request, name),
          });
        }
        wroteWithCare(one, about);
        one.heal();
        if (done instanceof Error) await canBeHad(one, about);
        else await giveBack(one, about);
        expect([about, one.fleet.store.attempts.unsettled()]).toEqual([about, []]);
      },
      8,
    );
  });
}

test("everything fails from one moment on: the next command sets it right", async () => {
  const moments = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  await inTurn(
    moments,
    async (skip) => {
      for (const fault of [
        "drop",
        "drop-after",
        faults["500"]?.fault ?? "drop",
        faults["401"]?.fault ?? "drop",
      ] as const) {
        const about = `from request ${skip} on: ${JSON.stringify(fault)}`;
        const one = made("");
        one.inject({ skip, times: 1000, fault });
        const done = await one.dispatch();
        one.heal();
        if (done instanceof Error) await canBeHad(one, about);
        else await giveBack(one, about);
        expect([about, one.fleet.store.attempts.unsettled(), one.labels()]).toEqual([about, [], []]);
      }
    },
    6,
  );
});
