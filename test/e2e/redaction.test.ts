/** An agent that says its credential in every form and place: nothing of it reaches a disk, a terminal or GitHub. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type TestFleet, testFleet } from "../support/fleet.ts";

// Has what JSON and URLs escape.
const key = 'canary+9f/2"Zq7-Ks_Lw4RtY8uMx3Vb6Nd1';
const letters = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hJ3lM6";
const hex = Buffer.from(key).toString("hex");
const base64 = (before: string) =>
  Buffer.from(before + key)
    .toString("base64")
    .slice(before.length + 1, -4);
/** Each long enough that it says something, short enough that half a secret is found, too. */
const canaries: [form: string, text: string][] = [
  ["its beginning", key.slice(0, 12)],
  ["its end", key.slice(-12)],
  ["reversed", [...key].reverse().join("").slice(0, 12)],
  ["hex", hex.slice(0, 20)],
  ["URL-encoded", hex.replace(/../g, "%$&").slice(0, 30)],
  ["base64", base64("").slice(4, 20)],
  ["base64, moved by one", base64("x").slice(4, 20)],
  ["base64, moved by two", base64("xy").slice(4, 20)],
  ["a piece of its base64", base64("").slice(12, 23)],
  ["a GitHub token, an Anthropic key or a private key", letters.slice(0, 20)],
  ["an AWS access key", "CANARYCANARY"],
];
const found = (where: string, text: string) =>
  canaries.filter(([, canary]) => text.includes(canary)).map(([form]) => `${where}: ${form}`);

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await testFleet({ env: { ANTHROPIC_API_KEY: key } });
});
afterAll(() => fleet.close());

test("A49: the whole way", async () => {
  const issue = fleet.repo.openIssue({ title: "Leak", body: "[[scenario:leak]]" });
  expect((await fleet.cw(["dispatch", "-r", "acme/site", "-i", String(issue)])).code).toBe(0);
  // Its process lists its arguments to everybody.
  const listed: string[] = [];
  const looking = setInterval(() => {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        listed.push(...found("argv", readFileSync(`/proc/${pid}/cmdline`, "utf8")));
      } catch {
        // It ended.
      }
    }
  }, 50);
  const end = await fleet.ended("01");
  clearInterval(looking);
  expect(end.outcome).toBe("answered");
  expect(listed).toEqual([]);

  const control = join(fleet.root, ".fleet");
  // Its last locks go while we look.
  const files = readdirSync(control, { recursive: true, encoding: "utf8" }).filter((file) =>
    statSync(join(control, file), { throwIfNoEntry: false })?.isFile(),
  );
  expect(files.filter((file) => file.endsWith("transcript.jsonl"))).toHaveLength(1);
  // The operator's own choice, and the one place.
  for (const file of files.filter((file) => file !== "01/secrets.json"))
    expect(found(file, existsSync(join(control, file)) ? readFileSync(join(control, file), "latin1") : "")).toEqual([]);
  expect(readFileSync(join(fleet.attempt("01", 1), "stderr.log"), "utf8")).toContain("***");

  for (const args of [
    ["logs"],
    ["logs", "--raw"],
    ["logs", "--stderr"],
    ["inspect"],
    ["history"],
    ["status"],
    ["watch"],
  ]) {
    const { stdout, stderr } = await fleet.cw([args[0] ?? "", "01", ...args.slice(1)]);
    expect(found(args.join(" "), stdout + stderr)).toEqual([]);
  }
  const said = fleet.repo.comments(issue).map(({ body }) => body);
  expect(said).toHaveLength(1);
  expect(found("a comment", said.join("\n"))).toEqual([]);
  expect(found("what GitHub was sent", JSON.stringify(fleet.standin.journal.entries))).toEqual([]);
}, 60_000);
