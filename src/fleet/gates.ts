/**
 * The project's own gates, on what is to be published and nothing else: a new HOME, a new clone of those very commits. In the
 * agent's own, files that git ignores or was told to overlook, and what lies in HOME, would pass in the place of the work.
 */
import type { Space } from "../isolation/isolation.ts";
import type { Command } from "../model/command.ts";
import { FleetError } from "../model/errors.ts";
import type { Task } from "../model/task.ts";
import { Verdict } from "../model/verdict.ts";
import { tickerMs } from "../system/clock.ts";
import { makeFolder } from "../system/files.ts";
import { removeTree } from "../system/remove.ts";
import { agentLike, type Placed, runInside } from "./collect.ts";
import { type Fleet, settingsOf } from "./fleet.ts";
import { type InFlight, needBase } from "./in-flight.ts";
import { insideOf, withNetwork } from "./network.ts";

type Tried = Placed & Pick<InFlight, "paths">;

/**
 * Before an agent starts, and again before its gates: they run what the agent wrote, and Claude's own sandbox holds nothing but
 * Claude's shell. Who says `none` has said it.
 * @throws FleetError `environment`
 */
export function needWalls(
  fleet: Pick<Fleet, "config">,
  { repo, mode }: Pick<Task, "repo" | "mode">,
  isolation: Task["isolation"],
): void {
  if (isolation !== "settings" || mode !== "update" || gatesOf(fleet, repo).length === 0) return;
  const message = `the isolation settings can't hold the gates of ${repo}: they would run without any`;
  throw new FleetError("environment", message, {
    hint: "apt-get install bubblewrap (cw doctor says what it lacks), or isolation none, said outright",
  });
}

export const gatesOf = (fleet: Pick<Fleet, "config">, repo: string) => settingsOf(fleet, repo)?.gates ?? [];

/** @param until on the clock of this process, in ms. @throws Verdict `failed` with the gate's last words */
export async function passGates(attempt: InFlight, until: number): Promise<void> {
  const { fleet, task, paths, mirror, branch } = attempt;
  const gates = gatesOf(fleet, task.repo);
  if (gates.length === 0) return;
  needWalls(fleet, task, task.isolation);
  const left = () => Math.max(1, until - tickerMs());
  const inside = insideOf(await fleet.isolation(task.isolation), paths.folder, null);
  try {
    makeFolder(paths.trial);
    await mirror.cloneHead(cloneOf(attempt), branch, needBase(attempt).branch);
    const run = (name: string, command: Command, forwards: Space["forwards"] = []) =>
      runInside(attempt, command, {
        ...{ name, timeoutMs: left(), ending: attempt.ending },
        space: { ...trialSpace(paths), forwards },
      });
    const written = await run("checkout", checkoutCommand(attempt));
    if (written.code !== 0)
      throw new Verdict("failed", `the work could not be checked out for its gates: ${written.errors.slice(-400)}`);
    await withNetwork(fleet, inside, paths.folder, attempt, async () => {
      for (const gate of gates) {
        const { code, last } = await run("gate", gateCommand(attempt, gate), inside.forwards);
        if (code === 0) continue;
        const reason = `the gate ${JSON.stringify(gate)} failed (exit code ${code}): ${last.slice(-400)}`;
        throw new Verdict("failed", reason);
      }
    });
  } finally {
    await removeTree(paths.trial);
  }
}

/** Its HOME is new: nothing in it needs protection. */
export const trialSpace = ({ trial }: Pick<InFlight["paths"], "trial">) => ({ home: trial, protect: [] });

/** Before the first gate: files of the agent's choice are written to disk inside alone. */
export function checkoutCommand(attempt: Tried): Command {
  return {
    argv: ["/usr/bin/env", "git", "reset", "--quiet", "--hard"],
    env: likeAgent(attempt),
    cwd: cloneOf(attempt),
  };
}

/** A gate, before it is wrapped. */
export function gateCommand(attempt: Tried, gate: string): Command {
  const env = { ...likeAgent(attempt), CI: "true" };
  return { argv: ["/bin/sh", "-c", `{ ${gate}\n} >&2`], env, cwd: cloneOf(attempt) };
}

const likeAgent = (attempt: Tried) => ({ ...agentLike(attempt), HOME: attempt.paths.trial });
const cloneOf = ({ paths, task }: Tried) => `${paths.trial}/github/${task.repo}`;
