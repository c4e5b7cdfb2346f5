/** A terminal as a worker. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { held } from "../support/attack.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { onTerminal } from "../support/screen.ts";

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

test("A54: what runs inside has a terminal of its own, and can't type into the operator's", async () => {
  // TIOCSTI: as if somebody had typed it. `left` is what the operator's shell would run next.
  const type = 'require "sys/ioctl.ph" if 0; ioctl($_, 0x5412, my $c = "P") for (*STDIN, *STDOUT); print "tried\\n"';
  const inside = `cut -d' ' -f7 /proc/self/stat; tty; perl -e '${type}'; exit 5`;
  const outside = [
    "cut -d' ' -f7 /proc/self/stat",
    `${fleet.program} shell 01 -- /bin/sh -c "$INSIDE"`,
    "echo code=$?",
    "stty -a | grep -o -- ' -*icanon'",
    "IFS= read -r -t 1 left; echo left=$left.",
  ].join("\n");
  const screen = onTerminal(["/bin/bash", "-c", outside], {
    env: { ...fleet.env, INSIDE: inside },
    cwd: fleet.folder,
    columns: 120,
  });
  await screen.exited;
  const lines = screen.lines().filter((line) => line !== "");
  expect(lines).toEqual([
    expect.stringMatching(/^\d+$/),
    expect.stringMatching(/^\d+$/),
    "/dev/console",
    expect.stringMatching(/^P*tried$/),
    "code=5",
    " icanon",
    "left=.",
  ]);
  expect(lines[1]).not.toBe(lines[0]);
  held("A54", 2, []);
}, 60_000);
