/** What the agent of an attempt is asked, and what of the machine it and our own commands beside it may see. Values only. */
import type { AgentRequest } from "../agents/agent.ts";
import type { Space } from "../isolation/isolation.ts";
import { egressRules } from "../model/egress.ts";
import { protectedInHome } from "../model/protected.ts";
import type { InFlight } from "./in-flight.ts";
import type { Inside } from "./network.ts";

type Planned = Pick<InFlight, "fleet" | "paths"> & {
  readonly task: Pick<
    InFlight["task"],
    "worker" | "repo" | "sessionId" | "model" | "cookie" | "innerSandbox" | "mode"
  > & { readonly limits: Pick<InFlight["task"]["limits"], "turns" | "budgetUsd"> };
};

export function requestOf(attempt: Planned, resume: boolean, inside: Inside): AgentRequest {
  const { fleet, task, paths } = attempt;
  return {
    home: fleet.store.paths.home(task.worker),
    cwd: fleet.store.paths.clone(task.worker, task.repo),
    controlFolder: paths.policy,
    sessionId: task.sessionId,
    resume,
    model: task.model,
    turns: task.limits.turns,
    budgetUsd: task.limits.budgetUsd,
    provider: inside.provider,
    egress: egressRules(fleet.config.egress),
    proxyPort: inside.proxyPort,
    cookie: task.cookie,
    worker: task.worker,
    innerSandbox: task.innerSandbox,
    proposals: task.mode === "issue",
  };
}

/** What an agent of this attempt may see and change. */
export function spaceOf(
  attempt: Pick<Planned, "fleet" | "paths"> & { readonly task: { readonly worker: string } },
  needs: readonly string[],
  forwards: Inside["forwards"] = [],
): Space {
  const { fleet, task, paths } = attempt;
  const home = fleet.store.paths.home(task.worker);
  return {
    home,
    hidden: [fleet.store.paths.root, fleet.operatorHome],
    readOnly: [...needs, paths.policy],
    protect: protectedInHome.map((path) => `${home}/${path}`),
    forwards,
  };
}
