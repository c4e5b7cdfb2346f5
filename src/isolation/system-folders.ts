/** What of this machine an agent may see, found once: it keeps the wrapping itself free of I/O. */
import { constants, existsSync, lstatSync, readdirSync, realpathSync } from "node:fs";
import { boundSockets } from "../system/unix-sockets.ts";

export interface SystemFolders {
  /** Absolute path of bubblewrap. */
  readonly bwrap: string;
  /** Whether we are root: the agent then is root as well, though without any capability. */
  readonly root: boolean;
  /** As `process.arch` names it. */
  readonly processor: string;
  /** Folders with programs, libraries and settings of the system, shown read-only. */
  readonly visible: readonly string[];
  /** Below them, but not for an agent: an agent that runs as root owns these files. */
  readonly masked: readonly string[];
  readonly maskedFolders: readonly string[];
  /** The file that /etc/resolv.conf leads to, where that is outside of what is visible; else null. */
  readonly resolver: string | null;
  /** Of services of this machine, by each path that leads to them inside: who may open one speaks to what is outside. */
  readonly sockets: readonly string[];
}

/** Of /nix what is built, and the links to it: beside them is the socket of a daemon that runs programs outside. */
export const systemPlaces = ["/bin", "/etc", "/nix/store", "/nix/var/nix/profiles", "/opt", "/sbin", "/usr"];
/** For everybody; root's are found besides. */
const masked = [
  "/etc/gshadow",
  "/etc/gshadow-",
  "/etc/krb5.keytab",
  "/etc/security/opasswd",
  "/etc/shadow",
  "/etc/shadow-",
  "/etc/sudoers",
];
const maskedFolders = [
  "/etc/NetworkManager/system-connections",
  "/etc/ssh",
  "/etc/ssl/private",
  "/etc/sudoers.d",
  "/etc/wireguard",
];

/** @param bwrap absolute path of bubblewrap */
export function systemFolders(bwrap: string): SystemFolders {
  const root = process.getuid?.() === 0;
  const folders = maskedFolders.filter((path) => existsSync(path));
  const secrets = root ? unreadable("/etc", folders) : { files: [], folders: [] };
  const libraries = readdirSync("/")
    .filter((name) => name.startsWith("lib"))
    .map((name) => `/${name}`);
  const shown = [...systemPlaces.filter((path) => existsSync(path)), ...libraries].sort();
  return {
    bwrap,
    root,
    processor: process.arch,
    visible: shown,
    masked: [...new Set([...masked.filter((path) => existsSync(path)), ...secrets.files])],
    maskedFolders: [...folders, ...secrets.folders],
    resolver: resolver(),
    sockets: byEachName(boundSockets(), shown),
  };
}

/**
 * A folder that is a link here (/bin) is a mount of its own inside: what is masked below /usr/bin is not masked there.
 * @param paths without links. @param folders that are shown
 */
export function byEachName(paths: readonly string[], folders: readonly string[]): string[] {
  const links = folders
    .map((folder) => ({ folder, real: realpathSync(folder) }))
    .filter(({ folder, real }) => folder !== real);
  const names = paths.flatMap((path) => [
    path,
    ...links.flatMap(({ folder, real }) => (path.startsWith(`${real}/`) ? [folder + path.slice(real.length)] : [])),
  ]);
  return [...new Set(names)];
}

/**
 * What only its owner and group may read: for an agent that is root that would be no hindrance. Some 3 ms for 1000 files.
 * @param known folders that need no look
 */
export function unreadable(folder: string, known: readonly string[] = []): { files: string[]; folders: string[] } {
  const found = { files: [] as string[], folders: [] as string[] };
  const waiting = [folder];
  for (const at of waiting) {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = `${at}/${entry.name}`;
      const mode =
        entry.isSymbolicLink() || known.includes(path) ? null : lstatSync(path, { throwIfNoEntry: false })?.mode;
      if (mode === null || mode === undefined) continue;
      if (entry.isDirectory()) ((mode & forOthers) === forOthers ? waiting : found.folders).push(path);
      else if ((mode & constants.S_IROTH) === 0) found.files.push(path);
    }
  }
  return found;
}

const forOthers = constants.S_IROTH | constants.S_IXOTH;

function resolver(): string | null {
  try {
    const file = realpathSync("/etc/resolv.conf");
    return file.startsWith("/etc/") ? null : file;
  } catch {
    return null;
  }
}
