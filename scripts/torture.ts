/**
 * The torture run: real processes, everything decided by a seed. Ends with 1 on any harm, having printed the command that
 * repeats it.
 *
 *   npm run torture -- [--suite NAME]... [--seed N] [--rounds N] [--minutes N] [--jobs N] [--quick]
 *
 * Without --seed each suite runs what test/torture/ledger.jsonl lacks of this version, up to its full number: first the seeds
 * that did harm before, in any version. --minutes ends it earlier. Other machines take other seeds: `--seed 1000001 --rounds 5000`. Each finished shard is
 * a line of the ledger, and the table of docs/reliability.md is written anew; --quick, single rounds and trees that differ from
 * their commit leave both alone.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { leftToRun, note, ownFile, readLedger, type Span, subjects, versionNow } from "../test/torture/ledger.ts";
import { opened, repeats, runShard, type Shard } from "../test/torture/run.ts";
import type { Suite } from "../test/torture/suite.ts";
import { suites } from "../test/torture/suites.ts";
import { makeTables, withTables } from "./tables.ts";

const root = join(import.meta.dir, "..");
/** Rounds between two lines of the ledger. */
const shardRounds = 50;
/** Harm past that is counted, and no longer told. */
const mostTold = 200;

const { values } = parseArgs({
  options: {
    suite: { type: "string", multiple: true },
    seed: { type: "string" },
    rounds: { type: "string" },
    minutes: { type: "string" },
    jobs: { type: "string", default: "1" },
    quick: { type: "boolean", default: false },
  },
});
const number = (text: string | undefined) => {
  if (text === undefined) return null;
  if (!/^\d{1,15}$/.test(text)) throw new Error(`not a number: ${text}`);
  return Number(text);
};
const [seed, rounds, minutes] = [number(values.seed), number(values.rounds), number(values.minutes)];
const jobs = Math.max(1, number(values.jobs) ?? 1);
const unknown = values.suite?.filter((name) => !suites.some((suite) => suite.name === name)) ?? [];
if (unknown.length > 0)
  throw new Error(`no such suite: ${unknown}; there are ${suites.map(({ name }) => name).join(", ")}`);
const chosen = suites.filter((suite) => values.suite === undefined || values.suite.includes(suite.name));

let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    console.log("what is under way is ended first, and not counted");
    interrupted = true;
  });
const deadline = minutes === null ? null : performance.now() + minutes * 60_000;
const stopped = () => interrupted || (deadline !== null && performance.now() > deadline);

const version = versionNow();
const head = { version, commit: commitNow(), machine: `${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}` };
/** What nobody can check out again is no figure. */
const kept = !values.quick && rounds !== 1 && !head.commit.endsWith("+");
console.log(`version ${version} (commit ${head.commit}), ${head.machine}`);

const results = new Map<string, Shard[]>();
let failures = 0;
for (const suite of chosen) {
  const missing = suite.missing?.() ?? null;
  if (missing !== null) console.log(`${suite.name}: left out, ${missing}`);
  else await opened(suite, () => runSuite(suite));
}

for (const [name, shards] of results) {
  const sum = (key: "rounds" | "tried" | "broken" | "seconds") => shards.reduce((all, one) => all + one[key], 0);
  const harm = shards.reduce((all, one) => all + Object.values(one.harm).reduce((a, b) => a + b, 0), 0);
  const [first, seconds] = [shards[0]?.seed ?? 0, sum("seconds")];
  const row = [name.padEnd(16), `${sum("tried")} tried in ${sum("rounds")} rounds from seed ${first}`.padEnd(48)];
  console.log(`${row.join("")}${harm} harm, ${sum("broken")} broken, ${seconds.toFixed(0)} s`);
}
process.exitCode = failures > 0 ? 1 : 0;

/** Shard by shard, so that little is lost when it is interrupted. */
async function runSuite(suite: Suite): Promise<void> {
  const spans = spansFor(suite);
  const wanted = spans.reduce((all, span) => all + span.rounds, 0);
  const [first, last] = [spans[0], spans.at(-1)];
  if (first === undefined || last === undefined) return console.log(`${suite.name}: nothing is left of this version`);
  console.log(`${suite.name}: ${wanted} rounds, seeds ${first.seed} to ${last.seed + last.rounds - 1}`);
  const shards: Shard[] = [];
  results.set(suite.name, shards);
  let done = 0;
  for (const span of spans.flatMap(shardsOf)) {
    if (stopped()) return;
    const ran = await runShard(suite, {
      ...span,
      jobs,
      stopped,
      interrupted: () => interrupted,
      failed: (at, what) => {
        if (++failures <= mostTold)
          console.log(`${suite.name}, seed ${at}: ${what}\n  again: ${repeats(suite.name, at)}`);
      },
    });
    for (const shard of ran) {
      done += shard.rounds;
      shards.push(shard);
      if (kept) await record(suite, shard);
      const about = `${shard.tried} tried, ${(shard.seconds / Math.max(1, shard.tried)).toFixed(2)} s each`;
      console.log(`${suite.name}: ${done} of ${wanted} rounds; ${about}`);
    }
  }
}

function spansFor(suite: Suite): Span[] {
  if (seed !== null || !kept) return [{ seed: seed ?? 1, rounds: rounds ?? (values.quick ? suite.quick : suite.full) }];
  return leftToRun(readLedger(), suite, version, rounds);
}

function shardsOf({ seed: from, rounds: all }: Span): Span[] {
  const count = Math.ceil(all / shardRounds);
  return Array.from({ length: count }, (_, at) => ({
    seed: from + at * shardRounds,
    rounds: Math.min(shardRounds, all - at * shardRounds),
  }));
}

async function record(suite: Suite, shard: Shard): Promise<void> {
  note({ suite: suite.name, ...shard, ...head, date: new Date().toISOString() });
  const path = join(root, "docs/reliability.md");
  const tables = await makeTables();
  writeFileSync(path, withTables(readFileSync(path, "utf8"), ["torture"], tables));
}

function commitNow(): string {
  const git = (...args: string[]) =>
    Bun.spawnSync(["git", ...args], { cwd: root })
      .stdout.toString()
      .trim();
  const commit = git("rev-parse", "--short", "HEAD") || "unknown";
  return git("status", "--porcelain", "--", ...subjects, `:!${ownFile}`) === "" ? commit : `${commit}+`;
}
