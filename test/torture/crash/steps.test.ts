/** The list of fail points is true: flows reach each of them, and there is no other. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failPoints, parseFailPoint } from "../../../src/model/fail-points.ts";
import { flows } from "./flows.ts";
import { Stage } from "./ground.ts";
import { followSteps } from "./reference.ts";

let stage: Stage;
beforeAll(async () => {
  // Beside other tests a birth may take its time, and nothing dies before it here.
  stage = await Stage.open("30s");
}, 60_000);
afterAll(() => stage.close());

test("each fail point is reached by a command, and said under its name", async () => {
  // Together they go everywhere; the others go the same ways.
  const far = [
    "dispatch",
    "reconcile",
    "supervise",
    "supervise, stopped",
    "dispatch, undone",
    "reconcile of pushed work",
    "stop",
    "supervise, kept clone given back",
    "supervise, proposals",
  ];
  const folder = mkdtempSync(join(tmpdir(), "cw-steps-"));
  try {
    const followed = flows.filter(({ name }) => far.includes(name));
    expect(followed).toHaveLength(far.length);
    const reached = new Set<string>();
    // Two at a time: each has a command, a supervisor and an agent.
    const next = followed.values();
    const lane = async () => {
      for (const flow of next)
        for (const { name } of await followSteps(stage, flow, join(folder, String(flows.indexOf(flow)))))
          reached.add(name);
    };
    await Promise.all([lane(), lane()]);
    expect(failPoints.filter((name) => !reached.has(name))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

test("the order: noted before it is done, claimed before it is worked on, dead before it is over", async () => {
  const orders: Readonly<Record<string, readonly string[]>> = {
    dispatch: ["task reserved", "claim announced", "claim written", "label set", "after attempt:spawned"],
    supervise: [
      ...["birth taken", "home made", "clone made", "process started", "process noted", "after agent:started"],
      ...["after agent:exited", "bundle written", "after branch:published", "after pull:verified"],
      ...["after claim:finished", "end taken", "claim settled"],
    ],
  };
  const folder = mkdtempSync(join(tmpdir(), "cw-steps-"));
  try {
    for (const [name, order] of Object.entries(orders)) {
      const flow = flows.find((one) => one.name === name);
      const steps = flow ? (await followSteps(stage, flow, join(folder, name))).map((step) => step.name) : [];
      const first = order.map((step) => steps.indexOf(step));
      expect({ name, missing: order.filter((step) => !steps.includes(step)) }).toEqual({ name, missing: [] });
      expect(first).toEqual(first.toSorted((a, b) => a - b));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

test("a fail point is named once, and a count may follow", () => {
  expect(new Set(failPoints).size).toBe(failPoints.length);
  expect(parseFailPoint("before issue:claimed")).toEqual({ name: "before issue:claimed", nth: 1 });
  expect(parseFailPoint("end taken:3")).toEqual({ name: "end taken", nth: 3 });
  for (const text of ["", "end", "end taken:0", "end taken:", "before agent:activity"])
    expect(parseFailPoint(text)).toBeNull();
});
