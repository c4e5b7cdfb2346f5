/** Bubblewrap around the whole agent: what is not named here does not exist inside. */
import type { Isolation } from "./isolation.ts";
import type { SystemFolders } from "./system-folders.ts";

export function bubblewrap(system: SystemFolders): Isolation {
  return {
    name: "bubblewrap",
    pidNamespace: true,
    wrap(command) {
      return { ...command, argv: [system.bwrap, "--", ...command.argv], cwd: "/", infoFd: 3 };
    },
  };
}
