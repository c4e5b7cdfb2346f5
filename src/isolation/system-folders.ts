/** What of this machine an agent may see, found once: it keeps the wrapping itself free of I/O. */
import { existsSync, readdirSync, realpathSync } from "node:fs";

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
}

const visible = ["/bin", "/etc", "/nix", "/opt", "/sbin", "/usr"];
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
  const libraries = readdirSync("/")
    .filter((name) => name.startsWith("lib"))
    .map((name) => `/${name}`);
  return {
    bwrap,
    root: process.getuid?.() === 0,
    processor: process.arch,
    visible: [...visible.filter((path) => existsSync(path)), ...libraries].sort(),
    masked: masked.filter((path) => existsSync(path)),
    maskedFolders: maskedFolders.filter((path) => existsSync(path)),
    resolver: resolver(),
  };
}

function resolver(): string | null {
  try {
    const file = realpathSync("/etc/resolv.conf");
    return file.startsWith("/etc/") ? null : file;
  } catch {
    return null;
  }
}
