/** A name on GitHub that comes to mean another repository: renamed, and taken by somebody else. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RepoControl } from "../../src/standin/control.ts";
import { held } from "../support/attack.ts";
import { begin, newest, running } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { squat } from "../support/squat.ts";

const long = 120_000;
let fleet: TestFleet;
let squatted: RepoControl;
beforeAll(async () => {
  fleet = await testFleet({ isolation: "none", workers: ["01", "02"] });
}, long);
afterAll(async () => await fleet.close());

const writes = () =>
  fleet.standin.journal.calls().filter(({ method, path }) => method !== "GET" && !path.includes("graphql"));

test(
  "A35: renamed while an agent is at work, the name taken, issue, label and claim copied: nothing is published there",
  async () => {
    const gates = ["issue", "words"].map((what) => join(fleet.folder, what));
    const script = (gate: string) => Buffer.from(`while [ ! -e ${gate} ]; do sleep 0.1; done\nedit`).toString("base64");
    await begin(fleet, { worker: "01", body: `[[scenario:run]] [[run:${script(gates[0] ?? "")}]]` });
    const words = `[[scenario:run]] [[run:${script(gates[1] ?? "")}]]`;
    expect((await fleet.cw(["dispatch", "-r", "acme/site", "-w", "02", "-p", words])).code).toBe(0);
    await Promise.all([running(fleet, "01"), running(fleet, "02")]);
    squatted = await squat(fleet.standin, "site", "worker:01");
    const before = await squatted.refs();
    fleet.standin.journal.clear();
    for (const gate of gates) writeFileSync(gate, "");
    const ends = [await fleet.ended("01"), await fleet.ended("02")];
    const escaped = ends
      .filter(({ outcome }) => outcome === "delivered")
      .map(({ attempt }) => `${attempt} was delivered`);
    if (JSON.stringify(await squatted.refs()) !== JSON.stringify(before)) escaped.push("a branch");
    escaped.push(...writes().map(({ method, path }) => `${method} ${path}`));
    expect(ends[0]).toMatchObject({ outcome: "fenced", reason: expect.stringMatching(/another repository/) });
    expect(ends[1]?.reason).toMatch(/is not the repository that it was/);
    held("A35", 2, escaped);
  },
  long,
);

test(
  "A35: what is there under a known name is refused by every way to begin, until a person says otherwise",
  async () => {
    fleet.configure({ repos: { "acme/site": {} } });
    fleet.standin.journal.clear();
    squatted.openIssue({ title: "Free", body: "[[scenario:edit]]" });
    const seen = [newest(fleet, "01"), newest(fleet, "02")];
    const escaped: string[] = [];
    const ways = [
      ["dispatch", "-r", "acme/site", "-i", "1"],
      ["dispatch", "-r", "Acme/Site", "-i", "2"],
      ["dispatch", "-r", "acme/site", "-p", "Hello"],
      ["assign", "-r", "acme/site"],
      ["restart", "01"],
      ["restart", "02"],
    ];
    let hint = "";
    for (const args of ways) {
      const { code, stdout, stderr } = await fleet.cw([...args, "--json"]);
      if (code === 0 || !/is not the repository that it was/.test(stdout + stderr))
        escaped.push(`${args.join(" ")}: ${code} ${stdout} ${stderr}`);
      hint ||= (stderr && JSON.parse(stderr).error?.hint) || "";
    }
    if (newest(fleet, "01") !== seen[0] || newest(fleet, "02") !== seen[1]) escaped.push("an attempt began");
    escaped.push(...writes().map(({ method, path }) => `${method} ${path}`));
    held("A35", ways.length, escaped);

    // Its own name, wherever it is now, is another name. And the one that is there now can be meant.
    expect((await fleet.cw(["dispatch", "-r", "acme/site-moved", "-p", "[[scenario:answer]]", "-w", "01"])).code).toBe(
      0,
    );
    await fleet.ended("01");
    const mend = /: (rm \S+)$/.exec(hint)?.[1] ?? "false";
    expect(Bun.spawnSync(["/bin/sh", "-c", mend]).exitCode).toBe(0);
    expect((await fleet.cw(["dispatch", "-r", "acme/site", "-p", "[[scenario:answer]]", "-w", "01"])).code).toBe(0);
    await fleet.ended("01");
  },
  long,
);
