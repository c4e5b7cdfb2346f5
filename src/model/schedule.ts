/** When ticks are due: the expression of a crontab, from words of people, and what it comes to. */
import { CronExpressionParser } from "cron-parser";
import { FleetError } from "./errors.ts";

const minute = 60_000;
const hour = 60 * minute;

/**
 * The expression for an even interval. Cron counts within the hour and the day, so only what divides them is even.
 * @throws FleetError `usage`
 */
export function everyExpression(ms: number): string {
  const minutes = ms / minute;
  const hours = ms / hour;
  if (Number.isInteger(minutes) && minutes >= 1 && minutes < 60 && 60 % minutes === 0)
    return minutes === 1 ? "* * * * *" : `*/${minutes} * * * *`;
  if (Number.isInteger(hours) && hours >= 1 && hours < 24 && 24 % hours === 0)
    return hours === 1 ? "0 * * * *" : `0 */${hours} * * *`;
  if (hours === 24) return "0 0 * * *";
  throw new FleetError("usage", "--every takes what divides an hour or a day", {
    hint: "1m 2m 3m 4m 5m 6m 10m 12m 15m 20m 30m 1h 2h 3h 4h 6h 8h 12h 1d; or --cron",
  });
}

const names = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat";
const item = `(?:\\*|(?:\\d{1,2}|${names})(?:-(?:\\d{1,2}|${names}))?)(?:/[1-9]\\d?)?`;
const field = new RegExp(`^${item}(?:,${item})*$`, "i");

/**
 * What every cron takes: five fields of numbers, names, lists, ranges and steps.
 * @returns it with single spaces. @throws FleetError `usage`
 */
export function parseExpression(text: string): string {
  const fields = text.trim().split(/[ \t]+/);
  const wrong = (why: string) =>
    new FleetError("usage", `not a cron expression: ${JSON.stringify(text.slice(0, 80))} (${why})`, {
      hint: `five fields: minute hour day month weekday, such as "*/5 * * * *"`,
    });
  if (fields.length !== 5) throw wrong(`${fields.length} fields`);
  const odd = fields.find((one) => !field.test(one));
  if (odd !== undefined) throw wrong(`can't read ${JSON.stringify(odd)}`);
  const [, , day = "*", , weekday = "*"] = fields;
  const both = day !== "*" && weekday !== "*";
  // With both, cron takes either; with a step from `*` in one of them, some take both.
  if (both && (day.startsWith("*") || weekday.startsWith("*")))
    throw wrong("a step of days beside a weekday means different things to different crons");
  const expression = fields.join(" ");
  let days: Days;
  try {
    days = daysOf(expression);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
  // To most crons that is every day; some, and systemd's calendars, go by the other field alone.
  if (both && (days.everyDay || days.everyWeekday))
    throw wrong("every day beside a weekday, or every weekday beside a day, means different things to different crons");
  return expression;
}

interface Days {
  readonly everyDay: boolean;
  readonly everyWeekday: boolean;
}

function daysOf(expression: string): Days {
  const { dayOfMonth, dayOfWeek } = CronExpressionParser.parse(expression).fields;
  const weekdays = new Set(dayOfWeek.values.map((day) => Number(day) % 7));
  return { everyDay: dayOfMonth.values.length >= 31, everyWeekday: weekdays.size >= 7 };
}

/** The next times in the local time zone, ISO 8601. @param from ISO 8601 */
export function nextTimes(expression: string, from: string, count: number): string[] {
  return CronExpressionParser.parse(expression, { currentDate: new Date(from) })
    .take(count)
    .map((time) => time.toDate().toISOString());
}

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** The same times for systemd (`OnCalendar`): two where cron takes a day or a weekday. */
export function calendarOf(expression: string): string[] {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = CronExpressionParser.parse(expression).fields;
  const list = (part: { values: readonly unknown[] }, whole: number) =>
    part.values.length >= whole ? "*" : part.values.join(",");
  const months = list(month, 12);
  const time = `${list(hour, 24)}:${list(minute, 60)}:00`;
  const days = dayOfMonth.values.length >= 31 ? null : dayOfMonth.values.join(",");
  const named = [...new Set(dayOfWeek.values.map((day) => weekdays[Number(day)]))];
  const calendars: string[] = [];
  if (named.length < 7) calendars.push(`${named.join(",")} *-${months}-* ${time}`);
  if (days !== null) calendars.push(`*-${months}-${days} ${time}`);
  return calendars.length > 0 ? calendars : [`*-${months}-* ${time}`];
}
