/** A terminal as a worker: its HOME, its environment, its isolation. */
import { statusOf } from "../model/attempt.ts";
import type { Command } from "../model/command.ts";
import { FleetError } from "../model/errors.ts";
import { protectedInHome } from "../model/protected.ts";
import { now } from "../system/clock.ts";
import { isFolder } from "../system/files.ts";
import { credentialsOf, type Fleet } from "./fleet.ts";
import { requestOf } from "./run-agent.ts";

/**
 * @param argv what to run; default a shell. A first word `claude` means the fleet's own.
 * @throws FleetError `busy` while an agent lives there, `notFound`, `environment`
 */
export async function shellCommand(fleet: Fleet, worker: string, argv: readonly string[]): Promise<Command> {
  const { attempts, paths, workers } = fleet.store;
  const { name, email } = workers.identity(worker);
  const { state } = statusOf(attempts.facts(worker), now());
  if (state !== "idle")
    throw new FleetError("busy", `worker ${worker} is ${state}`, { hint: `cw inspect ${worker} -f` });
  const home = paths.home(worker);
  if (!isFolder(home))
    throw new FleetError("environment", `worker ${worker} has no HOME (${name} <${email}>)`, {
      hint: `cw refresh ${worker}`,
    });
  const agent = await fleet.agent("claude");
  const { isolation: chosen } = await fleet.chooseIsolation();
  const isolation = await fleet.isolation(chosen);
  const task = {
    worker,
    repo: "-",
    sessionId: "-",
    model: fleet.config.model,
    cookie: "shell",
    innerSandbox: false,
    mode: "update" as const,
  };
  const limits = { turns: null, budgetUsd: null } as never;
  const at = {
    fleet,
    task: { ...task, limits },
    paths: attempts.at(worker, 0),
    credentials: credentialsOf(fleet, worker),
  };
  const { argv: agentArgv, env } = agent.command(requestOf(at, false));
  const [first = "/bin/bash", ...rest] = argv;
  const command: Command = {
    argv: [first === "claude" ? agentArgv[0] : first, ...rest],
    env: { ...env, TERM: "xterm-256color" },
    cwd: home,
  };
  // `settings` is a policy on Claude's own command line: there is none to put a shell in.
  if (chosen === "settings")
    throw new FleetError("environment", "the isolation settings can't hold a shell", {
      hint: "apt-get install bubblewrap",
    });
  return isolation.wrap(command, {
    home,
    hidden: [paths.root, fleet.operatorHome],
    readOnly: agent.needs,
    protect: protectedInHome.map((path) => `${home}/${path}`),
    terminal: true,
  });
}
