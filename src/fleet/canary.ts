/** Before every agent: a program in the very same isolation tries what must not work. One success, and no agent starts. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import type { CanaryTries } from "../model/canary.ts";
import type { Command } from "../model/command.ts";
import { egressPorts, proxyVariables } from "../model/egress.ts";
import { protectedInHome } from "../model/protected.ts";
import { Verdict } from "../model/verdict.ts";
import { readOwn } from "../system/files.ts";
import { bunFlags, bunPath, moduleFile, packageRoot } from "../system/self.ts";
import { boundSockets } from "../system/unix-sockets.ts";
import { runInside } from "./collect.ts";
import type { InFlight } from "./in-flight.ts";
import { type Inside, withNetwork } from "./network.ts";

const timeoutMs = 20_000;
/** First process, gate, forwarder, the canary itself and what Bun needs. */
const mostProcesses = 12;
const mostPaths = 40;
/** All of them are one word of a command: at most 107 bytes each, of 128 KiB. */
const mostSockets = 500;

/** @param agent its command, for the environment. @param needs what it is shown. @throws Verdict `refused` with what worked and must not */
export async function tryIsolation(
  attempt: InFlight,
  inside: Inside,
  agent: Command,
  needs: readonly string[],
): Promise<void> {
  const { paths, fleet } = attempt;
  const file = paths.canary;
  // Somebody of the machine who would answer, if the way to them were open.
  const outside = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    const tries = triesOf(attempt, agent, needs, outside.port);
    const command: Command = {
      argv: [bunPath, ...bunFlags(packageRoot), moduleFile("canary"), JSON.stringify(tries)],
      env: agent.env,
      cwd: agent.cwd,
    };
    // Its own refusal at the proxy is no act of the agent's.
    const { code, errors } = await withNetwork(fleet, inside, paths.folder, null, () =>
      runInside(attempt, command, {
        ...{ name: "canary", timeoutMs, stdoutFile: file, ending: attempt.ending },
        space: { forwards: inside.forwards },
      }),
    );
    const said = readOwn(file, 64 << 10);
    const worked = code === 0 && said?.ok ? listIn(said.value) : null;
    if (worked?.length === 0) return;
    const untold = `the canary ended with ${code} and told nothing that can be read: ${errors.slice(0, 300)}`;
    throw new Verdict("refused", `the isolation does not hold: ${worked?.join("; ") ?? untold}`);
  } finally {
    rmSync(file, { force: true });
    outside.stop(true);
  }
}

/** Null for all that is no list: an isolation that lets the canary say nothing is not known to hold. */
function listIn(text: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function triesOf(
  { fleet, task, paths }: InFlight,
  agent: Command,
  needs: readonly string[],
  outsidePort: number,
): CanaryTries {
  const { store, operatorHome } = fleet;
  const home = store.paths.home(task.worker);
  const shown = [home, bunPath, packageRoot, ...needs];
  const others = store.workers.list().filter((id) => id !== task.worker);
  const absent = [
    paths.task,
    `${store.paths.control}/fleet.json`,
    ...others.map((id) => store.paths.home(id)),
    // The way to what is shown exists inside.
    ...entriesOf(operatorHome).filter((path) => !shown.some((place) => `${place}/`.startsWith(`${path}/`))),
    "/run/docker.sock",
    "/run/dbus/system_bus_socket",
  ];
  return {
    absent: absent.filter((path) => existsSync(path)).slice(0, mostPaths),
    // In HOME nothing is masked: it is the agent's own, and made anew before it.
    sockets: boundSockets()
      .filter((path) => !path.startsWith(`${home}/`))
      .slice(0, mostSockets),
    unwritable: [
      "/",
      "/usr/",
      "/etc/",
      "/etc/passwd",
      `${paths.policy}/`,
      ...protectedInHome.map((path) => `${home}/${path}`),
    ],
    variables: [...Object.keys(agent.env), ...Object.keys(proxyVariables), "PWD", "OLDPWD", "SHLVL", "_"],
    mostProcesses,
    outsidePort,
    proxyPort: egressPorts.proxy,
  };
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}
