/**
 * One of twenty processes that want the same: takes orders, a line of JSON each, and says what came of it. A phase begins
 * for all at the same moment of the boot's clock.
 */
import { createInterface } from "node:readline";
import { cancelBirth, endAttempt } from "../../src/fleet/end-attempt.ts";
import { reserve } from "../../src/fleet/reserve.ts";
import { statusOf } from "../../src/model/attempt.ts";
import { FleetError } from "../../src/model/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { now, uptimeMs } from "../../src/system/clock.ts";
import { self } from "../../src/system/process.ts";
import { aBirth, aSnapshot, aStop, aTask } from "../model/records.ts";
import type { RaceOrder, RaceReport } from "./races.ts";

const me = self();

/** Any other answer than a record, or a lost race, is a bug. */
async function carryOut(order: RaceOrder): Promise<RaceReport> {
  const store = openStore(order.root);
  const fleet = { store, heard: () => {} };
  const { attempts } = store;
  const report: RaceReport = { pid: me.pid, took: null, had: null, won: [], unknown: [] };
  while (uptimeMs() < order.at) await Bun.sleep(1);
  if (order.pauseMs > 0) await Bun.sleep(order.pauseMs);
  if (order.phase === "reserve") {
    const make = (worker: string, n: number) => ({
      ...{ ...aTask, worker, n, issue: order.issue, cookie: crypto.randomUUID() },
      ...{ reservedBy: me, reservedAt: now() },
    });
    try {
      const wish = { repo: "acme/site", issue: order.issue, worker: order.worker, request: null };
      const { task, existing } = await reserve(fleet, wish, make, aSnapshot);
      report[existing ? "had" : "took"] = `${task.worker}-${task.n}`;
    } catch (error) {
      if (!(error instanceof FleetError && error.code === "busy")) throw error;
    }
  } else {
    for (const { worker, n } of order.attempts) {
      const task = attempts.task(worker, n);
      if (task === null) throw new Error(`${worker}-${n} has no task`);
      const name = `${worker}-${n}`;
      if (order.phase === "birth") {
        if (order.cancel) {
          if (cancelBirth(fleet, task, "raced")) report.won.push(`cancelled ${name}`);
        } else if (attempts.bear(worker, n, { ...aBirth, process: me })) report.won.push(`bore ${name}`);
        if (attempts.wishStop(worker, n, aStop)) report.won.push(`stopped ${name}`);
      } else if (endAttempt(fleet, task, { outcome: "failed", reason: String(me.pid) }))
        report.won.push(`ended ${name}`);
    }
  }
  for (const worker of store.workers.list()) {
    const { state, reason } = statusOf(attempts.facts(worker), now());
    if (state === "unknown") report.unknown.push(reason ?? "");
  }
  return report;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, order } = JSON.parse(line) as { id: number; order: RaceOrder };
  // Rounds may overlap; one that fails is told, and ends no other.
  void carryOut(order).then(
    (report) => console.log(JSON.stringify({ id, report })),
    (error: unknown) => console.log(JSON.stringify({ id, failed: `${error instanceof Error ? error.stack : error}` })),
  );
}
