/** `cw cron` for people. */
import { printable } from "../model/text.ts";

interface Shown {
  readonly by: "cron" | "systemd" | null;
  readonly changed: boolean;
  readonly entries: readonly string[];
  readonly next: readonly string[];
  readonly log: string;
  readonly remarks: readonly string[];
}

export function scheduleLines(action: "install" | "show" | "remove", schedule: Shown): string[] {
  const entries = schedule.entries.map((entry) => `  ${printable(entry)}`);
  if (action === "remove") return schedule.changed ? ["removed:", ...entries] : ["nothing of this fleet was installed"];
  if (schedule.by === null) return ["not installed (cw cron install)"];
  const done = action === "show" ? "installed" : schedule.changed ? "installed now" : "installed already, unchanged";
  const next = schedule.next.map((time) => `  ${localTime(time)}`);
  return [
    `${done} (${schedule.by}):`,
    ...entries,
    ...(next.length > 0 ? ["next:", ...next] : []),
    `log: ${printable(schedule.log)}`,
    ...schedule.remarks,
  ];
}

/** `Sat 2026-11-21 00:15`, where the machine is. */
function localTime(iso: string): string {
  const time = new Date(iso);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = time.toLocaleDateString("en-GB", { weekday: "short" });
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${date} ${two(time.getHours())}:${two(time.getMinutes())}`;
}
