/** One crash: the flow, the blow, one reconcile by the built program, then everything that has to hold; and the issue goes on. */
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { isAbandoned } from "../../../src/model/attempt.ts";
import { now } from "../../../src/system/clock.ts";
import type { Found } from "../suite.ts";
import { type Blow, endAll } from "./blows.ts";
import { assign, changed, edit, type Flow, hang } from "./flows.ts";
import { awaited, type Ground } from "./ground.ts";
import { harmOf, isDelivered } from "./invariants.ts";
import { type Edits, noteEdits } from "./kept.ts";

type Harms = Found["harm"][number][];

/** What takes longer hangs: each limit of an attempt is shorter, or as long. */
const longest = 60_000;

/** @returns tried 0 when it was over before the blow could fall, or GitHub did not do what the point says */
export async function crash(ground: Ground, flow: Flow, blow: Blow, all: boolean): Promise<Found> {
  const lies = watchForLies(ground);
  const edits: Edits = new Map();
  await flow.before?.(ground);
  noteEdits(ground, edits);
  const { struck, hung } = await strike(ground, flow, blow, all);
  ground.heal();
  const harm: Harms = hung === null ? [] : [{ kind: "stuck", detail: hung }];
  if (struck) harm.push(...(await aftermath(ground, flow, edits)));
  else await quiet(ground);
  for (const lie of lies.stop()) harm.push({ kind: "survivor", detail: lie });
  endAll(ground);
  const point = `${flow.name}, ${blow.point}${all ? ", and everything of the fleet with it" : ""}`;
  return {
    tried: struck || hung !== null ? 1 : 0,
    harm: harm.map(({ kind, detail }) => ({ kind, detail: `${point}: ${detail}` })),
  };
}

/**
 * One reconcile by the built program, as the first thing of a tick, then everything that has to hold; and the issue goes on to
 * its pull request.
 */
export async function aftermath(ground: Ground, flow: Flow, edits: Edits): Promise<Found["harm"]> {
  const harm: Harms = [];
  const done: string[] = [];
  const next = () => (flow.proposes ? flow.command(ground) : assign(ground));
  const come = async (what: string, enough?: () => boolean) => {
    if (!(await quiet(ground, enough)))
      harm.push({ kind: "stuck", detail: `${what}: not over after ${longest} ms: ${living(ground)}` });
    noteEdits(ground, edits);
  };
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
    await come(`after ${args[0]}`);
  };
  const judge = async (when: string, atWork: number | null, notYet = /^$/) => {
    // What was told already stays wrong.
    for (const { kind, detail } of await harmOf(ground, { edits, atWork }))
      if (!notYet.test(detail) && !harm.some((one) => one.kind === kind && one.detail.includes(detail)))
        harm.push({ kind, detail: `${when}: ${detail}; ${done.join(" | ")}` });
  };
  // What a killed supervisor or command has left alive is the next command's business.
  await come("after the blow", () => ground.store.attempts.facts("01")?.supervisor !== "alive");
  age(ground);
  await run(next());
  // Before anybody else comes, who might mend what this one has passed over in silence.
  await judge("after one assign", atWork(ground), swept);
  if (!(await isDelivered(ground, flow))) {
    for (const args of flow.again) await run(args);
    ground.repo.edit(ground.issue, { body: edit });
    // Lost by the flow's own crash and once more by the blow: it waits for a person.
    const marked = isLostTwice(ground) && ground.repo.labels(ground.issue).includes("blocked");
    if (marked) ground.repo.unlabel(ground.issue, "blocked");
    if ((marked || flow.again.length > 0) && !(await isDelivered(ground, flow))) await run(next());
  }
  if (!(await isDelivered(ground, flow)))
    harm.push({ kind: "stuck", detail: `not delivered in the end: ${done.join(" | ")}` });
  // One that was stopped is settled by who comes after its claim became another's.
  if (ground.store.attempts.unsettled().length > 0) await run(assign(ground));
  await judge("in the end", null);
  return harm;
}

function isLostTwice(ground: Ground): boolean {
  const { attempts } = ground.store;
  return ground.attempts().filter((n) => attempts.ended("01", n)?.outcome === "lost").length === 2;
}

/** Left to the next attempt, which makes HOME anew, and to whoever writes there next. */
const swept = /^trash of |^file .*\/\.new-[^/]*$/;

/** The newest attempt, while it is looked after. */
function atWork(ground: Ground): number | null {
  const facts = ground.store.attempts.facts("01");
  return facts !== null && ["busy", "stopping"].includes(ground.state) && !isAbandoned(facts, now()) ? facts.n : null;
}

interface Fallen {
  /** Whether what was meant was killed, by the blow. */
  readonly struck: boolean;
  /** What had not ended long after it, or null. */
  readonly hung: string | null;
}

async function strike(ground: Ground, flow: Flow, blow: Blow, all: boolean): Promise<Fallen> {
  const onCommand = flow.struck === "command";
  // An earlier attempt's supervisor is dead, and its number may be anybody's.
  const before = ground.store.attempts.newest("01");
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
  const over = onCommand
    ? () => commandOver
    : () => ground.supervisorExit !== null || (commandOver && child.exitCode !== 0 && !ground.supervisorBegun);
  const pid = onCommand ? () => child.pid : () => ground.supervisorPid(before);
  const meanwhile = flow.meanwhile?.(ground);
  await blow.strike?.(ground, pid, over);
  let hung = (await awaited(over, longest)) ? null : `${flow.struck} not over after ${longest} ms: ${living(ground)}`;
  // Before everything is ended: what hung is not what the blow has struck.
  const struck = onCommand ? child.signalCode === "SIGKILL" : ground.supervisorExit === 137;
  if (all || hung !== null) endAll(ground);
  const rest = Promise.all([child.exited, drained, meanwhile]);
  let gone = false;
  const go = () => {
    gone = true;
  };
  void rest.then(go, go);
  if (!(await awaited(() => gone, longest))) {
    hung ??= `the command not over after ${longest} ms: ${living(ground)}`;
    endAll(ground);
  }
  await rest;
  return { struck: struck && ((await blow.cameAbout?.(ground)) ?? true), hung };
}

function living(ground: Ground): string {
  const events = ground.text(`${ground.attempt()}/events.jsonl`).trim().split("\n").at(-1);
  return [...ground.alive().map(({ pid, command }) => `${pid} ${command}`), `${ground.state}, ${events}`].join("; ");
}

/** In ms; a look at all processes is not for nothing. */
const patience = [longest, 120] as const;

/**
 * Nothing of the fleet lives, or nothing more comes of what does; and no attempt is still expected to begin.
 * @param enough what is awaited instead of the death of all
 * @returns whether it came to that
 */
async function quiet(ground: Ground, enough = () => ground.alive().length === 0): Promise<boolean> {
  let size = -1;
  let since = 0;
  const found = await awaited(
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
  return found === true;
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
