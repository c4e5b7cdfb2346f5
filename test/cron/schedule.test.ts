import { expect, test } from "bun:test";
import { calendarOf, everyExpression, nextTimes, parseExpression } from "../../src/model/schedule.ts";

const minute = 60_000;

test.each([
  [1, "* * * * *"],
  [5, "*/5 * * * *"],
  [30, "*/30 * * * *"],
  [60, "0 * * * *"],
  [8 * 60, "0 */8 * * *"],
  [24 * 60, "0 0 * * *"],
])("every %d minutes is %s", (minutes, expression) => {
  expect(everyExpression(minutes * minute)).toBe(expression);
  expect(parseExpression(expression)).toBe(expression);
});

test.each([0, 0.5, 7, 45, 90, 5 * 60, 48 * 60, Number.NaN, -5])("every %d minutes is refused", (minutes) => {
  expect(() => everyExpression(minutes * minute)).toThrow("what divides an hour or a day");
});

test.each([
  "",
  "* * * *",
  "* * * * * *",
  "@daily",
  "61 * * * *",
  "5-1 * * * *",
  "0 0 30 feb *",
  "0 0 L * *",
  "0 0 * * 1#2",
  "H * * * *",
  "* * * * ?",
  "*/0 * * * *",
  "0 9 */2 * 1",
  "0 0 1-31 * 1",
  "0 0 1-15,16-31 * 1",
  "0 0 15 * 0-6",
  "0 0 15 * 1-7",
  "* * * * *\n* * * * * root",
  "* * * * $(id)",
])("refuses %p", (text) => {
  expect(() => parseExpression(text)).toThrow("not a cron expression");
});

test("takes what every cron takes, with single spaces", () => {
  for (const text of ["0 0 1-31 * *", "0 0 * * 0-6", "0 0 1-30 * 1-5"]) expect(parseExpression(text)).toBe(text);
  expect(parseExpression("  */5\t8-18  * jan,JUL mon-fri ")).toBe("*/5 8-18 * jan,JUL mon-fri");
});

test("the next times are those of the machine's time zone", () => {
  // The tests run in UTC wherever they run: bun sets it.
  expect(nextTimes("*/20 9 * * *", "2026-11-21T09:10:00.000Z", 3)).toEqual([
    "2026-11-21T09:20:00.000Z",
    "2026-11-21T09:40:00.000Z",
    "2026-11-22T09:00:00.000Z",
  ]);
});

test.each([
  ["* * * * *", ["*-*-* *:*:00"]],
  ["*/30 8,20 * * *", ["*-*-* 8,20:0,30:00"]],
  ["0 9 * * 7", ["Sun *-*-* 9:0:00"]],
  ["30 4 1,15 6 *", ["*-6-1,15 4:30:00"]],
  ["0 9 1 * mon", ["Mon *-*-* 9:0:00", "*-*-1 9:0:00"]],
])("%s for systemd is %p", (expression, calendars) => {
  expect(calendarOf(expression)).toEqual(calendars);
});
