/** The commands that look: inspect, todos, explain. */
import { afterEach, expect, test } from "bun:test";
import { appendFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { begin, running } from "../support/attempt.ts";
import { until } from "../support/fleet.ts";
import { claimBy, closeFleets, endAll, long, openFleet, silent } from "./fleet-stage.ts";

afterEach(closeFleets, long);

test(
  "inspect: the last lines of what a worker did, in words and as JSON",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    const issue = await begin(fleet, { worker: "01", body: "[[scenario:complete]]" });
    expect((await fleet.ended("01")).outcome).toBe("delivered");
    const shown = await fleet.cw(["inspect", "01"]);
    expect([shown.code, shown.stderr]).toEqual([0, ""]);
    const lines = shown.stdout.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(30);
    for (const line of lines) expect(line).toMatch(/^\d\d:\d\d:\d\d 01-1 \S/);
    expect(shown.stdout).toMatch(/does: Edit.*README\.md/);
    expect(shown.stdout).toContain("report_progress");
    const few = await fleet.cw(["inspect", "01", "3"]);
    expect(few.stdout.trimEnd().split("\n")).toEqual(lines.slice(-3));
    const all = (await fleet.cw(["inspect", "01", "999", "--json"])).json();
    expect(all[0]).toMatchObject({ type: "attempt:reserved", attempt: "01-1", repo: "acme/site", issue });
    expect(all.at(-1)).toMatchObject({ type: "attempt:ended", outcome: "delivered" });
    expect((await fleet.cw(["inspect", "01", "3", "--json"])).json()).toEqual(all.slice(-3));
    // What has ended is not waited for.
    const followed = await fleet.cw(["inspect", "01", "3", "-f"]);
    expect([followed.code, followed.stdout.trimEnd()]).toEqual([0, few.stdout.trimEnd()]);
    for (const more of [[], ["-f"]]) {
      const never = await fleet.cw(["inspect", "02", ...more]);
      expect([never.code, never.stdout]).toEqual([3, ""]);
      expect(never.stderr).toContain("worker 02 has had no task yet");
    }
    for (const [args, code] of [
      [["inspect", "99"], 3],
      [["inspect", "01", "many"], 2],
      [["inspect", "01", "0"], 2],
      [["inspect"], 2],
    ] as const)
      expect((await fleet.cw(args)).code).toBe(code);
  },
  long,
);

test(
  "inspect -f: goes on until the attempt ends, and says nothing twice",
  async () => {
    const fleet = await openFleet();
    await begin(fleet, { worker: "01", body: silent });
    await running(fleet, "01");
    const follow = fleet.start(["inspect", "01", "-f"]);
    const seen = new Response(follow.stdout).text();
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    expect(await follow.exited).toBe(0);
    const lines = (await seen).trimEnd().split("\n");
    expect(lines[0]).toContain("takes acme/site#1");
    expect(lines.some((line) => line.includes("agent is ready"))).toBe(true);
    expect(lines.at(-1)).toMatch(/stopped/);
    expect(new Set(lines).size).toBe(lines.length);
  },
  long,
);

test(
  "inspect of thousands of events: as many lines as were asked for; -f goes on from where they end, each event once",
  async () => {
    const fleet = await openFleet();
    await begin(fleet, { worker: "01", body: silent });
    await running(fleet, "01");
    const file = join(fleet.attempt("01", 1), "events.jsonl");
    const usage = { turns: 1, costUsd: null, tokens: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 } };
    const note = (from: number, to: number) => {
      for (let n = from; n < to; n++)
        appendFileSync(
          file,
          ["agent:activity", "agent:usage"]
            .map((type) => ({ at: new Date().toISOString(), worker: "01", attempt: "01-1", type }))
            .map((one) => ({ ...one, ...(one.type === "agent:usage" ? usage : { kind: "text", text: `word ${n}.` }) }))
            .map((event) => `${JSON.stringify(event)}\n`)
            .join(""),
        );
    };
    const words = (text: string) => Array.from(text.matchAll(/word (\d+)\./g), ([, n]) => Number(n));
    const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
    note(0, 2000);
    const many = await fleet.cw(["inspect", "01", "9999"]);
    expect([many.code, many.stderr, words(many.stdout)]).toEqual([0, "", upTo(0, 2000)]);
    expect(many.stdout).toContain("takes acme/site#1");
    expect(words((await fleet.cw(["inspect", "01", "600"])).stdout)).toEqual(upTo(1700, 2000));

    const follow = [fleet.start(["inspect", "01", "6", "-f"]), fleet.start(["inspect", "01", "6", "-f", "--json"])];
    const heard = ["", ""];
    const said = follow.map(async ({ stdout }, at) => {
      for await (const part of stdout.pipeThrough(new TextDecoderStream())) heard[at] += part;
      return heard[at];
    });
    await until("it follows", () => heard[0]?.includes("word 1999.") || null);
    note(2000, 2100);
    expect((await fleet.cw(["stop", "01"])).code).toBe(0);
    for (const child of follow) expect(await child.exited).toBe(0);
    const [text = "", json = ""] = await Promise.all(said);
    expect(words(text)).toEqual(upTo(1997, 2100));
    expect(text.trimEnd().split("\n").at(-1)).toMatch(/stopped/);
    const events: { type: string; text?: string }[] = JSON.parse(json);
    // Where it began depends on how much was written when it looked.
    const told = events.flatMap((event) => words(event.text ?? ""));
    expect(told).toEqual(upTo(told[0] ?? 0, 2100));
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(events.at(-1)).toMatchObject({ type: "attempt:ended", outcome: "stopped" });

    // Further back than is looked: that is said.
    truncateSync(file, 40 << 20);
    appendFileSync(file, "\n");
    note(0, 10);
    const cut = await fleet.cw(["inspect", "01", "30"]);
    expect([cut.code, cut.stderr]).toEqual([0, "only 20 lines: what is further back is in cw logs 01\n"]);
    expect(words(cut.stdout)).toEqual(upTo(0, 10));
  },
  long,
);

test(
  "todos: the agent's list, from what it printed",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    await begin(fleet, { worker: "01", body: silent });
    await running(fleet, "01");
    const line = (result: object) =>
      `${JSON.stringify({ type: "user", message: { role: "user", content: [] }, tool_use_result: result })}\n`;
    // As Claude Code writes them.
    const said = [
      { task: { id: "1", subject: "Read the code" } },
      { task: { id: "2", subject: "Mend \u001b[31mit\u001b[0m" } },
      { task: { id: "3", subject: "Dream" } },
      { task: { id: "4", subject: "Test it" } },
      { success: true, taskId: "1", updatedFields: ["status"], statusChange: { from: "pending", to: "completed" } },
      { success: true, taskId: "2", updatedFields: ["status"], statusChange: { from: "pending", to: "in_progress" } },
      { success: true, taskId: "3", updatedFields: ["deleted"], statusChange: { from: "pending", to: "deleted" } },
    ];
    const transcript = join(fleet.attempt("01", 1), "transcript.jsonl");
    for (const result of said) appendFileSync(transcript, line(result));
    appendFileSync(transcript, "no JSON\n");
    const list = await fleet.cw(["todos", "01"]);
    expect([list.code, list.stderr]).toEqual([0, ""]);
    expect(list.stdout.split("\n").slice(0, 4)).toEqual([
      "worker 01:",
      "  [x] Read the code",
      expect.stringMatching(/^ {2}\[>\] Mend [^\u001b]*it/),
      "  [ ] Test it",
    ]);
    const all = (await fleet.cw(["todos", "--json"])).json();
    expect(all).toEqual([
      {
        worker: "01",
        todos: [
          { id: "1", subject: "Read the code", status: "completed" },
          { id: "2", subject: expect.stringContaining("Mend"), status: "in_progress" },
          { id: "4", subject: "Test it", status: "pending" },
        ],
      },
      { worker: "02", todos: [] },
    ]);
    expect((await fleet.cw(["todos", "99"])).code).toBe(3);
  },
  long,
);

test(
  "explain: every rule with its answer, the chain of claims, the attempts",
  async () => {
    const fleet = await openFleet();
    fleet.configure({ repos: { "acme/site": {} }, assign: { approvalLabel: "approved" } });
    const issue = await begin(fleet, { worker: "01", body: "[[scenario:exit-1]]" });
    expect((await fleet.ended("01")).outcome).toBe("failed");
    const failed = await fleet.cw(["explain", `acme/site#${issue}`, "--json"]);
    expect([failed.code, failed.stderr]).toEqual([0, ""]);
    const told = failed.json();
    expect(told.rules.map(({ rule, ok }: { rule: string; ok: boolean }) => `${ok ? "yes" : "NO"} ${rule}`)).toEqual([
      "yes it is open",
      "yes its repository is configured",
      "yes it is no pull request",
      "yes it is not marked blocked",
      "NO it carries no worker's label",
      "NO no claim speaks against it",
      "yes it waits for no open issue",
      "yes it was not lost twice",
      "yes its text may be trusted",
      "yes a worker is idle",
    ]);
    const by = { worker: "01", attempt: "01-1", fleet: expect.stringMatching(/^[0-9a-f]{8}$/) };
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(told.claims).toEqual([
      { at, state: "failed", ...by },
      { at, state: "held", ...by },
    ]);
    expect(told.attempts).toMatchObject([{ attempt: "01-1", outcome: "failed", issue }]);
    expect(told.verdict).toBe("assign leaves it: labelled (label worker:01); failed before (worker 01, attempt 01-1)");

    const waits = fleet.repo.openIssue({
      title: "Waits",
      body: `Blocked by #${issue}`,
      by: "eve",
      labels: ["blocked"],
    });
    await claimBy(fleet, waits, {});
    const text = await fleet.cw(["explain", `acme/site#${waits}`]);
    expect(text.code).toBe(0);
    for (const line of [
      `acme/site#${waits} Waits`,
      "  yes  it is open",
      "  NO   it is not marked blocked: blocked (label blocked)",
      "  yes  it carries no worker's label",
      "  NO   no claim speaks against it: claimed (worker 77, attempt 77-1)",
      `  NO   it waits for no open issue: waits for another issue (#${issue})`,
      "  NO   its text may be trusted: eve may not write to the repository, and nobody has put the label approved",
      "  yes  a worker is idle: 1 idle, 0 kept in reserve",
      "claims, newest first:",
      "attempts of this fleet: none",
    ])
      expect(text.stdout.split("\n")).toContain(line);
    expect(text.stdout).toMatch(/ {2}\d{4}-\S+Z {2}held {2}worker 77, attempt 77-1, fleet another-/);

    const free = fleet.repo.openIssue({ title: "Free", body: silent });
    expect((await fleet.cw(["explain", `acme/site#${free}`, "--json"])).json().verdict).toBe(
      "the next assign takes it up",
    );
    await begin(fleet, { worker: "01", body: silent });
    const busy = (await fleet.cw(["explain", `acme/site#${free}`, "--json"])).json();
    expect(busy.verdict).toBe("assign leaves it: 0 idle, 0 kept in reserve");
    fleet.configure({ repos: { "acme/other": {} }, assign: { perRepo: 1 } });
    const full = (await fleet.cw(["explain", `acme/site#${free}`, "--json"])).json();
    expect(full.verdict).toBe(
      "assign leaves it: no: assign leaves it alone; 1 of 1 attempts run there; 0 idle, 0 kept in reserve",
    );
    fleet.configure({ repos: { "acme/site": {} }, assign: { approvalLabel: "approved" } });
    fleet.repo.close(free);
    expect((await fleet.cw(["explain", `acme/site#${free}`])).stdout).toContain("NO   it is open: no, it is closed");
    for (const [name, code] of [
      ["acme/site#999", 3],
      ["acme/gone#1", 3],
      ["acme/site", 2],
      ["acme/site#x", 2],
      ["#3", 2],
    ] as const)
      expect([name, (await fleet.cw(["explain", name])).code]).toEqual([name, code]);
    await endAll(fleet);
  },
  long,
);
