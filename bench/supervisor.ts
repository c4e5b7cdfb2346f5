/** What supervisors take while their agents are at work: memory and processor time, of one and of a hundred at once. */
import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Birth } from "../src/model/attempt.ts";
import { type TestFleet, testFleet, until } from "../test/support/fleet.ts";
import type { Group } from "./groups.ts";
import { type Row, time } from "./measure.ts";

const many = 100;
const watchedMs = 10_000;
/** What of dist/ a supervisor was seen to hold (`require.cache`) while its agent worked. */
const loaded = [
  "run",
  ...["octokit", "proper-lockfile", "ipaddr.js", "read-tls-client-hello"].map((name) => `lib-${name}`),
];

export const group: Group = {
  about:
    "Attempts of the fake agent that stays silent. Memory from `smaps_rollup`: PSS counts a shared page once among those that share it. Against Bun scripts that have a part of what it has.",
  async run({ cw, floor, env, folder }) {
    const fleet = await testFleet({ installed: true, workers: ids(many) });
    try {
      fleet.configure({ limits: { silence: "1h", wall: "1h", start: "1m" } });
      const [first = ""] = ids(1);
      const alone = [await begin(fleet, first)];
      const rows = await rowsFor("one supervisor", alone);
      const rest = ids(many).slice(1).values();
      const all = [...alone];
      const worker = async () => {
        for (const id of rest) all.push(await begin(fleet, id));
      };
      await Promise.all([worker(), worker(), worker()]);
      rows.push(...(await rowsFor(`${many} supervisors, each`, all, 3)));
      await endAll(fleet);
      const dist = join(dirname(dirname(realpathSync(cw))), "dist");
      const modules = loaded.map((name) => join(dist, `${name}.js`));
      rows.push(
        await least("that wait for a child", floor("wait"), env),
        await least("with proxy, gateway and TLS", floor("outlets", folder), env),
        await least("with these and a supervisor's modules", floor("outlets", folder, ...modules), env),
      );
      return rows;
    } finally {
      await endAll(fleet);
      await fleet.close();
    }
  },
};

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, at) => String(at + 1).padStart(3, "0"));
}

/** Starts an attempt and waits until its agent has begun. @returns the process number of its supervisor */
async function begin(fleet: TestFleet, id: string): Promise<number> {
  const asked = ["dispatch", "-r", "acme/site", "-w", id, "-p", "[[scenario:silent]]"];
  const ran = await fleet.cw(asked, { timeoutMs: 120_000 });
  if (ran.code !== 0) throw new Error(ran.stderr);
  const events = join(fleet.attempt(id, 1), "events.jsonl");
  await until(`agent of ${id}`, () => readFileSync(events, "utf8").includes('"agent:ready"') || null, 120_000);
  const birth = JSON.parse(readFileSync(join(fleet.attempt(id, 1), "birth.json"), "utf8")) as Birth;
  return birth.process.pid;
}

async function endAll(fleet: TestFleet): Promise<void> {
  const { workers } = (await fleet.cw(["status", "--json"])).json() as { workers: { id: string; state: string }[] };
  const left = workers.filter(({ state }) => state !== "idle").values();
  const reset = async () => {
    for (const { id } of left) await fleet.cw(["reset", "-f", id], { timeoutMs: 120_000 });
  };
  await Promise.all([reset(), reset(), reset()]);
}

/** What Bun takes by itself for a part of it. */
async function least(what: string, argv: string[], env: Readonly<Record<string, string>>): Promise<Row> {
  const scripts = ids(many).map(() => Bun.spawn(argv, { env, stdio: ["ignore", "pipe", "inherit"] }));
  try {
    const began = await Promise.all(scripts.map(async ({ stdout }) => await stdout.getReader().read()));
    if (began.some(({ done }) => done)) throw new Error(`${argv.join(" ")} ended`);
    return row(`${many} Bun scripts ${what}, each: PSS`, mean(scripts.map(({ pid }) => memoryOf(pid).pss)));
  } finally {
    for (const script of scripts) script.kill();
    await Promise.all(scripts.map(({ exited }) => exited));
  }
}

async function rowsFor(what: string, pids: readonly number[], mostMb?: number): Promise<Row[]> {
  const before = pids.map(ticksOf);
  await Bun.sleep(watchedMs);
  const used = pids.map((pid, at) => (ticksOf(pid) - (before[at] ?? 0)) * 10);
  const found = pids.map(memoryOf);
  const pss = mean(found.map((one) => one.pss));
  const goal = mostMb === undefined ? {} : { goal: `≤ ${mostMb} MB`, met: pss <= mostMb };
  return [
    { ...row(`${what}: PSS`, pss), ...goal },
    row(`${what}: private`, mean(found.map((one) => one.own))),
    row(`${what}: RSS`, mean(found.map((one) => one.rss))),
    { what: `${what}: processor time in 10 s`, takes: time(mean(used)), floor: "", ratio: null },
  ];
}

function row(what: string, mb: number): Row {
  return { what, takes: `${mb.toFixed(1)} MB`, floor: "", ratio: null };
}

function memoryOf(pid: number): { pss: number; rss: number; own: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { pss: of("Pss"), rss: of("Rss"), own: of("Private_Clean") + of("Private_Dirty") };
}

/** Ticks of 10 ms that a process has run. */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
