/** One tick over 50 repositories and 10,000 open issues of a local GitHub. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestFleet, testFleet } from "../test/support/fleet.ts";
import type { Group } from "./groups.ts";
import { against, median, memory, type Once, once, type Row, time } from "./measure.ts";

const repos = 50;
const issues = 200;
const tries = 5;

export const group: Group = {
  about:
    "`cw assign --dry-run` over 50 repositories with 200 open issues each, one of which an idle worker could take. Against a Bun script that reads the same lists, eight at a time. The local GitHub answers without delay, on the same two cores: what is left is work, no waiting.",
  async run({ floor, folder }) {
    const fleet = await testFleet({ installed: true });
    try {
      await seed(fleet);
      const assign = [fleet.program, "assign", "--dry-run", "--json"];
      const lists = join(folder, "lists.txt");
      const first = await once(assign, fleet.env, { keep: true });
      const asked = fleet.standin.journal.calls({ method: "GET", path: /\/issues$|\/matching-refs\// });
      const { skipped } = JSON.parse(first.stdout) as { skipped: unknown[] };
      if (skipped.length !== repos * issues - 1) throw new Error(`${skipped.length} issues were skipped`);
      writeFileSync(lists, asked.map(({ path, query }) => `${path}?${new URLSearchParams(query)}`).join("\n"));
      const transfer = floor("transfer", fleet.standin.url, fleet.token, lists);
      const runs: Record<string, Once[]> = { cold: [], coldFloor: [], warm: [], warmFloor: [], empty: [] };
      const noted = async (name: string, argv: readonly string[]) => runs[name]?.push(await once(argv, fleet.env));
      for (let run = 0; run < tries; run++) {
        rmSync(join(fleet.root, ".fleet/lists.d"), { recursive: true, force: true });
        rmSync(`${lists}.etags`, { force: true });
        await noted("cold", assign);
        await noted("coldFloor", transfer);
        await noted("warm", assign);
        await noted("warmFloor", transfer);
        await noted("empty", floor("empty"));
        fleet.standin.journal.clear();
      }
      const ms = (name: string) => median((runs[name] ?? []).map((one) => one.ms));
      const cpu = (name: string) => median((runs[name] ?? []).map((one) => one.cpuMs));
      const peak = (name: string) => median((runs[name] ?? []).map((one) => one.peakMb));
      const rows: Row[] = [
        against(`all ${asked.length} lists new`, ms("cold"), "bare transfer", ms("coldFloor")),
        against("the same: processor time", cpu("cold"), "bare transfer", cpu("coldFloor")),
        memory("the same: peak memory", peak("cold"), 100),
        against("nothing has changed (304)", ms("warm"), "bare transfer", ms("warmFloor")),
        against("the same: processor time", cpu("warm"), "bare transfer", cpu("warmFloor")),
        against("the same: processor time", cpu("warm"), "empty Bun script", cpu("empty"), 4),
      ];
      return [...rows, ...(await delayed(fleet, assign))];
    } finally {
      await fleet.close();
    }
  },
};

/** A quiet tick where each answer takes 150 ms, as over a network. */
async function delayed(fleet: TestFleet, assign: readonly string[]): Promise<Row[]> {
  const delayMs = 150;
  await once(assign, fleet.env);
  const slow = fleet.standin.inject({ times: Number.POSITIVE_INFINITY, fault: { delayMs } });
  const { ms } = await once(assign, fleet.env);
  slow.remove();
  const trips = ms / delayMs;
  return [
    {
      what: "nothing has changed, each answer after 150 ms",
      takes: time(ms),
      floor: `a round trip: ${delayMs} ms`,
      ratio: trips,
    },
  ];
}

async function seed(fleet: TestFleet): Promise<void> {
  const names = Array.from({ length: repos }, (_, at) => `acme/site-${at}`);
  for (const name of names) {
    const repo = await fleet.standin.addRepo({ name, files: { "README.md": "# Site\n" } });
    for (let at = 0; at < issues; at++)
      repo.openIssue({ title: `Header ${at} is wrong`, body: "It should be blue. ".repeat(40), labels: ["bug"] });
  }
  fleet.configure({ repos: Object.fromEntries(names.map((name) => [name, {}])) });
}
