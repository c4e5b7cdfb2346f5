/** Whether the clock that was set up would start this very program, with what it needs. */
import type { Check } from "../fleet/doctor.ts";
import { FleetError } from "../model/errors.ts";
import { cronRuns } from "../system/crontab.ts";
import type { Schedules } from "./cron.ts";

/** @param program absolute path by which this program is started */
export async function checkCron(schedules: Schedules, program: string): Promise<Check> {
  const name = "cron";
  try {
    const { by, entries, next, remarks } = await schedules.show();
    if (by === null) return { name, state: "ok", detail: "not set up: assign runs when somebody says so", hint: null };
    if (by === "cron" && !entries.some((entry) => entry.includes(program))) {
      return { name, state: "warning", detail: "its line starts another installation", hint: "cw cron install" };
    }
    if (by === "cron" && !cronRuns()) {
      return {
        name,
        state: "warning",
        detail: "no cron daemon runs here",
        hint: "start cron, or cw cron install --systemd",
      };
    }
    const [remark] = remarks;
    if (remark !== undefined) return { name, state: "warning", detail: remark, hint: "cw cron install --systemd" };
    return { name, state: "ok", detail: `by ${by}, next at ${next[0] ?? "an unknown time"}`, hint: null };
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return { name, state: "warning", detail: error.message, hint: error.hint ?? null };
  }
}
