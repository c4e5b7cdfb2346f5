/** Puts the fleet's ticks on the machine's clock: a line of the user's crontab, or a timer of the user's systemd. */
import { join } from "node:path";
import type { Fleet } from "../fleet/fleet.ts";
import { crontabLine, expressionOf, linesOf, type TickCommand, withLine, withoutLine } from "../model/crontab.ts";
import { FleetError } from "../model/errors.ts";
import { nextTimes, parseExpression } from "../model/schedule.ts";
import { printable } from "../model/text.ts";
import { unitName } from "../model/user-scope.ts";
import { timerExpression, units } from "../model/user-timer.ts";
import { isoNow } from "../system/clock.ts";
import { asBytes, asText, cronRuns, crontab } from "../system/crontab.ts";
import { createOnce, makeFolder } from "../system/files.ts";
import { userUnits } from "../system/user-units.ts";

/** How this program is started again. */
export interface Starter {
  readonly toolPath: string;
  /** The operator's HOME. */
  readonly home: string;
  /** Program and flags, up to the command. */
  readonly argv: readonly string[];
  /** What configures it and is no flag. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Schedule {
  readonly by: "cron" | "systemd" | null;
  readonly changed: boolean;
  /** The crontab line, or the unit files. */
  readonly entries: readonly string[];
  /** ISO 8601. */
  readonly next: readonly string[];
  readonly log: string;
  /** What a person still has to do. */
  readonly remarks: readonly string[];
}

type Place = Pick<Fleet, "store">;

export interface Schedules {
  /**
   * What was there of ours, of either kind, is replaced.
   * @param expression five fields. @param systemd a timer instead of a crontab line
   * @throws FleetError `environment`, `notFound` without workers
   */
  install(expression: string, systemd: boolean): Promise<Schedule>;
  show(): Promise<Schedule>;
  remove(): Promise<Schedule>;
}

export function schedules(fleet: Place, starter: Starter): Schedules {
  return {
    install: (expression, systemd) => installSchedule(fleet, starter, expression, systemd),
    show: () => showSchedule(fleet, starter),
    remove: () => removeSchedule(fleet, starter),
  };
}

async function showSchedule(fleet: Place, starter: Starter): Promise<Schedule> {
  const { root, ticks: log } = fleet.store.paths;
  const unchanged = { changed: false, log, remarks: [] };
  const { timer, service, file, read, isActive } = unitsOf(root, starter);
  const content = read(timer);
  if (content !== null) {
    const found = { ...unchanged, by: "systemd", entries: [file(timer), file(service)] } as const;
    if (await isActive(timer)) return { ...found, next: upcoming(timerExpression(content)) };
    return { ...found, next: [], remarks: ["the timer is not active: nothing is started by it"] };
  }
  const [line] = linesOf(asText(await readIfCron(starter)), root);
  if (line === undefined) return { ...unchanged, by: null, entries: [], next: [] };
  return { ...unchanged, by: "cron", entries: [line], next: upcoming(expressionOf(line)) };
}

async function installSchedule(
  fleet: Place,
  starter: Starter,
  expression: string,
  systemd: boolean,
): Promise<Schedule> {
  const { root, ticks: log, locks } = fleet.store.paths;
  if (fleet.store.workers.list().length === 0)
    throw new FleetError("notFound", `there are no workers in ${root}`, { hint: "cw init 01" });
  makeFolder(locks);
  createOnce(log, "");
  const tick = tickCommand(starter, root, log, join(locks, "cron"));
  const installed = systemd
    ? await installTimer(starter, expression, tick)
    : await installLine(starter, expression, tick);
  return { ...installed, next: upcoming(expression), log };
}

async function removeSchedule(fleet: Place, starter: Starter): Promise<Schedule> {
  const { root, ticks: log } = fleet.store.paths;
  const removed = [...(await removeTimer(root, starter)), ...(await removeLines(root, starter))];
  return { by: null, changed: removed.length > 0, entries: removed, next: [], log, remarks: [] };
}

async function installLine(starter: Starter, expression: string, tick: TickCommand) {
  const { read, write } = crontab(starter.toolPath);
  const line = crontabLine(expression, tick);
  const before = await read();
  const after = withLine(before, asBytes(tick.root), asBytes(line));
  if (after !== before) await write(after);
  const gone = await removeTimer(tick.root, starter);
  const remarks = tick.guard === null ? ["flock is missing: ticks may overlap, their claims keep them apart"] : [];
  if (!cronRuns()) remarks.push("no cron daemon seems to run: service cron start, as root");
  return { by: "cron" as const, changed: after !== before || gone.length > 0, entries: [line], remarks };
}

async function installTimer(starter: Starter, expression: string, tick: TickCommand) {
  const { timer, service, file, read, write, enable, lingers } = unitsOf(tick.root, starter);
  const wanted = units(expression, tick);
  const before = { timer: read(timer), service: read(service) };
  const changed = before.timer !== wanted.timer || before.service !== wanted.service;
  if (changed) {
    write(service, wanted.service);
    write(timer, wanted.timer);
  }
  const refused = await enable(timer);
  if (refused !== null) {
    if (before.timer === null || before.service === null) await removeTimer(tick.root, starter);
    else if (changed) {
      write(service, before.service);
      write(timer, before.timer);
      await enable(timer);
    }
    const message = `systemd does not run the timer, all is as it was: ${printable(refused, 300)}`;
    throw new FleetError("environment", message, {
      hint: "loginctl enable-linger, then log in again; or cw cron install, without --systemd",
    });
  }
  // Only now: a line that works is not given up for a timer that may not.
  const gone = await removeLines(tick.root, starter);
  const remarks = (await lingers()) ? [] : ["to go on while you are logged out: loginctl enable-linger"];
  const entries = [file(timer), file(service)];
  return { by: "systemd" as const, changed: changed || gone.length > 0, entries, remarks };
}

async function removeLines(root: string, starter: Starter): Promise<string[]> {
  const before = await readIfCron(starter);
  const ours = linesOf(before, asBytes(root));
  if (ours.length > 0) await crontab(starter.toolPath).write(withoutLine(before, asBytes(root)));
  return ours.map(asText);
}

async function removeTimer(root: string, starter: Starter): Promise<string[]> {
  const { timer, service, file, read, remove, disable, reload } = unitsOf(root, starter);
  const there = [timer, service].filter((unit) => read(unit) !== null);
  if (there.length === 0) return [];
  await disable(timer);
  for (const unit of there) remove(unit);
  await reload();
  return there.map(file);
}

function unitsOf(root: string, starter: Starter) {
  const name = unitName(root);
  return { ...userUnits(starter.home, starter.toolPath), timer: `${name}.timer`, service: `${name}.service` };
}

/** Where there is no cron, nothing of ours is in it. */
async function readIfCron({ toolPath }: Starter): Promise<string> {
  return Bun.which("crontab", { PATH: toolPath, cwd: "/" }) === null ? "" : await crontab(toolPath).read();
}

function tickCommand(starter: Starter, root: string, log: string, lock: string): TickCommand {
  const flock = Bun.which("flock", { PATH: starter.toolPath, cwd: "/" });
  const env = Object.entries({ PATH: starter.toolPath, ...starter.env }).map(([name, value]) => `${name}=${value}`);
  return {
    root,
    argv: ["/usr/bin/env", ...env, ...starter.argv, "assign"],
    // Closed before the program starts (-o): attempts outlive the tick and would hold the lock for hours.
    guard: flock === null ? null : [flock, "-n", "-o", lock],
    log,
  };
}

function upcoming(expression: string | null): string[] {
  if (expression === null) return [];
  try {
    return nextTimes(parseExpression(expression), isoNow(), 5);
  } catch (error) {
    // A person has changed the line into something that cron may take and we can't read.
    if (error instanceof FleetError) return [];
    throw error;
  }
}
