/** A request as the supervisor makes it, for tests. */
import { join } from "node:path";
import type { AgentRequest } from "../../src/agents/agent.ts";

export function requestOf(more: Partial<AgentRequest> = {}): AgentRequest {
  const home = more.home ?? "/srv/fleet/01";
  return {
    home,
    cwd: join(home, "github/acme/site"),
    controlFolder: "/srv/fleet/.fleet/01/attempts/0007/control",
    sessionId: "6f1f7a0e-6c5f-4d0f-9a5a-0d7d3a0f0c11",
    resume: false,
    model: "sonnet",
    turns: null,
    budgetUsd: null,
    provider: {},
    cookie: "cookie-1",
    worker: "01",
    innerSandbox: true,
    egress: [],
    proxyPort: 3128,
    proposals: false,
    ...more,
  };
}
