/** Claude's own sandbox, carried by the policy of the agent: nothing is wrapped around the process. */
import type { Isolation } from "./isolation.ts";

export function settings(): Isolation {
  return { name: "settings", pidNamespace: false, wrap: (command) => command };
}
