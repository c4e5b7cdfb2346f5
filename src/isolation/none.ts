/** No isolation: the agent may do whatever its user may. Only for those who ask for it by name. */
import type { Isolation } from "./isolation.ts";

export function none(): Isolation {
  return { name: "none", pidNamespace: false, ownNetwork: false, wrap: (command) => command };
}
