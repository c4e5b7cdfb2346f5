import { describe, expect, test } from "bun:test";
import { bubblewrap } from "../../src/isolation/bubblewrap.ts";
import type { Space } from "../../src/isolation/isolation.ts";
import type { SystemFolders } from "../../src/isolation/system-folders.ts";
import { proxyVariables } from "../../src/model/egress.ts";

const system: SystemFolders = {
  bwrap: "/usr/bin/bwrap",
  root: false,
  processor: "x64",
  visible: ["/bin", "/etc", "/usr"],
  masked: ["/etc/shadow"],
  maskedFolders: ["/etc/ssh"],
  resolver: null,
  sockets: [],
};
const space: Space = {
  home: "/home/op/workers/01",
  hidden: ["/home/op", "/home/op/workers"],
  readOnly: ["/home/op/.bun/bin/bun"],
  protect: ["/home/op/workers/01/.claude/settings.json", "/home/op/workers/01/.ssh/"],
};
const command = {
  argv: ["/opt/claude", "-p"] as const,
  env: { HOME: "/home/op/workers/01", ANTHROPIC_API_KEY: "sk-secret" },
  cwd: "/home/op/workers/01/github/acme/site",
};
const wrap = (more: Partial<Space> = {}, machine: Partial<SystemFolders> = {}) =>
  bubblewrap({ ...system, ...machine }).wrap(command, { ...space, ...more });
const has = (argv: readonly string[], ...part: string[]) => ` ${argv.join(" ")} `.includes(` ${part.join(" ")} `);

test("the whole command", () => {
  expect(wrap().argv).toEqual([
    "/usr/bin/bwrap",
    ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--unshare-net"],
    ...["--cap-drop", "ALL"],
    ...["--die-with-parent", "--hostname", "worker", "--info-fd", "3", "--new-session", "--seccomp", "4"],
    ...["--ro-bind", "/bin", "/bin", "--ro-bind", "/etc", "/etc", "--ro-bind", "/usr", "/usr"],
    ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--tmpfs", "/var/tmp"],
    ...["--ro-bind", "/dev/null", "/etc/shadow", "--tmpfs", "/etc/ssh", "--remount-ro", "/etc/ssh"],
    ...["--bind", "/home/op/workers/01", "/home/op/workers/01"],
    ...["--ro-bind", "/home/op/.bun/bin/bun", "/home/op/.bun/bin/bun"],
    ...["--bind", "/home/op/workers/01/.claude", "/home/op/workers/01/.claude"],
    ...["--ro-bind", "/dev/null", "/home/op/workers/01/.claude/settings.json"],
    ...["--ro-bind-try", "/home/op/workers/01/.claude/settings.json", "/home/op/workers/01/.claude/settings.json"],
    ...["--dir", "/home/op/workers/01/.ssh", "--ro-bind-try", "/home/op/workers/01/.ssh", "/home/op/workers/01/.ssh"],
    ...["--remount-ro", "/", "--chdir", "/home/op/workers/01/github/acme/site", "--", "/opt/claude", "-p"],
  ]);
});

test("hands the environment on without showing it, and says where the pid is told", () => {
  const wrapped = wrap();
  expect(wrapped.env).toEqual(command.env);
  expect(wrapped.argv.join(" ")).not.toContain("sk-secret");
  expect(wrapped).toMatchObject({ cwd: "/", infoFd: 3 });
  expect(bubblewrap(system)).toMatchObject({ name: "bubblewrap", pidNamespace: true });
});

test("is the same each time, and a gate comes first of all that starts inside", () => {
  expect(wrap()).toEqual(wrap());
  const gate = ["/bin/sh", "-c", 'IFS= read -r go && [ "$go" = go ] && exec "$@"', "gate"] as const;
  const gated = bubblewrap(system).wrap({ ...command, gate }, space);
  expect(gated.argv.slice(-7)).toEqual(["--", ...gate, ...command.argv]);
  const forwards = [{ port: 3128, socket: "/home/op/egress.sock" }];
  const beside = bubblewrap(system, { argv: ["/opt/bun"], needs: [] }).wrap(
    { ...command, gate },
    { ...space, forwards },
  );
  const from = beside.argv.indexOf("--") + 1;
  expect(beside.argv.slice(from, from + gate.length)).toEqual([...gate]);
  expect(beside.argv.indexOf("forward")).toBeGreaterThan(from + gate.length);
  expect([gated.gate, beside.gate]).toEqual([undefined, undefined]);
});

describe("forwards", () => {
  const forwards = [{ port: 3128, socket: "/home/op/workers/.fleet/01/attempts/0007/egress.sock" }];
  const forwarder = { argv: ["/opt/bun", "/opt/cw/forwarder.js"], needs: ["/opt/bun", "/opt/cw"] };
  const wrapped = bubblewrap(system, forwarder).wrap(command, { ...space, forwards });

  test("show the socket, start what leads to it first, and say where the proxy is", () => {
    const shown = "/run/claude-workers/3128.sock";
    expect(has(wrapped.argv, "--ro-bind", forwards[0]?.socket ?? "", shown)).toBe(true);
    expect(has(wrapped.argv, "--ro-bind", "/opt/cw", "/opt/cw")).toBe(true);
    const words = ["forward", "/opt/bun", "/opt/cw/forwarder.js", `3128=${shown}`, "/opt/claude", "-p"];
    expect(wrapped.argv.slice(-words.length)).toEqual(words);
    expect(wrapped.env).toEqual({ ...command.env, ...proxyVariables });
  });
  test("are not forgotten where nothing can forward", () => {
    expect(() => bubblewrap(system).wrap(command, { ...space, forwards })).toThrow("no forwarder");
  });
});

test("as root /proc is read-only", () => {
  expect(has(wrap({}, { root: true }).argv, "--remount-ro", "/proc")).toBe(true);
  expect(has(wrap({}, { root: false }).argv, "--remount-ro", "/proc")).toBe(false);
});

test("a resolver outside /etc is shown, that file alone", () => {
  const file = "/run/systemd/resolve/stub-resolv.conf";
  const { argv } = wrap({}, { resolver: file });
  expect(has(argv, "--tmpfs", "/run")).toBe(true);
  expect(argv.indexOf(file)).toBeGreaterThan(argv.indexOf("/run"));
});

describe("hidden places", () => {
  test("that are not shown anyway need nothing", () => {
    expect(has(wrap().argv, "--tmpfs", "/home/op")).toBe(false);
  });
  test.each([
    ["a system folder", { hidden: ["/usr/local/fleet"], home: "/usr/local/fleet/01", protect: [] }],
    ["scratch space", { hidden: ["/tmp/fleet"], home: "/tmp/fleet/01", protect: [] }],
    ["what is shown", { hidden: ["/srv/cw/fleet"], home: "/srv/cw/fleet/01", readOnly: ["/srv/cw"], protect: [] }],
  ] as [string, Partial<Space> & Pick<Space, "hidden" | "home">][])(
    "inside %s are covered, and HOME is put on top",
    (_, more) => {
      const { argv } = wrap(more);
      const text = argv.join(" ");
      const cover = text.indexOf(`--tmpfs ${more.hidden[0]} `);
      expect(cover).toBeGreaterThan(0);
      expect(text.indexOf(`--bind ${more.home} ${more.home}`)).toBeGreaterThan(cover);
      expect(text.indexOf(`--remount-ro ${more.hidden[0]} `)).toBeGreaterThan(text.indexOf(`--bind ${more.home} `));
      for (const shown of more.readOnly ?? []) expect(text.indexOf(`--ro-bind ${shown} `)).toBeLessThan(cover);
    },
  );
  test("win over the same place shown", () => {
    const text = wrap({ hidden: ["/srv/x"], readOnly: ["/srv/x"] }).argv.join(" ");
    expect(text.indexOf("--tmpfs /srv/x ")).toBeGreaterThan(text.indexOf("--ro-bind /srv/x "));
  });
  test("do not swallow what is shown inside them", () => {
    const text = wrap({
      hidden: ["/tmp/f"],
      readOnly: ["/tmp/f/.fleet/01/control"],
      home: "/tmp/f/01",
      protect: [],
    }).argv.join(" ");
    expect(text.indexOf("--ro-bind /tmp/f/.fleet/01/control ")).toBeGreaterThan(text.indexOf("--tmpfs /tmp/f "));
  });
});

describe("sockets of services", () => {
  const masked = (path: string, more: Partial<Space> = {}) =>
    has(wrap(more, { sockets: [path] }).argv, "--ro-bind", "/dev/null", path);
  test.each([
    ["below a system folder", "/usr/lib/mysql.sock", {}, true],
    ["below what is shown", "/srv/cw/run/s", { readOnly: ["/srv/cw"] }, true],
    ["that are what is shown", "/srv/cw", { readOnly: ["/srv/cw"] }, true],
    [
      "below what is shown in a hidden place",
      "/usr/f/.fleet/p/s",
      { hidden: ["/usr/f"], readOnly: ["/usr/f/.fleet/p"] },
      true,
    ],
    ["in a hidden place", "/usr/f/s", { hidden: ["/usr/f"] }, false],
    ["in HOME", "/usr/f/01/s", { hidden: ["/usr/f"], home: "/usr/f/01", protect: [] }, false],
    ["in a masked folder", "/etc/ssh/agent", {}, false],
    ["where scratch space is", "/tmp/s", {}, false],
    ["that are not there anyway", "/run/docker.sock", {}, false],
    ["in a folder with a like name", "/usr2/s", {}, false],
  ] as [string, string, Partial<Space>, boolean][])("%s", (_, path, more, is) => {
    expect(masked(path, more)).toBe(is);
  });
  test("are masked after what would show them", () => {
    const text = wrap({ readOnly: ["/srv/cw"] }, { sockets: ["/srv/cw/s"] }).argv.join(" ");
    expect(text.indexOf("--ro-bind /dev/null /srv/cw/s ")).toBeGreaterThan(text.indexOf("--ro-bind /srv/cw /srv/cw "));
  });
});

test("what is to be protected has to be below HOME", () => {
  expect(() => wrap({ protect: ["/home/op/workers/02/.claude/settings.json"] })).toThrow("not below");
});
