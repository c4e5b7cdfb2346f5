/** Which issues were refused lately, from the history on disk. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { refusedLately } from "../../src/scheduler/lost.ts";
import { openStore } from "../../src/store/store.ts";
import { anEnd } from "../model/records.ts";
import { newFolder } from "../system/folder.ts";

const folder = newFolder(true);
afterAll(() => folder.remove());

test("an attempt that ended while the clock was wrong does not hide them", () => {
  const store = openStore(folder.in("root"));
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  const ends = [
    { ...anEnd, attempt: "01-1", issue: 1, outcome: "refused", endedAt: minutesAgo(61) },
    { ...anEnd, attempt: "01-2", issue: 2, outcome: "refused", endedAt: minutesAgo(59) },
    { ...anEnd, attempt: "01-3", issue: 3, outcome: "refused", endedAt: minutesAgo(58) },
    { ...anEnd, attempt: "01-4", issue: 3, outcome: "failed", endedAt: minutesAgo(57) },
    { ...anEnd, attempt: "01-5", issue: 4, outcome: "failed", endedAt: "2020-01-01T00:00:00.000Z" },
  ];
  mkdirSync(store.paths.control, { recursive: true });
  writeFileSync(store.paths.history, ends.map((end) => `${JSON.stringify(end)}\n`).join(""), { mode: 0o600 });
  expect([...refusedLately({ store })]).toEqual(["acme/site#2"]);
});
