/** `cw todos` and `cw inspect` of the real Claude Code, which keeps its list with tools of its own. */
import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { begin } from "../support/attempt.ts";
import { type ScriptedModel, scriptedModel } from "../support/model.ts";
import { closeFleets, long, openFleet } from "./fleet-stage.ts";

const binary = join(import.meta.dir, "../../node_modules/@anthropic-ai/claude-code/bin/claude.exe");
let model: ScriptedModel | undefined;
afterEach(async () => {
  await closeFleets();
  await model?.close();
}, long);

test.skipIf(!existsSync(binary) || Bun.which("bwrap") === null)(
  "what it created, changed and finished",
  async () => {
    const task = (subject: string) => ({ tool: "TaskCreate", input: { subject, description: "As said." } });
    const become = (taskId: string, status: string) => ({ tool: "TaskUpdate", input: { taskId, status } });
    model = await scriptedModel([
      task("Read the code"),
      task("Mend it"),
      task("Dream"),
      become("1", "in_progress"),
      become("1", "completed"),
      become("2", "in_progress"),
      become("3", "deleted"),
      { text: "The list is made.", tool: "mcp__worker__answer", input: { text: "There is a list." } },
      { text: "All finished." },
    ]);
    const fleet = await openFleet({ claude: binary, env: { ANTHROPIC_BASE_URL: model.url } });
    await begin(fleet, { worker: "01", body: "Make a list of what is to be done." });
    const end = await fleet.ended("01", 1, 120_000);
    expect({ outcome: end.outcome, reason: end.reason }).toEqual({ outcome: "answered", reason: "There is a list." });
    const list = await fleet.cw(["todos", "01"]);
    expect([list.code, list.stdout.trimEnd().split("\n")]).toEqual([
      0,
      ["worker 01:", "  [x] Read the code", "  [>] Mend it"],
    ]);
    const recent = await fleet.cw(["inspect", "01", "100"]);
    expect(recent.stdout).toMatch(/does: TaskCreate/);
    expect(recent.stdout).toContain("says: The list is made.");
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);
