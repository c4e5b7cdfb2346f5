/** `cw status` of fleets of one to ten thousand workers: idle, busy and crashed ones mixed. */
import { join } from "node:path";
import { makeFleet, mixed } from "./fleets.ts";
import type { Group } from "./groups.ts";
import { against, compare, memory, once, type Row, time } from "./measure.ts";

const goals: Readonly<Record<number, number>> = { 100: 3, 1000: 5.5, 10000: 35 };

export const group: Group = {
  about:
    "Of ten workers seven are idle, two busy, one crashed. Against an empty Bun script, and against one `readdir` and one read and parse for each worker.",
  async run({ cw, env, floor, folder }) {
    const rows: Row[] = [];
    const took = new Map<number, number>();
    for (const count of [1, 100, 1000, 10_000]) {
      const root = join(folder, `fleet-${count}`);
      makeFleet(root, mixed(count));
      const status = [cw, "status", "--root", root];
      const few = count === 10_000 ? { rounds: 2, runs: 3 } : {};
      const programs = { floor: floor("empty"), read: floor("read", join(root, ".fleet")), status };
      const { status: ms, read, floor: empty } = await compare(programs, env, few);
      took.set(count, ms);
      const what = `\`cw status\`, ${count.toLocaleString("en")} ${count === 1 ? "worker" : "workers"}`;
      rows.push(against(what, ms, "empty Bun script", empty, goals[count]));
      rows.push(against(what, ms, "`readdir` and reads", read));
      if (count >= 1000)
        rows.push(memory(`${what}: peak memory`, (await once(status, env)).peakMb, count === 1000 ? 60 : 100));
    }
    const [thousand = 0, most = 0] = [took.get(1000), took.get(10_000)];
    rows.push(against("growth: 10,000 workers over 1,000", most, "1,000 workers", thousand, 12));
    const json = await once([cw, "status", "--json", "--root", join(folder, "fleet-1000")], env);
    rows.push({ what: "`cw status --json`, 1,000 workers", takes: time(json.ms), floor: "", ratio: null });
    return rows;
  },
};
