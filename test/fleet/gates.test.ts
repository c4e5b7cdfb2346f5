/** Where gates would run without walls that nobody gave up. */
import { expect, test } from "bun:test";
import { needWalls, passGates } from "../../src/fleet/gates.ts";
import type { Mode, Task } from "../../src/model/task.ts";

const fleetWith = (repos: Record<string, { gates: string[] }>) => ({ config: { repos } }) as never;
const gated = fleetWith({ "acme/site": { gates: ["npm test"] } });

test.each([
  [gated, "acme/site", "update", "settings", true],
  [gated, "Acme/Site", "update", "settings", true],
  [gated, "acme/site", "update", "bubblewrap", false],
  [gated, "acme/site", "update", "none", false],
  [gated, "acme/other", "update", "settings", false],
  [gated, "acme/site", "read", "settings", false],
  [gated, "acme/site", "issue", "settings", false],
  [fleetWith({ "acme/site": { gates: [] } }), "acme/site", "update", "settings", false],
] as [never, string, Mode, Task["isolation"], boolean][])(
  "A58: gates need walls before an agent starts %#",
  (fleet, repo, mode, isolation, refused) => {
    const need = () => needWalls(fleet, { repo, mode }, isolation);
    if (!refused) return expect(need).not.toThrow();
    expect(need).toThrow(`the isolation settings can't hold the gates of ${repo}`);
  },
);

test("A58: gates that are configured while the agent works are not run without walls either", async () => {
  const task = { repo: "acme/site", mode: "update", isolation: "settings" };
  await expect(passGates({ fleet: gated, task } as never, 0)).rejects.toThrow("can't hold the gates of acme/site");
});
