/** An agent whose output can't be read: its attempt ends in words, nothing of it lives, and what follows is not kept from it. */
import { afterAll, expect, test } from "bun:test";
import type { Agent } from "../../src/agents/agent.ts";
import { runAgent } from "../../src/fleet/run-agent.ts";
import { none } from "../../src/isolation/none.ts";
import type { Said } from "../../src/model/events.ts";
import { Verdict } from "../../src/model/verdict.ts";
import { openStore } from "../../src/store/store.ts";
import { anIdentity, aSnapshot, aTask } from "../model/records.ts";
import { newFolder } from "../system/folder.ts";
import { alive } from "../system/processes.ts";

const folder = newFolder();
afterAll(() => folder.remove());

/** What becomes of an agent that runs that script, with a reader that can't read one of its lines. */
async function ran(script: string): Promise<{ error: unknown; said: Said[]; living: unknown[] }> {
  const store = openStore(folder.in(crypto.randomUUID()));
  store.workers.create(anIdentity, null);
  const task = { ...aTask, cookie: crypto.randomUUID(), limits: { ...aTask.limits, graceMs: 100 } };
  store.attempts.reserve("01", () => task, aSnapshot, "x");
  const env = { PATH: "/usr/bin:/bin", CW_ATTEMPT_COOKIE: task.cookie };
  const agent: Partial<Agent> = {
    needs: [],
    files: () => ({}),
    command: () => ({ argv: ["/bin/sh", "-c", script], env, cwd: folder.path }),
    reader: () => ({
      essential: () => true,
      read(line) {
        if (line === "nonsense") throw new RangeError("no such line");
        return [{ type: "result", ok: true, kind: "done", text: line }];
      },
    }),
  };
  const said: Said[] = [];
  const attempt = {
    fleet: {
      agent: async () => agent,
      isolation: async () => none(),
      config: { egress: { presets: [], allow: [] }, limits: { memory: "100%", processes: 100_000, disk: "100%" } },
      operatorHome: folder.path,
      store,
    },
    ...{ task, paths: store.paths.attempt("01", 1), credentials: { githubToken: null, provider: {} } },
    ...{ say: (one: Said) => said.push(one), ending: new AbortController().signal, figures: {} },
  };
  const error = await runAgent(attempt as never, "", false, 1).catch((reason: unknown) => reason);
  return { error, said, living: alive(task.cookie) };
}

test.each([
  ["while it runs", "echo fine; echo nonsense; exec sleep 1000"],
  ["after it has ended well", "echo fine; echo nonsense"],
])("%s", async (_, script) => {
  const { error, said, living } = await ran(script);
  expect(error).toBeInstanceOf(Verdict);
  expect(error).toMatchObject({
    outcome: "failed",
    reason: "what the agent printed could not be read: no such line",
  });
  expect(said.map(({ type }) => type)).toEqual(["agent:started", "agent:ending", "agent:exited"]);
  expect(living).toEqual([]);
});
