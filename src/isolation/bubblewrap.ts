/**
 * Bubblewrap around the whole agent: its shell, its file tools, the voice server and whatever they start. An allow-list:
 * the root is empty, and what is not put there does not exist inside. docs/adr/0003-isolation.md has the reasons.
 */
import { dirname } from "node:path";
import type { Isolation, Space } from "./isolation.ts";
import type { SystemFolders } from "./system-folders.ts";

const infoFd = 3;
/** Empty, writable, and gone with the attempt. */
const scratch = ["/tmp", "/run", "/var/tmp"];

export function bubblewrap(system: SystemFolders): Isolation {
  return {
    name: "bubblewrap",
    pidNamespace: true,
    wrap(command, space) {
      const argv = [
        ...namespaces,
        ...(space.terminal ? [] : ["--new-session"]),
        ...machine(system),
        ...places(system, space),
        ...protection(space),
        "--remount-ro",
        "/",
        "--chdir",
        command.cwd,
        "--",
        ...command.argv,
      ];
      // The environment stays out of argv, which every user can read: bubblewrap hands its own on.
      return { argv: [system.bwrap, ...argv], env: command.env, cwd: "/", infoFd };
    },
  };
}

const namespaces = [
  "--unshare-pid",
  "--unshare-ipc",
  "--unshare-uts",
  "--unshare-cgroup-try",
  // The network is still shared: `--unshare-net` and a filtering proxy belong here. The user namespace is made by
  // bubblewrap itself for everybody but root.
  "--cap-drop", // As root bubblewrap keeps all of them, and with them the agent could unmount all of this.
  "ALL",
  "--die-with-parent",
  "--hostname",
  "worker",
  "--info-fd",
  String(infoFd),
];

function machine(system: SystemFolders): string[] {
  return [
    ...system.visible.flatMap((path) => ["--ro-bind", path, path]),
    ...["--proc", "/proc", "--dev", "/dev"],
    // Root without capabilities still owns the files of /proc/sys; core_pattern among them runs programs outside.
    ...(system.root ? ["--remount-ro", "/proc"] : []),
    ...scratch.flatMap((path) => ["--tmpfs", path]),
    ...(system.resolver === null ? [] : ["--ro-bind", system.resolver, system.resolver]),
    ...system.masked.flatMap((path) => ["--ro-bind", "/dev/null", path]),
    ...system.maskedFolders.flatMap((path) => ["--tmpfs", path, "--remount-ro", path]),
  ];
}

/** What the attempt adds. The deeper path wins, so parents come first; of the same path, hidden wins over shown. */
function places(system: SystemFolders, space: Space): string[] {
  const shown = [...system.visible, ...scratch, ...space.readOnly];
  // Only what lies inside something shown has to be hidden: the rest is not there anyway.
  const hidden = space.hidden.filter((path) => shown.some((folder) => isInside(path, folder)));
  const all = [
    ...space.readOnly.map((path) => ({ path, args: ["--ro-bind", path, path] })),
    ...hidden.map((path) => ({ path, args: ["--tmpfs", path] })),
    { path: space.home, args: ["--bind", space.home, space.home] },
  ];
  return [
    ...all.toSorted((a, b) => depth(a.path) - depth(b.path)).flatMap((place) => place.args),
    ...hidden.flatMap((path) => ["--remount-ro", path]),
  ];
}

/**
 * Read-only mounts on the protected paths. Their parents become mounts as well: a mount can't be renamed or removed, but
 * an ordinary folder that contains one can be renamed, and another put in its place.
 *
 * A path that does not exist is made by its first mount, empty: the least that can be left in HOME, since a mount needs
 * something to stand on. The second mount then shows the path itself, read-only.
 */
function protection(space: Space): string[] {
  const parents = new Set(space.protect.flatMap((path) => parentsBelow(space.home, path)));
  return [
    ...[...parents].toSorted((a, b) => depth(a) - depth(b)).flatMap((path) => ["--bind", path, path]),
    ...space.protect.flatMap((path) => {
      const place = path.replace(/\/$/, "");
      const made = path.endsWith("/") ? ["--dir", place] : ["--ro-bind", "/dev/null", place];
      return [...made, "--ro-bind-try", place, place];
    }),
  ];
}

function parentsBelow(home: string, path: string): string[] {
  const parent = dirname(path);
  if (parent === home) return [];
  if (!isInside(parent, home)) throw new Error(`${path} is to be protected, but is not below ${home}`);
  return [...parentsBelow(home, parent), parent];
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function depth(path: string): number {
  return path.split("/").length;
}
