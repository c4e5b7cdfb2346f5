/** What of this machine an agent may see, found once: keeps the wrapping itself free of I/O. */

export interface SystemFolders {
  /** Absolute path of bubblewrap. */
  readonly bwrap: string;
  /** Folders with programs, libraries and settings of the system, shown read-only. */
  readonly visible: readonly string[];
  /** Files and folders below them that stay secret even from an agent that runs as root. */
  readonly maskedFiles: readonly string[];
  readonly maskedFolders: readonly string[];
  /** The file that /etc/resolv.conf leads to, where that is outside /etc. */
  readonly resolver: string | null;
}
