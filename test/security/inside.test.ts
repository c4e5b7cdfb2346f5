/** A program inside bubblewrap, as an ordinary user, that looks for a way out: reading, writing, privileges, the terminal. */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type SmallFleet, smallFleet } from "../isolation/inside.ts";
import { held } from "../support/attack.ts";

if (Bun.which("bwrap") === null) test.skip("bubblewrap is not installed", () => {});
else describe("inside", suite);

function suite(): void {
  let fleet: SmallFleet;
  beforeAll(() => {
    fleet = smallFleet("ordinary user");
    fleet.put(join(fleet.base, "workers/02/.claude/projects/x/session.jsonl"), "SECRET conversation of 02\n");
    fleet.put(join(fleet.base, "workers/02/.claude/.credentials.json"), "SECRET credential of 02\n");
    for (const name of [
      ".config/gh/hosts.yml",
      ".aws/credentials",
      ".netrc",
      ".git-credentials",
      ".npmrc",
      ".bash_history",
    ])
      fleet.put(join(fleet.operator, name), "SECRET of the operator\n");
  });
  afterAll(() => fleet.remove());

  /** Each try is a shell command that succeeds when the attack does. */
  async function tried(tries: readonly string[]): Promise<string[]> {
    const script = tries
      .map(
        (one, at) =>
          `( ${one} ) > /tmp/out 2>&1 && echo "ESCAPED ${at}"; grep -qa SECRET /tmp/out && echo "ESCAPED ${at}"`,
      )
      .join("\n");
    const { out } = await fleet.run(`${script}\necho all tried`);
    if (!out.endsWith("all tried\n")) return [`it ended early: ${out}`];
    return [...out.matchAll(/ESCAPED (\d+)/g)].map(([, at]) => tries[Number(at)] ?? "");
  }

  test("A44, A51: reading what is the operator's, another worker's, the fleet's", async () => {
    const root = join(fleet.base, "workers");
    const places = [
      ...[
        ".ssh/id_ed25519",
        ".config/gh/hosts.yml",
        ".aws/credentials",
        ".netrc",
        ".git-credentials",
        ".npmrc",
        ".bash_history",
      ].map((name) => `${fleet.operator}/${name}`),
      ...[
        `${root}/02/secret`,
        `${root}/02/.claude/.credentials.json`,
        `${root}/02/.claude/projects/x/session.jsonl`,
        `${root}/.fleet/01/secrets.json`,
      ],
      ...[
        "/etc/shadow",
        "/etc/gshadow",
        "/root/.bashrc",
        "/proc/kcore",
        "/dev/mem",
        "/dev/sda",
        "/etc/ssh/ssh_host_ed25519_key",
      ],
    ];
    const ways = [
      ...places.map((place) => `cat ${place}`),
      ...places.slice(0, 11).map((place) => `cat /proc/self/root${place}`),
      `cat /proc/1/root${root}/02/secret`,
      `cat /proc/${process.pid}/environ`,
      `ls /proc/${process.pid}/`,
      `cat ../../../../../02/secret`,
      `ln -s ${root}/02/secret l && cat l`,
      `ln ${root}/02/secret l2`,
      `cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -E '^(SSH_|GH_|AWS_|GITHUB_)'`,
    ];
    held("A44, A51", ways.length, await tried(ways));
  });

  test("A43: writing to the operator, other workers, the control folder, the supervisor", async () => {
    const root = join(fleet.base, "workers");
    const places = [
      "/",
      "/etc",
      "/usr",
      "/usr/bin",
      "/usr/local/bin",
      "/opt",
      "/var",
      "/var/spool/cron",
      "/home",
      "/root",
      "/srv",
      "/boot",
      "/sys",
      fleet.base,
      fleet.operator,
      root,
      `${root}/02`,
      `${root}/.fleet`,
      `${root}/.fleet/01`,
      fleet.control,
    ];
    const ways = [
      // The folder of the test lies in /tmp, which is scratch space inside.
      ...places.filter((place) => place !== fleet.base).map((place) => `: > ${place}/cw-planted`),
      `echo x > /proc/${process.pid}/mem`,
      `echo x > /proc/sys/kernel/core_pattern`,
      `echo 1 > /proc/sys/vm/drop_caches`,
      `echo x > /sys/kernel/uevent_helper`,
      `kill -9 ${process.pid}`,
      `kill -0 ${process.ppid}`,
      "mv ../../../../01 ../../../../03",
    ];
    const escaped = await tried(ways);
    for (const place of places) if (existsSync(join(place, "cw-planted"))) escaped.push(`${place} on the host`);
    if (readdirSync(join(fleet.base, "workers")).sort().join() !== ".fleet,01,02") escaped.push("the root has changed");
    held("A43", ways.length, escaped);
  });

  test("A55, A54: setuid, mounts, namespaces, devices, tracing, the terminal", async () => {
    const ways = [
      "su -c true </dev/null",
      "sudo -n true",
      "mount -t tmpfs none /mnt",
      "mount --bind / /tmp",
      "umount /usr",
      "mount -o remount,rw /",
      "mknod d b 8 0",
      "mknod c c 1 1",
      "chroot / true",
      `unshare -Urm sh -c 'mount -o remount,rw /usr && : > /usr/cw-planted'`,
      `unshare -Urm sh -c 'umount -l ${fleet.base}/workers && cat ${fleet.base}/workers/02/secret'`,
      `unshare -Urp --fork --mount-proc sh -c 'kill -9 ${process.pid}'`,
      "nsenter -t 1 -m true && nsenter -t 1 -m cat /etc/shadow",
      "cp /bin/sh s && chmod u+s s && chown 0 s",
      "setcap cap_sys_admin+ep /bin/true",
      "insmod x.ko",
      "bpftool prog list",
      "kexec -l /boot/vmlinuz",
      "dmesg --clear",
      "sysctl -w kernel.hostname=x",
      "date -s 2000-01-01",
      "chronyc makestep",
      "reboot -f",
      ": > /dev/tty",
      ": < /dev/tty",
      "test -t 0 || test -t 1 || test -t 2",
      "echo x > /dev/pts/0",
      "perl -e 'ioctl(STDIN, 0x5412, \"x\") or exit 1'",
      `gdb -p ${process.pid} --batch`,
      "grep -E '^CapEff:.*[1-9a-f]' /proc/self/status",
      "grep -E '^NoNewPrivs:.*0' /proc/self/status",
      "test \"$(ps -o sid= -p $$ | tr -d ' ')\" = 0",
      "crontab -l && crontab /dev/null",
      "at now </dev/null",
      "systemctl --user status",
      "loginctl",
    ];
    held("A55, A54", ways.length, await tried(ways));
  });
}
