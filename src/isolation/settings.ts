/**
 * Claude's own sandbox, switched on and hardened by the policy that its command line carries. Nothing is wrapped around the
 * process, so nothing but Claude can be isolated in this way.
 */
import { FleetError } from "../model/errors.ts";
import type { Isolation } from "./isolation.ts";

export function settings(): Isolation {
  return {
    name: "settings",
    pidNamespace: false,
    ownNetwork: false,
    wrap(command) {
      if (!command.argv.includes("--settings")) {
        const program = command.argv[0];
        throw new FleetError(
          "environment",
          `the isolation "settings" can't isolate ${program}: it is a sandbox of Claude's`,
          {
            hint: "install bubblewrap and use the isolation bubblewrap",
          },
        );
      }
      return command;
    },
  };
}
