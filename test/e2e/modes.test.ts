/** What a task may lead to: a pull request, an answer, or proposed issues. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkJournal } from "../contracts/contract.ts";
import { newest } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { api, openPull } from "./fleet-stage.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await testFleet();
});
afterAll(async () => {
  expect(checkJournal(fleet.standin.journal.entries)).toEqual([]);
  await fleet.close();
});

async function ended(args: readonly string[]) {
  const ran = await fleet.cw(["dispatch", "-r", "acme/site", ...args]);
  expect({ code: ran.code, stderr: ran.code === 0 ? "" : ran.stderr }).toEqual({ code: 0, stderr: "" });
  return await fleet.ended("01");
}

describe("mode read", () => {
  test("answers; what the agent changed is kept as a patch and not published", async () => {
    const end = await ended(["--mode", "read", "-p", "Look around. [[scenario:complete]]"]);
    expect(end.outcome).toBe("answered");
    expect(existsSync(join(fleet.attempt("01", newest(fleet, "01")), "work.patch"))).toBe(true);
    expect(fleet.repo.pulls()).toEqual([]);
    expect(Object.keys(await fleet.repo.refs("refs/heads/"))).toEqual(["refs/heads/main"]);
  }, 60_000);

  test("tells the agent that changes are thrown away, and offers it no proposals", () => {
    const folder = fleet.attempt("01", newest(fleet, "01"));
    expect(readFileSync(join(folder, "prompt.md"), "utf8")).toContain(
      "whatever you change in the clone is thrown away",
    );
    expect(readFileSync(join(folder, "policy/mcp.json"), "utf8")).not.toContain("--proposals");
  });
});

describe("mode issue", () => {
  test("A62: files what the agent proposes: marked, without twins, capped, harmless", async () => {
    const end = await ended(["--mode", "issue", "-p", "Explore. [[scenario:propose]]"]);
    expect(end.outcome).toBe("answered");
    const filed = [...end.reason.matchAll(/#(\d+)/g)].map((found) => Number(found[1]));
    expect(filed).toHaveLength(2);
    const [first = 0, second = 0] = filed;
    expect(fleet.repo.issue(first).title).toBe("The greeting is rude");
    expect(fleet.repo.issue(second).title).toBe("No test for the greeting");
    const { body } = fleet.repo.issue(first);
    expect(body).toStartWith("<!-- claude-workers:");
    expect(body).toContain("Proposed by worker 01");
    // Neither closes issues nor calls people.
    expect(body).not.toMatch(/fixes #1|@acme/i);
  }, 60_000);

  test("the same findings again are not filed again", async () => {
    const before = fleet.standin.journal.calls({ method: "POST", path: "/repos/acme/site/issues" });
    const end = await ended(["--mode", "issue", "-p", "Explore. [[scenario:propose]]"]);
    expect(end.reason).toContain("No issue was filed.");
    expect(fleet.standin.journal.calls({ method: "POST", path: "/repos/acme/site/issues" })).toEqual(before);
  }, 60_000);

  test("a reply that was lost makes no second issue", async () => {
    for (const title of ["The greeting is rude", "No test for the greeting"]) {
      const all = Array.from({ length: 60 }, (_, at) => at + 1);
      for (const number of all) {
        try {
          if (fleet.repo.issue(number).title === title && fleet.repo.issue(number).state === "open")
            fleet.repo.close(number);
        } catch {
          break;
        }
      }
    }
    const fault = fleet.standin.inject({ method: "POST", path: /^\/repos\/acme\/site\/issues$/, fault: "drop-after" });
    const end = await ended(["--mode", "issue", "-p", "Explore. [[scenario:propose]]"]);
    expect(fault.fired).toBe(1);
    const filed = [...end.reason.matchAll(/#(\d+)/g)].map((found) => Number(found[1]));
    expect(filed.map((number) => fleet.repo.issue(number).title)).toEqual([
      "The greeting is rude",
      "No test for the greeting",
    ]);
    expect(new Set(filed).size).toBe(2);
  }, 60_000);

  test("an open pull request is no twin; what was filed before a failure is named in the outcome", async () => {
    const open = ["The greeting is rude", "No test for the greeting"];
    for (let number = 1, left = true; left; number++) {
      try {
        if (open.includes(fleet.repo.issue(number).title)) fleet.repo.close(number);
      } catch {
        left = false;
      }
    }
    const pull = await openPull(fleet, "by-hand");
    await api(fleet, "PATCH", `/repos/acme/site/pulls/${pull}`, { title: open[0] });
    expect(fleet.repo.pulls().find(({ number }) => number === pull)).toMatchObject({ title: open[0], state: "open" });
    const fault = fleet.standin.inject({
      method: "POST",
      path: /^\/repos\/acme\/site\/issues$/,
      skip: 1,
      fault: { status: 410, body: { message: "Issues are disabled for this repo" } },
    });
    const end = await ended(["--mode", "issue", "-p", "Explore. [[scenario:propose]]"]);
    expect(fault.fired).toBe(1);
    const [, number] = /^.*Issues are disabled[\s\S]*\n\nFiled: #(\d+)\.$/.exec(end.reason) ?? [];
    expect([end.outcome, fleet.repo.issue(Number(number)).title]).toEqual(["rejected", "The greeting is rude"]);
  }, 60_000);

  test("an issue that an agent proposed is not taken up by itself", async () => {
    const ran = await fleet.cw(["assign", "-r", "acme/site", "--dry-run", "--json"]);
    const { dispatched, skipped } = ran.json();
    expect(dispatched).toEqual([]);
    expect(skipped.filter((one: { why: string }) => one.why === "untrusted").length).toBeGreaterThan(0);
  }, 60_000);
});

test("an unknown mode is a usage error", async () => {
  const ran = await fleet.cw(["dispatch", "-r", "acme/site", "-p", "x", "--mode", "reed"]);
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain("did you mean read?");
}, 60_000);
