/**
 * Bubblewrap around the whole agent: its shell, its file tools, the voice server and whatever they start. An allow-list:
 * the root is empty, and what is not put there does not exist inside. docs/adr/0003-isolation.md has the reasons.
 */
import { dirname } from "node:path";
import { egressPorts, proxyVariables } from "../model/egress.ts";
import type { Forward, Isolation, Space } from "./isolation.ts";
import { systemCallFilter } from "./seccomp.ts";
import type { SystemFolders } from "./system-folders.ts";

const infoFd = 3;
const filterFd = 4;
/** Empty, writable, and gone with the attempt. */
const scratch = ["/tmp", "/run", "/var/tmp"];

/** The program that leads ports of the loopback inside to our sockets. */
export interface Forwarder {
  /** How it is started: absolute paths, without the forwards. */
  readonly argv: readonly string[];
  /** What has to be visible for that. */
  readonly needs: readonly string[];
}

/** @param forwarder needed for a space with forwards */
export function bubblewrap(system: SystemFolders, forwarder?: Forwarder): Isolation {
  const filter = systemCallFilter(system.processor);
  return {
    name: "bubblewrap",
    pidNamespace: true,
    ownNetwork: true,
    wrap(command, given) {
      const forwards = given.forwards ?? [];
      if (forwards.length > 0 && !forwarder) throw new Error("there is no forwarder");
      const needs = forwards.length > 0 ? (forwarder?.needs ?? []) : [];
      const space = { ...given, readOnly: [...new Set([...given.readOnly, ...needs])] };
      const argv = [
        ...namespaces,
        ...(space.terminal ? [] : ["--new-session"]),
        ...(filter ? ["--seccomp", String(filterFd)] : []),
        ...machine(system),
        ...places(system, space),
        ...protection(space),
        ...forwards.flatMap(({ port, socket }) => ["--ro-bind", socket, door(port)]),
        "--remount-ro",
        "/",
        "--chdir",
        command.cwd,
        "--",
        // Before the forwarder: bubblewrap's first process dies with us only once it has said so to the kernel. If we are killed
        // before that, it stays for as long as something runs inside, and the gate is what notices our death.
        ...(command.gate ?? []),
        ...(forwards.length > 0 ? beside(forwarder?.argv ?? [], forwards) : []),
        ...command.argv,
      ];
      const proxied = forwards.some(({ port }) => port === egressPorts.proxy) ? proxyVariables : {};
      // The environment stays out of argv, which every user can read: bubblewrap hands its own on.
      const inputs = filter ? [{ fd: filterFd, bytes: filter }] : [];
      return { argv: [system.bwrap, ...argv], env: { ...command.env, ...proxied }, cwd: "/", infoFd, inputs };
    },
  };
}

const namespaces = [
  "--unshare-pid",
  "--unshare-ipc",
  "--unshare-uts",
  "--unshare-cgroup-try",
  "--unshare-net",
  // The user namespace is made by bubblewrap itself for everybody but root.
  "--cap-drop", // As root bubblewrap keeps all of them, and with them the agent could unmount all of this.
  "ALL",
  "--die-with-parent",
  "--hostname",
  "worker",
  "--info-fd",
  String(infoFd),
];

/** Where a socket of ours is shown. */
const door = (port: number) => `/run/claude-workers/${port}.sock`;

/**
 * The forwarder first: the command starts when it has closed its output, and so listens. It gets no input, and dies with the
 * namespace when the command ends.
 */
function beside(forwarder: readonly string[], forwards: readonly Forward[]): string[] {
  const words = [...forwarder, ...forwards.map(({ port }) => `${port}=${door(port)}`)];
  const places = words.map((_, at) => `"\${${at + 1}}"`).join(" ");
  const failed = '{ echo "claude-workers: the forwarder did not start" >&2; exit 70; }';
  const script = `[ "$(${places} </dev/null &)" = ready ] || ${failed}; shift ${words.length}; exec "$@"`;
  return ["/bin/sh", "-c", script, "forward", ...words];
}

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
    ...reachable(system, space).flatMap((path) => ["--ro-bind", "/dev/null", path]),
    ...hidden.flatMap((path) => ["--remount-ro", path]),
  ];
}

/** Sockets of this machine that would be inside: a read-only mount refuses no connection. The deepest place decides. */
function reachable(system: SystemFolders, space: Space): string[] {
  const shown = [...system.visible, ...space.readOnly];
  const covered = [...scratch, ...system.maskedFolders, ...space.hidden, space.home];
  const within = (path: string, folders: readonly string[]) =>
    Math.max(0, ...folders.filter((folder) => isInside(path, folder)).map(depth));
  return system.sockets.filter((path) => within(path, shown) > within(path, covered));
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
