/** What an agent said: transcripts and event files of 10 MB, 100 MB and 1 GB. */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Kind, makeFleet } from "./fleets.ts";
import type { Group } from "./groups.ts";
import { against, compare, memory, once, type Row } from "./measure.ts";
import { streamLines } from "./stream.ts";

const sizes = [10, 100, 1000];

export const group: Group = {
  about:
    "`inspect` and the totals of `status` are read from the end of the event file, `logs` prints a whole transcript. (An attempt keeps far less: 16 MB of events, and `limits.transcriptBytes`, 64 MB, of transcript.)",
  async run({ cw, env, floor, folder }) {
    const rows: Row[] = [];
    const tails: Record<string, number[]> = { inspect: [], status: [] };
    for (const mb of sizes) {
      const root = join(folder, `logs-${mb}`);
      const [at] = makeFleet(root, ["busy" satisfies Kind]);
      if (at === undefined) throw new Error("no worker");
      grow(at.events, eventLines, mb);
      grow(at.transcript, streamLines, mb);
      const of = (...words: string[]) => [cw, ...words, "--root", root];
      const inspect = of("inspect", "w00000", "50");
      const tail = await compare({ floor: floor("empty"), inspect, status: of("status") }, env, { rounds: 3 });
      tails["inspect"]?.push(tail.inspect);
      tails["status"]?.push(tail.status);
      rows.push(against(`\`cw inspect 01 50\`, ${mb} MB`, tail.inspect, "empty Bun script", tail.floor));
      rows.push(memory(`\`cw inspect 01 50\`, ${mb} MB: peak memory`, (await once(inspect, env)).peakMb, 60));
      const logs = of("logs", "w00000");
      const count = ["wc", "-l", at.transcript];
      const counted = await once(count, env);
      const whole = await once(logs, env);
      rows.push(against(`\`cw logs 01\`, ${mb} MB`, whole.ms, "`wc -l`", counted.ms));
      rows.push(memory(`\`cw logs 01\`, ${mb} MB: peak memory`, whole.peakMb, 100));
    }
    for (const [name, [small = 0, , large = 0]] of Object.entries(tails))
      rows.push(against(`growth: \`cw ${name}\`, 1 GB over 10 MB`, large, "10 MB", small, 1.2));
    return rows;
  },
};

function eventLines(turn: number): string {
  const of = { at: "2026-11-01T00:00:00.000Z", worker: "w00000", attempt: "w00000-1" };
  const text = `Bash npm test -- --filter site-${turn} ${"and more of it ".repeat(20)}`;
  const tokens = { input: 1200 * turn, output: 80 * turn, cacheRead: 3000 * turn, cacheWrite: 200 };
  return [
    { ...of, type: "agent:activity", kind: "tool", text },
    { ...of, type: "agent:activity", kind: "result", text: "12 passed, 0 failed" },
    { ...of, type: "agent:usage", turns: turn, tokens, costUsd: 0.01 * turn },
  ]
    .map((event) => `${JSON.stringify(event)}\n`)
    .join("");
}

/** Appends lines until the file has that many MB. */
function grow(path: string, lines: (turn: number) => string, mb: number): void {
  const file = openSync(path, "a", 0o600);
  let written = 0;
  for (let turn = 1; written < mb * 1_000_000; ) {
    let block = "";
    for (; block.length < 1 << 20; turn++) block += lines(turn);
    written += writeSync(file, block);
  }
  closeSync(file);
}
