/** scripts/setup-vps for real: as root, with a /usr/local, /etc and /home of its own that vanish with it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installed } from "../support/installed.ts";

const script = join(import.meta.dir, "../../scripts/setup-vps");
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const layered = ["/usr/local", "/etc", "/home"];

let folder: string;
let overlays = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cw-setup-"));
  mkdirSync(join(folder, "layers"));
  overlays = [
    `mount -t tmpfs none '${folder}/layers'`,
    ...layered.flatMap((place, at) => [
      `mkdir -p '${folder}/layers/${at}/up' '${folder}/layers/${at}/work'`,
      `mount -t overlay -o lowerdir=${place},upperdir='${folder}/layers/${at}/up',workdir='${folder}/layers/${at}/work' none ${place}`,
    ]),
  ].join(" && ");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Where npm is told where its cache and registry are. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(?:HOME|https?_proxy|no_proxy|npm_config_.*)$/i.test(name)),
) as Record<string, string>;
const inside = (command: string) =>
  Bun.spawnSync(["unshare", "--mount", "/bin/sh", "-c", `${overlays} && ${command}`], {
    cwd: "/",
    env: { ...env, PATH: path },
    timeout: 200_000,
  });

test("at most 60 lines of POSIX shell", () => {
  expect(readFileSync(script, "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(60);
  expect(Bun.spawnSync(["/bin/sh", "-n", script]).exitCode).toBe(0);
});

const why =
  process.getuid?.() !== 0
    ? "only root can set a machine up"
    : ["node", "npm", "crontab", "unshare"].some((name) => Bun.which(name, { PATH: path }) === null)
      ? "node, npm, cron or unshare is missing, and a test installs no packages on this machine"
      : !canLayer()
        ? "no overlay mounts here"
        : null;
if (why) test.skip(`setup-vps: ${why}`, () => {});

describe.skipIf(why !== null)("setup-vps", () => {
  test("refuses root as the user, and to run without a user or as somebody else", () => {
    const run = (...argv: string[]) => Bun.spawnSync(argv, { env: { PATH: path } });
    expect(run("/bin/sh", script, "root").exitCode).toBe(2);
    expect(run("/bin/sh", script).exitCode).not.toBe(0);
    const other = run("setpriv", "--reuid=65534", "--clear-groups", "/bin/sh", "-c", `. '${script}'`, "x");
    expect(other.exitCode).not.toBe(0);
  });

  test("a user who was not there has a fleet's program on the PATH of ssh; again does no harm", async () => {
    const { tarball } = await installed();
    // Claude Code itself is 200 MB and not what is tested.
    const claude = join(folder, "claude");
    writeFileSync(claude, "#!/bin/sh\necho '2.1.329 (Claude Code)'\n", { mode: 0o755 });
    const asUser = `setpriv --reuid="$(id -u newcomer)" --regid="$(id -g newcomer)" --init-groups env -i HOME=/home/newcomer PATH=/usr/local/bin:/usr/bin:/bin`;
    const done = inside(
      [
        `cp '${claude}' /usr/local/bin/claude`,
        // Its daemon and its services are this machine's.
        `ln -s /bin/true /usr/local/bin/service && ln -s /bin/true /usr/local/bin/systemctl && ln -s /bin/true /usr/local/bin/loginctl`,
        `/bin/sh '${script}' newcomer '${tarball}'`,
        `/bin/sh '${script}' newcomer '${tarball}'`,
        "echo == && ls -ld /home/newcomer && readlink -e /usr/local/bin/cw",
        `${asUser} cw --version`,
        `${asUser} cw status`,
        `{ ${asUser} cw doctor --json || true; }`,
      ].join(" && "),
    );
    const [said = "", after = ""] = done.stdout.toString().split("==\n");
    expect(done.stderr.toString()).toBe("");
    expect(done.exitCode).toBe(0);
    expect(said.match(/useradd newcomer/g)).toHaveLength(1);
    expect(said).toMatch(/cw \d+\.\d+\.\d+ is ready\. Left to do, as newcomer/);
    expect(after).toContain(" newcomer newcomer ");
    expect(after).toContain("no workers in /home/newcomer/workers (cw init 01)");
    const checks = JSON.parse(after.slice(after.indexOf("["))) as { name: string; state: string }[];
    expect(checks.find(({ name }) => name === "git")?.state).toBe("ok");
    expect(checks.find(({ name }) => name === "agent claude")?.state).toBe("ok");
  }, 400_000);
});

function canLayer(): boolean {
  const attempt =
    "mount -t tmpfs none /mnt && mkdir /mnt/up /mnt/work && mount -t overlay -o lowerdir=/etc,upperdir=/mnt/up,workdir=/mnt/work none /etc";
  return Bun.spawnSync(["unshare", "--mount", "/bin/sh", "-c", attempt], { env: { PATH: path } }).exitCode === 0;
}
