/** From `cw dispatch` to a supervisor that is born, against a local GitHub and the fake agent. */
import { testFleet } from "../test/support/fleet.ts";
import type { Group } from "./groups.ts";
import { against, median, once, type Row } from "./measure.ts";

const tries = 15;

export const group: Group = {
  about:
    "From the command to its return: issue read, worker reserved, claimed, labelled, supervisor started and born. Against a Bun script that makes as many requests, one after the other, to the same local GitHub, and spawns an empty detached process.",
  async run({ floor }) {
    const fleet = await testFleet({ installed: true });
    try {
      const took: number[] = [];
      const least: number[] = [];
      const empty: number[] = [];
      let requests = Number.POSITIVE_INFINITY;
      for (let run = 0; run < tries; run++) {
        const issue = fleet.repo.openIssue({ title: `Header ${run}`, body: "[[scenario:silent]]" });
        const before = fleet.standin.journal.entries.length;
        const dispatch = [fleet.program, "dispatch", "-r", "acme/site", "-i", String(issue), "-w", "01"];
        took.push((await once(dispatch, fleet.env)).ms);
        // The fewest: a supervisor that is quick has asked, too.
        requests = Math.min(requests, requestsOf(fleet.standin.journal.entries.slice(before)));
        const reset = await fleet.cw(["reset", "-f", "01"]);
        if (reset.code !== 0) throw new Error(reset.stderr);
        const words = floor("dispatch", fleet.standin.url, fleet.token, String(requests));
        least.push((await once(words, fleet.env)).ms);
        empty.push((await once(floor("empty"), fleet.env)).ms);
      }
      const [ms, floorMs, emptyMs] = [median(took), median(least), median(empty)];
      const rows: Row[] = [
        against(`\`cw dispatch -i\`, ${requests} requests`, ms, "requests and spawn", floorMs),
        against(`\`cw dispatch -i\`, ${requests} requests`, ms, "empty Bun script", emptyMs),
        against("the same, less requests and spawn", ms - floorMs + emptyMs, "empty Bun script", emptyMs, 6),
      ];
      return rows;
    } finally {
      await fleet.close();
    }
  },
};

function requestsOf(entries: readonly { kind: string }[]): number {
  return entries.filter(({ kind }) => kind !== "git").length;
}
