/** A real crontab and a real cron, under an ordinary user, with the program as it is installed. Needs root: cron does. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { type OrdinaryUser, ordinaryUser } from "../support/user.ts";

const path = "/usr/sbin:/usr/bin:/sbin:/bin";
const why =
  process.getuid?.() !== 0
    ? "only root can start cron and has a user to spare"
    : ["cron", "crontab"].some((name) => Bun.which(name, { PATH: path }) === null)
      ? "cron is not installed"
      : null;
if (why) test.skip(`cron: ${why}`, () => {});

/** The same times, whether or not the first of them has come meanwhile. */
const soon = (next: readonly string[]) => {
  expect(next).toHaveLength(5);
  return expect.arrayContaining(next.slice(1));
};
const others = "# kept by hand \xe9\nMAILTO=nobody\n\n0 4 * * 1 /bin/true 100\\%\n";

describe.skipIf(why !== null)("cron", () => {
  let user: OrdinaryUser;
  let fleet: TestFleet;

  beforeAll(async () => {
    user = ordinaryUser();
    fleet = await testFleet({ workers: ["01"], asUser: user, installed: true, isolation: "none" });
    fleet.configure({ repos: { "acme/site": {} } });
  }, 120_000);
  afterAll(async () => {
    await fleet?.close();
  }, 60_000);
  afterEach(() => setCrontab(null));

  const crontab = (args: string[], stdin?: Uint8Array) =>
    Bun.spawnSync(user.as(["/usr/bin/crontab", ...args]), { env: { PATH: path }, ...(stdin ? { stdin } : {}) });
  const setCrontab = (latin1: string | null) =>
    latin1 === null ? crontab(["-r"]) : crontab(["-"], Buffer.from(latin1, "latin1"));
  const getCrontab = () => crontab(["-l"]).stdout.toString("latin1");

  test("show, install, install again, change, remove: other lines stay to the byte", async () => {
    setCrontab(others);
    expect(await fleet.cw(["cron", "show"])).toMatchObject({ code: 0, stdout: "not installed (cw cron install)\n" });

    const first = await fleet.cw(["cron", "install", "--json"]);
    expect(first.stderr).toBe("");
    const installed = first.json();
    const running = Bun.spawnSync(["pgrep", "-x", "cron"], { env: { PATH: path } }).exitCode === 0;
    const remarks = running ? [] : ["no cron daemon seems to run: service cron start, as root"];
    expect(installed).toMatchObject({ by: "cron", changed: true, remarks });
    expect(installed.next).toHaveLength(5);
    for (const time of installed.next) expect(new Date(time).getTime() % 300_000).toBe(0);
    expect(getCrontab()).toBe(`${others}${installed.entries[0]}\n`);
    expect(lstatSync(installed.log).mode & 0o777).toBe(0o600);
    expect(lstatSync(installed.log).uid).toBe(user.uid);

    const again = await fleet.cw(["cron", "install", "--every", "5m"]);
    expect(again.stdout).toContain("installed already, unchanged (cron):");
    expect(getCrontab()).toBe(`${others}${installed.entries[0]}\n`);

    const changed = (await fleet.cw(["cron", "install", "--cron", "0 9 * * mon", "--json"])).json();
    expect(getCrontab()).toBe(`${others}${changed.entries[0]}\n`);
    expect(changed.entries[0]).toStartWith("0 9 * * mon /usr/bin/find ");
    const shown = { ...changed, changed: false, remarks: [], next: soon(changed.next) };
    expect((await fleet.cw(["cron", "show", "--json"])).json()).toEqual(shown);

    expect((await fleet.cw(["cron", "remove", "--json"])).json()).toMatchObject({ by: null, changed: true });
    expect(getCrontab()).toBe(others);
    const nothing = await fleet.cw(["cron", "remove"]);
    expect(nothing).toMatchObject({ code: 0, stdout: "nothing of this fleet was installed\n" });
  }, 120_000);

  /** As systemd answers, where it does; what it runs is a file. */
  const fakeSystemctl = () => {
    const bin = join(fleet.folder, "systemd");
    const program = join(bin, "systemctl");
    mkdirSync(bin);
    chmodSync(bin, 0o777);
    writeFileSync(
      program,
      `#!/bin/sh
[ -e "$0.refuses" ] && { echo "Failed to connect to bus" >&2; exit 1; }
case $2 in
  enable) cat "$HOME/.config/systemd/user/$4" > "$0.active" ;;
  disable) rm -f "$0.active" ;;
  is-active) [ -e "$0.active" ] ;;
esac
`,
      { mode: 0o755 },
    );
    return {
      env: { PATH: `${bin}:${fleet.env["PATH"]}` },
      active: `${program}.active`,
      refuse: () => writeFileSync(`${program}.refuses`, ""),
      obey: () => rmSync(`${program}.refuses`),
    };
  };

  test("a systemd timer instead: no line beside it once it runs, and all as it was where it does not", async () => {
    const systemd = fakeSystemctl();
    const { env, active } = systemd;
    const install = (every: string, ...more: string[]) =>
      fleet.cw(["cron", "install", "--systemd", "--every", every, ...more], { env });
    const checked = async () =>
      (await fleet.cw(["doctor", "--json"], { env }))
        .json()
        .find(({ name }: { name: string }) => name === "cron") as object;
    const line = (await fleet.cw(["cron", "install", "--json"])).json().entries[0];
    systemd.refuse();
    const refused = await install("10m");
    expect([refused.code, refused.stdout]).toEqual([5, ""]);
    expect(refused.stderr).toStartWith(
      "systemd does not run the timer, all is as it was: Failed to connect to bus (hint: ",
    );
    expect(getCrontab()).toBe(`${line}\n`);
    expect((await fleet.cw(["cron", "show", "--json"], { env })).json()).toMatchObject({ by: "cron", entries: [line] });

    systemd.obey();
    const timer = (await install("10m", "--json")).json();
    expect(timer).toMatchObject({ by: "systemd", changed: true });
    expect(getCrontab()).toBe("");
    const [timerFile, serviceFile] = timer.entries as [string, string];
    expect(readFileSync(timerFile, "utf8")).toContain("OnCalendar=*-*-* *:0,10,20,30,40,50:00");
    expect(readFileSync(active, "utf8")).toBe(readFileSync(timerFile, "utf8"));
    expect(readFileSync(serviceFile, "utf8")).toContain("KillMode=process");
    expect((await install("10m", "--json")).json().changed).toBe(false);
    const shown = (await fleet.cw(["cron", "show", "--json"], { env })).json();
    expect(shown).toMatchObject({ by: "systemd", next: soon(timer.next), remarks: [] });
    expect(await checked()).toMatchObject({ state: "ok", detail: expect.stringContaining("by systemd, next at ") });

    systemd.refuse();
    expect((await install("20m")).code).toBe(5);
    expect(readFileSync(timerFile, "utf8")).toContain("OnCalendar=*-*-* *:0,10,20,30,40,50:00");
    systemd.obey();
    rmSync(active);
    const idle = (await fleet.cw(["cron", "show", "--json"], { env })).json();
    const remark = "the timer is not active: nothing is started by it";
    expect(idle).toMatchObject({ by: "systemd", next: [], remarks: [remark] });
    expect(await checked()).toMatchObject({ state: "warning", detail: remark, hint: "cw cron install --systemd" });

    const removed = (await fleet.cw(["cron", "remove", "--json"], { env })).json();
    expect(removed.entries).toEqual([timerFile, serviceFile]);
    expect([timerFile, serviceFile].filter(existsSync)).toEqual([]);
    // Nor does a machine without systemd leave anything behind.
    const without = await fleet.cw(["cron", "install", "--systemd"]);
    if (!existsSync(`/run/user/${user.uid}`)) expect([without.code, existsSync(timerFile)]).toEqual([5, false]);
    await fleet.cw(["cron", "remove"]);
  }, 120_000);

  test("mistakes and a machine without cron", async () => {
    for (const args of [["instal"], ["install", "--every", "7m"], ["install", "--cron", "x"], ["show", "--systemd"]])
      expect((await fleet.cw(["cron", ...args])).code).toBe(2);
    const empty = join(fleet.folder, "empty");
    mkdirSync(empty, { recursive: true });
    symlinkSync("/usr/bin/readlink", join(empty, "readlink"));
    const without = await fleet.cw(["cron", "install"], { env: { PATH: empty } });
    expect(without).toMatchObject({
      code: 5,
      stderr: "cron is not installed (hint: apt-get install cron, or --systemd)\n",
    });
    expect((await fleet.cw(["cron", "install"], { env: { CW_ROOT: join(fleet.folder, "none") } })).code).toBe(3);
  }, 120_000);

  test("cron fires assign; a tick that runs keeps others away", async () => {
    const issue = fleet.repo.openIssue({ title: "Say hello", body: "Please." });
    // Held by another tick before there is a line: whichever minute comes first, cron starts nothing.
    const lock = join(fleet.root, ".fleet/locks/cron");
    const held = join(fleet.folder, "held");
    Bun.spawnSync(user.as(["/bin/mkdir", "-p", "-m", "700", dirname(lock)]), { env: { PATH: path } });
    const holder = Bun.spawn(user.as(["/usr/bin/flock", lock, "/bin/sh", "-c", `touch '${held}'; exec cat`]), {
      env: { PATH: path },
      stdio: ["pipe", "ignore", "ignore"],
    });
    await until("the lock is held", () => existsSync(held) || null);
    // Before the daemon starts: it goes by whole seconds, and what changes in the second of its first look it never sees.
    const installed = (await fleet.cw(["cron", "install", "--every", "1m", "--json"])).json();
    // Debian's own pid file and spool are the machine's: a cron that runs already serves as well.
    const running = Bun.spawnSync(["pgrep", "-x", "cron"], { env: { PATH: path } }).exitCode === 0;
    const daemon = running
      ? null
      : Bun.spawn(["/usr/sbin/cron", "-f"], { env: { PATH: path }, stdio: ["ignore", "ignore", "ignore"] });
    try {
      const line = String(installed.entries[0]).split(" ").slice(5).join(" ").replaceAll("\\%", "%");
      const skipped = Bun.spawnSync(user.as(["/bin/sh", "-c", line]), {
        env: { HOME: user.home, PATH: "/usr/bin:/bin" },
      });
      expect(String(skipped.stdout) + String(skipped.stderr)).toBe("");
      expect(readFileSync(installed.log, "utf8")).toBe("");
      await holder.stdin.end();
      await holder.exited;

      const said = await until(
        "cron runs assign",
        () => /is on acme\/site#.*/.exec(readFileSync(installed.log, "utf8"))?.[0],
        100_000,
      );
      expect(said).toContain(`acme/site#${issue}`);
      // With cron running there is nothing to remark on.
      expect((await fleet.cw(["cron", "install", "--every", "1m", "--json"])).json()).toMatchObject({
        changed: false,
        remarks: [],
      });
      const end = await fleet.ended("01", 1, 60_000);
      expect(end).toMatchObject({ outcome: "delivered", issue });
      await fleet.cw(["cron", "remove"]);
      expect(lstatSync(installed.log).mode & 0o777).toBe(0o600);
    } finally {
      await holder.stdin.end();
      await holder.exited;
      setCrontab(null);
      daemon?.kill("SIGTERM");
      await daemon?.exited;
    }
  }, 240_000);
});
