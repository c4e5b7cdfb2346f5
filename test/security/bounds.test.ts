/** Texts and lists without bounds: so much is read, so much is asked, so much memory is taken, and no more. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { held } from "../support/attack.ts";
import { newest } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { watchPeak } from "../support/peak-memory.ts";

const long = 240_000;
const canary = "CANARY-51c0";
const mebibyte = 1 << 20;
let fleet: TestFleet;
beforeAll(async () => {
  fleet = await testFleet({ isolation: "none" });
  fleet.repo.allow("ann", "write");
  fleet.configure({ assign: { approvalLabel: "approved" } });
}, long);
afterAll(async () => await fleet.close());

/** @returns its exit code, how many requests it made, and the most memory that it had, in MiB */
async function measured(args: readonly string[]): Promise<{ code: number; requests: number; memory: number }> {
  fleet.standin.journal.clear();
  const run = fleet.start(args);
  const peak = watchPeak(run.pid);
  const [, stderr] = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()]);
  const code = await run.exited;
  if (code !== 0) console.error(stderr);
  const memory = peak() / mebibyte;
  return { code, requests: fleet.standin.journal.calls().length, memory };
}

test(
  "A37: an issue with five thousand comments, texts of a mebibyte, a thousand events",
  async () => {
    const escaped: string[] = [];
    // A comment that begins before the place where a text is cut, and ends after it.
    const body = `[[scenario:no-change]]\n${"x".repeat(65_000)} <!-- ${canary} ${"y ".repeat(mebibyte / 2)} -->`;
    const issue = fleet.repo.openIssue({ title: `Long ${"t".repeat(mebibyte)}`, body, by: "ann" });
    for (let at = 0; at < 5000; at++) {
      const by = at % 3 === 0 ? "ann" : "eve";
      const text = at < 2 ? `${by} ${"z".repeat(mebibyte)}` : `${by} says ${at}`;
      fleet.repo.comment(issue, by === "eve" ? `${canary} ${text}` : text, by);
    }
    const { code, requests, memory } = await measured(["dispatch", "-r", "acme/site", "-i", String(issue)]);
    expect(code).toBe(0);
    await fleet.ended("01");
    const prompt = readFileSync(join(fleet.attempt("01", newest(fleet, "01")), "prompt.md"), "utf8");
    if (prompt.includes(canary)) escaped.push("hidden text, or a stranger's");
    if (prompt.length > 4 * 65_536) escaped.push(`a prompt of ${prompt.length}`);
    // The oldest hundred are read.
    if (!prompt.includes("ann says 99") || prompt.includes("ann says 102")) escaped.push("not the oldest comments");
    if (requests > 20) escaped.push(`${requests} requests`);
    // GitHub takes no text of more than 64 KiB; these have sixteen times as much.
    if (memory > 400) escaped.push(`${memory} MiB`);
    await fleet.cw(["reset", "01"]);
    fleet.repo.close(issue);

    // Whoever has an issue can rename it for ever, and each page of its events costs a request.
    const noisy = fleet.repo.openIssue({ title: "Noisy", by: "eve" });
    fleet.repo.label(noisy, "approved", "ann");
    for (let at = 0; at < 5000; at++) fleet.repo.edit(noisy, { title: `Noisy ${at}` }, "eve");
    const assigned = await measured(["assign", "-r", "acme/site", "--dry-run"]);
    if (assigned.requests > 20) escaped.push(`${assigned.requests} requests for events`);
    fleet.repo.close(noisy);
    held("A37", 5000 + 5000 + 3, escaped);
  },
  long,
);

test(
  "A37: ten thousand issues: all are listed, and not one more; a quiet tick asks for nothing",
  async () => {
    const escaped: string[] = [];
    for (let at = 0; at < 10_000; at++)
      fleet.repo.openIssue({ title: `Number ${at}`, body: "x".repeat(2000), by: "eve" });
    const first = await measured(["assign", "-r", "acme/site", "--dry-run"]);
    if (first.code !== 0) escaped.push(`exit code ${first.code}`);
    if (first.requests > 110) escaped.push(`${first.requests} requests`);
    if (first.memory > 500) escaped.push(`${first.memory} MiB`);
    fleet.standin.journal.clear();
    const quiet = await fleet.cw(["assign", "-r", "acme/site", "--json"]);
    const { total, notModified } = quiet.json().requests;
    if (total !== notModified) escaped.push(`${total - notModified} of ${total} requests cost something`);
    fleet.repo.openIssue({ title: "One too many", by: "eve" });
    const refused = await fleet.cw(["assign", "-r", "acme/site", "--json"]);
    if (refused.code !== 7 || !/more than 10000 open issues/.test(refused.stdout))
      escaped.push(`${refused.code} ${refused.stdout.slice(-300)}`);
    held("A37", 10_001, escaped);
  },
  long,
);
