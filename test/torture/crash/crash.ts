/** One crash: the flow, the blow, one reconcile by the built program, then everything that has to hold; and the issue goes on. */
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { Found } from "../suite.ts";
import { type Blow, endAll } from "./blows.ts";
import { assign, changed, edit, type Flow, hang } from "./flows.ts";
import { awaited, type Ground } from "./ground.ts";
import { harmOf, isDelivered } from "./invariants.ts";

/** @returns tried 0 when it was over before the blow could fall */
export async function crash(ground: Ground, flow: Flow, blow: Blow, all: boolean): Promise<Found> {
  const lies = watchForLies(ground);
  await flow.before?.(ground);
  const struck = await strike(ground, flow, blow, all);
  ground.heal();
  const harm: Found["harm"][number][] = [];
  if (struck) harm.push(...(await aftermath(ground, flow)));
  else await quiet(ground);
  for (const lie of lies.stop()) harm.push({ kind: "survivor", detail: lie });
  endAll(ground);
  const point = `${flow.name}, ${blow.point}${all ? ", and everything of the fleet with it" : ""}`;
  return { tried: struck ? 1 : 0, harm: harm.map(({ kind, detail }) => ({ kind, detail: `${point}: ${detail}` })) };
}

/** One reconcile by the built program, then everything that has to hold; and the issue goes on to its pull request. */
export async function aftermath(ground: Ground, flow: Flow): Promise<Found["harm"]> {
  const harm: Found["harm"][number][] = [];
  // What a killed supervisor or command has left alive is the next command's business.
  await quiet(ground, () => ground.store.attempts.facts("01")?.supervisor !== "alive");
  const edited = new Set<number>();
  const newest = ground.store.attempts.newest("01");
  // Of an attempt that goes on with another's clone, the change is its own as well.
  if (newest > 0 && changed(ground) && ground.store.attempts.base("01", newest) !== null) edited.add(newest);
  age(ground);
  const done: string[] = [];
  const run = async (args: readonly string[]) => {
    const ran = await ground.cw(args);
    done.push(`${args[0]}: ${ran.code ?? ran.signal} ${ran.stderr.trim().slice(0, 300)}`);
    if (ran.code !== 0)
      harm.push({
        kind: "stuck",
        detail: `${args.join(" ")}: exit ${ran.code ?? ran.signal}: ${ran.stderr.trim().slice(0, 500)}`,
      });
    else if (args[0] === "assign") {
      const { failed, repaired } = JSON.parse(ran.stdout) as { failed: string[]; repaired: string[] };
      done.push(...repaired);
      if (failed.length > 0) harm.push({ kind: "stuck", detail: `assign could not mend: ${failed.join("; ")}` });
    }
    await quiet(ground);
  };
  await run(assign(ground));
  if (!(await isDelivered(ground))) {
    for (const args of flow.again) await run(args);
    ground.repo.edit(ground.issue, { body: edit });
    if (flow.again.length > 0 && !(await isDelivered(ground))) await run(assign(ground));
  }
  if (!(await isDelivered(ground)))
    harm.push({ kind: "stuck", detail: `not delivered in the end: ${done.join(" | ")}` });
  for (const { kind, detail } of await harmOf(ground, { edited: [...edited] }))
    harm.push({ kind, detail: kind === "lost" ? `${detail}; ${done.join(" | ")}` : detail });
  return harm;
}

/** @returns whether the process was killed */
async function strike(ground: Ground, flow: Flow, blow: Blow, all: boolean): Promise<boolean> {
  const onCommand = flow.struck === "command";
  if (!onCommand) ground.plan((blow.prefix ?? []).join(" "));
  const child = ground.start(flow.command(ground), {
    ...(blow.env ? { env: blow.env } : {}),
    ...(onCommand && blow.prefix ? { prefix: blow.prefix } : {}),
  });
  const drained = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  let commandOver = false;
  void child.exited.then(() => {
    commandOver = true;
  });
  const started = () => ground.text(`${ground.folder}/plan.used`) !== "" || ground.supervisorPid !== null;
  const over = onCommand
    ? () => commandOver
    : () => ground.supervisorExit !== null || (commandOver && child.exitCode !== 0 && !started());
  const pid = onCommand ? () => child.pid : () => ground.supervisorPid;
  const meanwhile = flow.meanwhile?.(ground);
  await blow.strike?.(ground, pid, over);
  await awaited(over);
  if (all) endAll(ground);
  await Promise.all([child.exited, drained, meanwhile]);
  if (onCommand) return child.signalCode === "SIGKILL";
  // Null: everything was ended at once, the wrapper as well.
  return ground.supervisorExit === 137 || (all && ground.supervisorExit === null);
}

/** In ms; a look at all processes is not for nothing. */
const patience = [25_000, 120] as const;

/**
 * Nothing of the fleet lives, or nothing more comes of what does; and no attempt is still expected to begin.
 * @param enough what is awaited instead of the death of all
 */
async function quiet(ground: Ground, enough = () => ground.alive().length === 0): Promise<void> {
  let size = -1;
  let since = 0;
  await awaited(
    () => {
      const { state } = ground;
      if (state !== "starting" && enough()) return true;
      const events = ground.text(`${ground.attempt()}/events.jsonl`).length;
      if (events !== size) [size, since] = [events, performance.now()];
      // An agent that hangs, as it was told to.
      const hangs = ground.repo.issue(ground.issue).body === hang && changed(ground);
      return hangs && (state === "busy" || state === "stopping") && performance.now() - since > 1500;
    },
    ...patience,
  );
}

/** What killed writers have left is as old as if the next command came an hour later. */
function age(ground: Ground): void {
  for (const file of readdirSync(ground.root, { recursive: true }).map(String)) {
    const long = new Date(Date.now() - 2 * 3_600_000);
    if (/(?:^|\/)\.new-[^/]*$/.test(file)) utimesSync(join(ground.root, file), long, long);
  }
}

export function watchForLies(ground: Ground): { stop: () => string[] } {
  const lies = new Set<string>();
  const timer = setInterval(() => {
    const lie = ground.lie();
    if (lie !== null) lies.add(lie);
  }, 200);
  return {
    stop: () => {
      clearInterval(timer);
      return [...lies];
    },
  };
}
