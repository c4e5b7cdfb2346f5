/** A hostile program inside the real bubblewrap, as root and as an ordinary user. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { everybody, type SmallFleet, smallFleet } from "./inside.ts";

describe.each(everybody)("as %s", (who) => {
  let fleet: SmallFleet;
  beforeAll(() => {
    fleet = smallFleet(who);
  });
  afterAll(() => fleet.remove());

  test("works in its clone, with its identity", async () => {
    const { code, out, err } = await fleet.run(
      "pwd && echo hello > a.txt && git init -q . && git add a.txt && git commit -q -m x && git log --format='%an %ae' && id -u && hostname",
    );
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.split("\n").slice(0, 2)).toEqual([fleet.cwd, "W w@example.com"]);
    expect(out).toContain("worker\n");
    expect(readFileSync(join(fleet.cwd, "a.txt"), "utf8")).toBe("hello\n");
  });

  test("A44, A51: reads no secret", async () => {
    const root = join(fleet.base, "workers");
    const { out } = await fleet.run(`
      cat ${root}/02/secret ${root}/.fleet/01/secrets.json ${fleet.operator}/.ssh/id_ed25519 2>/dev/null
      ls -d ${root}/02 ${root}/.fleet/01/secrets.json ${fleet.operator}/.ssh /root/.??* /work /srv /home/* 2>/dev/null
      cat /etc/shadow /etc/gshadow /proc/1/environ 2>/dev/null | grep -a 'root:\\|SECRET'
      ls -A /etc/ssh /run /var/tmp; ls -A ${root}; ls -A ${fleet.base}`);
    expect(out).not.toContain("SECRET");
    expect(out).not.toContain("root:");
    expect(out.split("\n").filter((line) => line.startsWith("/") && !line.endsWith(":"))).toEqual([]);
    // Of the fleet only this HOME and the way to the control folder of this attempt.
    expect(out.split("\n").slice(-5)).toEqual([".fleet", "01", "operator", "workers", ""]);
  });

  test("A44: of /etc it has what everybody may read", async () => {
    const { out } = await fleet.run(`find /etc -type f ! -perm -o=r -size +0c -exec head -c 1 {} \\; -print 2>/dev/null
      find /etc -type d ! -perm -o=rx ! -empty -exec ls -A {} \\; -print 2>/dev/null; wc -c < /etc/passwd`);
    const lines = out.trim().split("\n");
    expect(Number(lines.at(-1))).toBeGreaterThan(0);
    expect(lines.slice(0, -1)).toEqual([]);
  });

  test("A17: reads the policy of its attempt and can't change it", async () => {
    const { out } =
      await fleet.run(`cat ${fleet.control}/policy.json; (echo x > ${fleet.control}/policy.json) 2>/dev/null || echo no;
      (rm -rf ${fleet.control}) 2>/dev/null || echo no; (: > ${fleet.control}/new) 2>/dev/null || echo no`);
    expect(out).toBe("{}\nno\nno\nno\n");
    expect(readdirSync(fleet.control)).toEqual(["policy.json"]);
  });

  test("A43: changes nothing outside HOME", async () => {
    const { out } =
      await fleet.run(`for place in / /etc /usr /usr/bin /usr/local/bin /bin /opt /home /root /var ${fleet.operator} ${fleet.base}/workers \\
        ${fleet.base}/workers/.fleet ${fleet.base}/workers/.fleet/01; do
      (: > $place/cw-planted) 2>/dev/null && echo "wrote $place"; mkdir $place/cw-planted 2>/dev/null && echo "made $place"
      done; (: > /etc/passwd) 2>/dev/null && echo passwd; echo tried; ls -A /tmp /var/tmp`);
    expect(out.split("\n")[0]).toBe("tried");
  });

  test("scratch space is its own and gone afterwards", async () => {
    expect((await fleet.run("echo x > /tmp/cw-scratch && cat /tmp/cw-scratch && echo y > /dev/null")).out).toBe("x\n");
    expect(existsSync("/tmp/cw-scratch")).toBe(false);
  });

  const attacks: [string, string][] = [
    ["write", "echo '{\"evil\":1}' > .claude/settings.json"],
    ["append", "echo evil >> .gitconfig"],
    ["remove", "rm -f .claude/settings.json"],
    ["rename away", "mv .claude/settings.json .claude/x"],
    ["rename over", "echo evil > x && mv x .claude/settings.json"],
    ["rename the folder", "mv .claude .moved && mkdir .claude && echo evil > .claude/settings.json"],
    ["rename the folder of the folder", "mv .config .moved && mkdir -p .config/git && echo evil > .config/git/config"],
    ["remove the folder", "rm -rf .claude && mkdir .claude && echo evil > .claude/settings.json"],
    ["link over", "echo evil > x && ln -f x .claude/settings.json"],
    ["write through a hard link", "ln .claude/settings.json y && echo evil > y"],
    ["symbolic link over", "ln -sfn /tmp .claude/hooks && test -L .claude/hooks"],
    ["change the mode", "chmod 666 .claude/settings.json && echo evil > .claude/settings.json"],
    ["unmount", "umount .claude/settings.json || umount -l .claude"],
    ["remount", "mount -o remount,rw,bind .claude/settings.json && echo evil > .claude/settings.json"],
    [
      "unmount as root of a namespace",
      "unshare -Urm sh -c 'umount -l .claude/settings.json && echo evil > .claude/settings.json'",
    ],
    [
      "remount as root of a namespace",
      "unshare -Urm sh -c 'mount -o remount,rw,bind .claude/settings.json && echo evil > .claude/settings.json'",
    ],
    [
      "rename as root of a namespace",
      "unshare -Urm sh -c 'mv .claude .moved && mkdir .claude && echo evil > .claude/settings.json'",
    ],
    ["make what is not there: .bashrc", "echo evil > .bashrc"],
    ["make what is not there: .zshenv", "echo evil > x && mv x .zshenv"],
    ["make what is not there: a hook", "echo evil > .claude/hooks/x"],
    ["make what is not there: .ssh", "rmdir .ssh && mkdir .ssh && echo evil > .ssh/config"],
    ["another way of writing it", "echo evil > ./github/../.claude/../.gitconfig"],
    ["by /proc", "echo evil > /proc/self/root$HOME/.gitconfig"],
  ];
  test.each(attacks)("A18: can't change its protected files: %s", async (_, script) => {
    const { code } = await fleet.run(`cd && (${script}) 2>/dev/null`);
    expect(code).not.toBe(0);
    expect(readFileSync(join(fleet.home, ".claude/settings.json"), "utf8")).toBe("{}\n");
    expect(readFileSync(join(fleet.home, ".gitconfig"), "utf8")).not.toContain("evil");
    for (const name of [".bashrc", ".zshenv"]) expect(readFileSync(join(fleet.home, name), "utf8")).toBe("");
    for (const name of [".claude/hooks", ".ssh"]) expect(readdirSync(join(fleet.home, name))).toEqual([]);
    expect(readdirSync(join(fleet.home, ".config/git"))).toEqual(["ignore"]);
    expect(existsSync(join(fleet.home, ".moved"))).toBe(false);
  });

  test("A54, A55: has no capability, no new privileges, no host process, no terminal", async () => {
    const { out } = await fleet.run(`grep -E '^(CapEff|CapPrm|CapAmb|NoNewPrivs)' /proc/self/status
      ls -d /proc/[0-9]* | wc -l; kill -0 ${process.pid} 2>/dev/null && echo "sees us"
      (: > /dev/tty) 2>/dev/null && echo terminal; (echo x > /proc/sys/kernel/hostname) 2>/dev/null && echo sysctl
      [ -w /proc/sys/kernel/core_pattern ] && echo core_pattern; [ -w /proc/sysrq-trigger ] && echo sysrq
      mknod /tmp/d b 8 0 2>/dev/null && echo device; mount -t tmpfs none /tmp 2>/dev/null && echo mount; :`);
    const lines = out.trim().split("\n");
    expect(lines.slice(0, 4).map((line) => line.split("\t"))).toEqual([
      ["CapPrm:", "0000000000000000"],
      ["CapEff:", "0000000000000000"],
      ["CapAmb:", "0000000000000000"],
      ["NoNewPrivs:", "1"],
    ]);
    expect(Number(lines[4])).toBeLessThan(8);
    expect(lines.slice(5)).toEqual([]);
  });

  test("A52, A53: has its three descriptors and the environment that it was given", async () => {
    const { out } = await fleet.run("ls /proc/$$/fd; env | cut -d= -f1 | sort");
    expect(out.split("\n")).toEqual(["0", "1", "2", "HOME", "PATH", "PWD", ""]);
  });

  test("A50: its environment is in no argv that others can read", async () => {
    const { process: child, info } = fleet.start({
      argv: ["/bin/sh", "-c", "echo ready; read -r _"],
      env: { PATH: "/usr/bin:/bin", ANTHROPIC_API_KEY: "sk-canary" },
      cwd: fleet.cwd,
    });
    const first = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(first.value)).toBe("ready\n");
    const pid = info()["child-pid"];
    for (const one of [child.pid, pid]) expect(readFileSync(`/proc/${one}/cmdline`, "utf8")).not.toContain("canary");
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toContain("sk-canary");
    child.stdin.end();
    await child.exited;
  });

  test("A44: a place that is hidden inside something shown is hidden", async () => {
    const { out } = await fleet.run(
      `ls -A ${fleet.base} ${fleet.operator}; cat ${fleet.base}/workers/02/secret; cd && ls .claude/settings.json`,
      {
        readOnly: [fleet.base],
      },
    );
    expect(out).toBe(`${fleet.base}:\noperator\nworkers\n\n${fleet.operator}:\n.claude/settings.json\n`);
  });
});
