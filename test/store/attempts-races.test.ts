/** Turning points under real concurrency and real kills. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { nextAttempt, statusOf } from "../../src/model/attempt.ts";
import { openStore } from "../../src/store/store.ts";
import { now } from "../../src/system/clock.ts";
import { anIdentity, chance, seed } from "../model/records.ts";
import { newFolder } from "../system/folder.ts";

const folder = newFolder();
const quick = newFolder(true);
afterAll(() => {
  folder.remove();
  quick.remove();
});
/** Bundled first: of a hundred starts most of the time would go into reading sources. */
async function program(name: string): Promise<readonly [string, string, string]> {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, `${name}-program.ts`)],
    target: "bun",
    outdir: folder.path,
  });
  return [process.execPath, "--no-env-file", built.outputs[0]?.path ?? ""];
}

function freshRoot(workers: readonly string[], where = folder): string {
  const root = where.in(crypto.randomUUID());
  for (const worker of workers) openStore(root).workers.create({ ...anIdentity, worker }, null);
  return root;
}

test("twenty processes, twenty-five rounds: each turning point has one winner, and numbers have no gaps", async () => {
  const root = freshRoot(["01"]);
  const rounds = 25;
  const command = await program("race");
  const racers = Array.from({ length: 20 }, () =>
    Bun.spawn([...command, root, String(rounds)], { env: {}, stdio: ["pipe", "pipe", "inherit"] }),
  );
  const said = await Promise.all(
    racers.map(async (racer) => {
      const reader = racer.stdout.getReader();
      await reader.read();
      return { racer, reader };
    }),
  );
  for (const { racer } of said) racer.stdin.write("go\n");
  for (const { racer } of said) void racer.stdin.end();
  const won = await Promise.all(
    said.map(async ({ reader }) => {
      let text = "";
      for (let part = await reader.read(); !part.done; part = await reader.read())
        text += new TextDecoder().decode(part.value);
      return JSON.parse(text) as Record<string, number[]>;
    }),
  );
  const all = Array.from({ length: rounds }, (_, index) => index + 1);
  for (const point of ["reserve", "birth", "stop", "end"])
    expect([point, won.flatMap((one) => one[point] ?? []).toSorted((a, b) => a - b)]).toEqual([point, all]);
  const { paths, attempts, history } = openStore(root);
  expect(readdirSync(paths.attempts("01")).toSorted()).toEqual(all.map((n) => String(n).padStart(4, "0")));
  expect([...history.newestFirst()]).toHaveLength(rounds);
  for (const n of all) {
    expect(readdirSync(attempts.at("01", n).folder).toSorted()).toEqual([
      "birth.json",
      "end.json",
      "snapshot.json",
      "stop.json",
      "task.json",
    ]);
    // Who ended it is who the record names.
    expect(Number(attempts.ended("01", n)?.reason)).toBeGreaterThan(1);
  }
}, 60_000);

test("a hundred writers killed at any moment: never a torn record", async () => {
  const random = chance(seed());
  const workers = ["01", "02", "03", "04"];
  const command = await program("writer");
  // In memory there are more turning points to be killed at.
  const root = freshRoot(workers, quick);
  const { attempts, paths, history } = openStore(root);
  const unreadable = (worker: string) => {
    const facts = attempts.facts(worker);
    const { state, reason } = statusOf(facts, now());
    return state === "unknown" && !/another machine/.test(reason ?? "") ? reason : null;
  };
  await Promise.all(
    workers.map(async (worker) => {
      for (let round = 0; round < 25; round++) {
        const writer = Bun.spawn([...command, root, worker], {
          env: {},
          stdio: ["ignore", "pipe", "inherit"],
        });
        await writer.stdout.getReader().read();
        await Bun.sleep(random() * 15);
        writer.kill("SIGKILL");
        await writer.exited;
        expect(unreadable(worker)).toBeNull();
      }
    }),
  );
  let records = 0;
  for (const worker of workers) {
    const newest = attempts.newest(worker);
    for (let n = 1; n <= newest; n++) {
      const at = attempts.at(worker, n);
      expect(existsSync(at.folder)).toBe(true);
      for (const file of [at.task, at.snapshot, at.birth, at.stop, at.end]) {
        if (!existsSync(file)) continue;
        expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ version: 1 });
        records++;
      }
      if (n < newest) expect(attempts.ended(worker, n)).not.toBeNull();
    }
    expect(existsSync(join(paths.attempts(worker), String(newest + 1).padStart(4, "0")))).toBe(false);
    expect(nextAttempt(attempts.facts(worker, newest))).toBe(attempts.ended(worker, newest) ? newest + 1 : null);
  }
  // How much they wrote is the machine's business; that they wrote is not.
  expect(records).toBeGreaterThan(workers.length);
  // The index may lack the end of a writer that was killed between the two; it never holds half a line more than once.
  for (const end of history.newestFirst()) expect(end.version).toBe(1);
}, 60_000);
