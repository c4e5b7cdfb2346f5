/**
 * A machine that sleeps while an attempt is at work. Sleep can't be made here, but what a program sees of it can: /proc/uptime,
 * which goes on in it, jumps by ten hours, and the clock of the timers, which stands still, does not.
 */
import { afterEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestFleet } from "../support/fleet.ts";
import { closeFleets, long, openFleet } from "./fleet-stage.ts";

afterEach(closeFleets, long);

/** In a mount namespace of their own the program, and all that it starts, read a file of ours as /proc/uptime. */
const inside = ["unshare", "--mount", "/bin/sh", "-c", 'mount --bind "$0" /proc/uptime && exec "$@"'];
const possible = Bun.spawnSync([...inside, "/etc/hostname", "true"]).exitCode === 0;

async function clocked(): Promise<{ fleet: TestFleet; sleeps: string; dispatch(body: string): Promise<number> }> {
  const fleet = await openFleet({ isolation: "none" });
  const clock = join(fleet.folder, "uptime");
  const now = Number.parseFloat(readFileSync("/proc/uptime", "utf8"));
  writeFileSync(clock, `${now} 1.00\n`);
  return {
    fleet,
    // What the machine does in the middle of somebody's work.
    sleeps: `echo ${(now + 36_000).toFixed(2)} 1.00 > ${clock}`,
    async dispatch(body) {
      const issue = fleet.repo.openIssue({ title: "A task", body });
      const argv = [...inside, clock, fleet.program, "dispatch", "-r", "acme/site", "-i", String(issue)];
      const ran = Bun.spawn(argv, { env: fleet.env, cwd: fleet.folder, stdio: ["ignore", "ignore", "pipe"] });
      const [stderr, code] = await Promise.all([ran.stderr.text(), ran.exited]);
      expect([code, stderr]).toEqual([0, expect.anything()]);
      return issue;
    },
  };
}

test.skipIf(!possible)(
  "during a gate: the next one has the time that it had before",
  async () => {
    const { fleet, sleeps, dispatch } = await clocked();
    fleet.configure({ repos: { "acme/site": { gates: [sleeps, "sleep 0.5"] } } });
    await dispatch("[[scenario:edit]]");
    expect(await fleet.ended("01")).toMatchObject({ outcome: "delivered" });
  },
  long,
);

test.skipIf(!possible)(
  "while the agent is silent: neither its silence nor its time counts the sleep",
  async () => {
    const { fleet, sleeps, dispatch } = await clocked();
    // Its limits are looked at twice a second.
    const run = Buffer.from(`edit; ${sleeps}; sleep 1.5; commit`).toString("base64");
    await dispatch(`[[scenario:run]] [[run:${run}]]`);
    expect(await fleet.ended("01")).toMatchObject({ outcome: "delivered" });
  },
  long,
);
