/** A terminal as a worker. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type TestFleet, testFleet } from "../support/fleet.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await testFleet({ workers: ["01", "02"] });
});
afterAll(async () => await fleet?.close());

test("has the worker's HOME and environment, not the operator's, and passes the exit code on", async () => {
  const script = 'echo "HOME=$HOME"; echo "token=$GH_TOKEN"; ls -a ..; cat .gitconfig; exit 7';
  const ran = await fleet.cw(["shell", "01", "--", "/bin/sh", "-c", script]);
  expect(ran.code).toBe(7);
  expect(ran.stdout).toContain(`HOME=${join(fleet.root, "01")}\ntoken=\n`);
  expect(ran.stdout).toContain("worker-01@");
  expect(ran.stdout).not.toContain("02");
}, 60_000);

test("A18: can't change what the next attempt starts from", async () => {
  const script = "echo x >> .claude/settings.json; echo x > .bashrc; mv .claude other; echo done";
  const ran = await fleet.cw(["shell", "01", "--", "/bin/sh", "-c", script]);
  expect(ran.stdout).toContain("done");
  expect(ran.stderr).toContain("Read-only");
}, 60_000);

test("runs the fleet's own claude by that name", async () => {
  const ran = await fleet.cw(["shell", "01", "--", "claude", "--version"]);
  expect([ran.code, ran.stdout]).toEqual([0, "2.1.329 (Claude Code)\n"]);
}, 60_000);

test("is refused while an agent lives there, and for a worker that is none", async () => {
  expect((await fleet.cw(["dispatch", "-r", "acme/site", "-w", "02", "-p", "[[scenario:silent]]"])).code).toBe(0);
  const busy = await fleet.cw(["shell", "02", "--", "true"]);
  expect(busy.code).toBe(4);
  expect((await fleet.cw(["stop", "02"])).code).toBe(0);
  expect((await fleet.cw(["shell", "07"])).code).toBe(3);
}, 60_000);
