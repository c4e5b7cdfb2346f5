/**
 * bench.ts [--only GROUP]...: measures the installed program and writes the tables of docs/performance.md.
 *
 * Only the ratios of one run are claims: all figures of a table were taken on one machine, in one go, most of them in turns.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { groups } from "../bench/groups.ts";
import type { Row } from "../bench/measure.ts";
import { openStage } from "../bench/stage.ts";
import { table, withTables } from "./tables.ts";

const page = join(import.meta.dir, "../docs/performance.md");
const words = process.argv.slice(2);
const only = words.flatMap((word, at) => (words[at - 1] === "--only" ? word : []));
const unknown = only.find((name) => !Object.hasOwn(groups, name));
if (words.length !== only.length * 2 || unknown !== undefined) {
  console.error(`usage: npm run bench -- [--only NAME]..., of ${Object.keys(groups).join(", ")}`);
  process.exit(2);
}
if (Bun.which("hyperfine") === null) {
  console.error("bench: hyperfine is missing (apt-get install hyperfine)");
  process.exit(1);
}

const failed: string[] = [];
for (const [name, load] of Object.entries(groups)) {
  if (only.length > 0 && !only.includes(name)) continue;
  const { group } = await load();
  const stage = await openStage();
  try {
    const rows = await group.run(stage);
    console.log(`${name}: ${group.about}\n`);
    console.log(asText(rows));
    const text = `${group.about}\n\n${asTable(rows)}\n\n${await machine()}`;
    writeFileSync(page, withTables(readFileSync(page, "utf8"), [name], { [name]: text }));
    failed.push(...rows.filter(({ met }) => met === false).map(({ what, goal }) => `${name}: ${what} (${goal})`));
  } finally {
    stage.close();
  }
}
// A goal that is missed is a fact of the page, and no failure: machines differ.
for (const line of failed) console.log(`missed: ${line}`);

function cells(row: Row): string[] {
  const goal = row.goal === undefined ? "" : `${row.goal} ${row.met ? "met" : "missed"}`;
  return [
    row.what,
    row.takes,
    row.ratio === null ? "" : `${row.ratio.toFixed(row.ratio < 10 ? 2 : 1)}×`,
    row.floor,
    goal,
  ];
}

function asTable(rows: readonly Row[]): string {
  return table(["", "takes", "", "of the floor", "goal"], rows.map(cells));
}

function asText(rows: readonly Row[]): string {
  const all = rows.map(cells);
  const widths = [0, 1, 2, 3].map((at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  return `${all.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")).join("\n")}\n`;
}

/** When, where and on what. */
async function machine(): Promise<string> {
  const { stdout } = Bun.spawnSync(["git", "describe", "--always", "--dirty"], { cwd: import.meta.dir });
  const commit = stdout.toString().trim() || "an unknown commit";
  const [cpu] = cpus();
  const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
  const memory = Math.round(totalmem() / 2 ** 30);
  const date = new Date().toISOString().slice(0, 16).replace("T", " ");
  return `*${date} UTC, ${commit}, Bun ${Bun.version}, Linux ${release().split("-")[0]}, ${cpus().length} cores (${cpu?.model.trim()}), ${memory} GB; load ${load}*`;
}
