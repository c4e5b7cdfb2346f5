/** A terminal as a worker: its HOME, its environment, its isolation, its network. */
import { statusOf } from "../model/attempt.ts";
import type { Command } from "../model/command.ts";
import { FleetError } from "../model/errors.ts";
import { now } from "../system/clock.ts";
import { isFolder } from "../system/files.ts";
import { inTemporaryFolder } from "../system/temporary.ts";
import { isTerminal, runHere } from "../system/terminal.ts";
import { requestOf, spaceOf } from "./agent-request.ts";
import { credentialsOf, type Fleet } from "./fleet.ts";
import { type Inside, insideOf, withNetwork } from "./network.ts";

/**
 * @param argv what to run; default a shell. A first word `claude` means the fleet's own.
 * @returns its exit code
 * @throws FleetError `busy` while an agent lives there, `notFound`, `environment`
 */
export async function shell(fleet: Fleet, worker: string, argv: readonly string[]): Promise<number> {
  needIdle(fleet, worker);
  const { isolation: chosen } = await fleet.chooseIsolation();
  const isolation = await fleet.isolation(chosen);
  return await inTemporaryFolder("shell", async (folder) => {
    const inside = insideOf(isolation, folder, credentialsOf(fleet, worker).provider);
    const { command, space } = await shellCommand(fleet, worker, argv, inside);
    // `settings` is a policy on Claude's own command line: there is none to put a shell in.
    if (chosen === "settings")
      throw new FleetError("environment", "the isolation settings can't hold a shell", {
        hint: "apt-get install bubblewrap",
      });
    return await withNetwork(fleet, inside, folder, null, () => runHere(isolation.wrap(command, space)));
  });
}

function needIdle(fleet: Fleet, worker: string): void {
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
}

async function shellCommand(fleet: Fleet, worker: string, argv: readonly string[], inside: Inside) {
  const agent = await fleet.agent("claude");
  const task = {
    worker,
    repo: "-",
    sessionId: "-",
    model: fleet.config.model,
    cookie: "shell",
    innerSandbox: false,
    mode: "update" as const,
    limits: { turns: null, budgetUsd: null },
  };
  const { attempts, paths } = fleet.store;
  const at = { fleet, task, paths: attempts.at(worker, 0) };
  const { argv: agentArgv, env } = agent.command(requestOf(at, false, inside));
  const [first = "/bin/bash", ...rest] = argv;
  const command: Command = {
    argv: [first === "claude" ? agentArgv[0] : first, ...rest],
    env: { ...env, TERM: "xterm-256color" },
    cwd: paths.home(worker),
  };
  // There is no attempt, and so no policy to show.
  const space = { ...spaceOf(at, agent.needs, inside.forwards), readOnly: agent.needs, terminal: isTerminal() };
  return { command, space };
}
