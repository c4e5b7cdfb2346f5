/** What can't be noted is not left behind its gate. */
import { expect, test } from "bun:test";
import { startNoted } from "../../src/fleet/start-noted.ts";
import { gated, startChild } from "../../src/system/child.ts";
import { newFolder } from "../system/folder.ts";
import { alive } from "../system/processes.ts";

const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });

test.each(["noted", "used"])("a disk that is full when it is %s: it is dead when the error is told", async (when) => {
  const folder = newFolder();
  const cookie = crypto.randomUUID();
  const fail = () => {
    throw full;
  };
  const attempts = { recordStarted: when === "noted" ? fail : () => {} };
  const attempt = { fleet: { store: { attempts } }, task: { worker: "01", n: 1, cookie } } as never;
  const env = { PATH: "/usr/bin:/bin", CW_ATTEMPT_COOKIE: cookie };
  const start = () => startChild(gated({ argv: ["/bin/sleep", "100"], env, cwd: folder.path }), folder.in("info"));
  expect(await startNoted(attempt, start, async () => fail()).catch((error) => error)).toBe(full);
  expect(alive(cookie)).toEqual([]);
  folder.remove();
});
