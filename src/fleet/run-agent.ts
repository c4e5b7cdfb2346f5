/** Runs the agent once: start behind the gate, listen, watch its limits, and prove at the end that nothing of it lives. */
import { once } from "node:events";
import type { Agent } from "../agents/agent.ts";
import { overdue } from "../model/deadline.ts";
import { Redactor } from "../model/redaction.ts";
import { type AgentEnd, Verdict } from "../model/verdict.ts";
import { type Child, startChild } from "../system/child.ts";
import { sleep, tickerMs, within } from "../system/clock.ts";
import { makeFolder, replaceFile } from "../system/files.ts";
import { eachLine } from "../system/lines.ts";
import { endTree, type Tree } from "../system/tree.ts";
import { requestOf, spaceOf } from "./agent-request.ts";
import { tryIsolation } from "./canary.ts";
import { secretsOf } from "./fleet.ts";
import { Heard, type Proposal } from "./heard.ts";
import { type InFlight, throwIfEnding } from "./in-flight.ts";
import { insideOf, withNetwork } from "./network.ts";
import { ResourceWatch, walled } from "./resources.ts";
import { startNoted } from "./start-noted.ts";
import { Transcript } from "./transcript.ts";

export interface AgentRun extends AgentEnd {
  /** Epoch ms of the reset, when the account is at its usage limit. */
  readonly resetsAt: number | null;
  /** Issues that the agent would like to see filed. */
  readonly proposals: readonly Proposal[];
}

/** Of limits in time, turns and money; all else that ends an agent is heard as it happens. */
const tickMs = 500;
const orderMs = 500;
const stderrBytes = 1 << 20;

/**
 * @param resume continue the agent's session instead of beginning it
 * @throws Verdict when a limit was reached, when the attempt has to end, or when the agent could not start
 */
export async function runAgent(attempt: InFlight, prompt: string, resume: boolean, run: number): Promise<AgentRun> {
  const { fleet, task, paths } = attempt;
  const agent = await fleet.agent(task.agent);
  const isolation = await fleet.isolation(task.isolation);
  const inside = insideOf(isolation, paths.folder, attempt.credentials.provider);
  const request = requestOf(attempt, resume, inside);
  makeFolder(paths.policy);
  for (const [name, content] of Object.entries(agent.files(request))) replaceFile(`${paths.policy}/${name}`, content);
  const space = spaceOf(attempt, agent.needs, inside.forwards);
  if (isolation.ownNetwork) await tryIsolation(attempt, inside, agent.command(request), agent.needs);
  return await withNetwork(fleet, inside, paths.folder, attempt, async () => {
    throwIfEnding(attempt);
    // Asked for again: while the canary ran, services of this machine may have come and gone.
    const walls = await fleet.isolation(task.isolation);
    const command = walled(fleet, walls, agent.command(request), space);
    const start = () =>
      startChild(command, `${paths.folder}/first-${run}.json`).catch((error: unknown) => {
        const words = error instanceof Error ? error.message : error;
        throw new Verdict("refused", `the agent could not be started: ${words}`);
      });
    return await startNoted(attempt, start, (child, tree) => untilGone(attempt, agent, child, tree, prompt, resume));
  });
}

async function untilGone(
  attempt: InFlight,
  agent: Agent,
  child: Child,
  tree: Tree,
  prompt: string,
  resume: boolean,
): Promise<AgentRun> {
  const { fleet, task, paths, say } = attempt;
  say({ type: "agent:started", pid: child.monitor.pid, isolation: task.isolation, sessionId: task.sessionId, resume });

  const secrets = secretsOf(attempt.credentials);
  const transcript = new Transcript(paths.transcript, task.limits.transcriptBytes, secrets);
  const errors = new Transcript(paths.stderr, stderrBytes, secrets);
  const heard = new Heard(attempt, new Redactor(secrets));
  const reader = agent.reader();
  const draining = new AbortController();
  const over = new AbortController();
  // What was not read may be what the policy rests on. Not thrown: what the agent has done is collected all the same.
  const unread = (error: unknown) => {
    const words = (error instanceof Error ? error.message : String(error)).slice(0, 300);
    over.abort(new Verdict("failed", `what the agent printed could not be read: ${words}`));
  };
  const drained = Promise.all([
    eachLine(
      child.stdout,
      (line) => {
        heard.anything();
        const clean = transcript.add(line, reader.essential(line));
        for (const signal of reader.read(clean)) heard.signal(signal);
        if (heard.refusal) over.abort(heard.refusal);
      },
      draining.signal,
    ).catch(unread),
    eachLine(child.stderr, (line) => void errors.add(line, false), draining.signal).catch(unread),
  ]);
  // Last, since only from here on is it stopped whatever happens: with it left on, this process would never end.
  const resources = new ResourceWatch(fleet, fleet.store.paths.home(task.worker), tree);
  try {
    void child.go(prompt);
    const startedMs = tickerMs();
    const late = () => overdue({ startedMs, ...heard.pace() }, task.limits, tickerMs());
    await goneBefore(child.exited, [attempt.ending, over.signal, resources.over.signal], late);
    // What it printed last may still be in the pipe; a child that keeps the pipe open must not keep us.
    await Promise.race([drained, sleep(2000)]);
    const { code, signal } = await child.exited;
    over.signal.throwIfAborted();
    // A host that shuts down asks all processes to end at once, and the agent may be quicker than the order to us.
    if (heard.result?.ok !== true && !attempt.ending.aborted) await within(orderMs, once(attempt.ending, "abort"));
    throwIfEnding(attempt);
    return {
      code,
      signal,
      result: heard.result,
      words: heard.words,
      worked: heard.worked,
      resetsAt: heard.resetsAt,
      proposals: heard.proposals,
    };
  } catch (error) {
    if (error instanceof Verdict) say({ type: "agent:ending", why: error.reason });
    throw error;
  } finally {
    resources.stop();
    await untilDead(attempt, tree);
    draining.abort();
    await Promise.race([drained, sleep(2000)]);
    attempt.finalWord = heard.result ?? attempt.finalWord;
    transcript.close();
    errors.close();
    const { code, signal } = await Promise.race([child.exited, sleep(1000).then(() => ({ code: null, signal: null }))]);
    say({ type: "agent:exited", code, signal, dropped: transcript.dropped + errors.dropped });
  }
}

/**
 * Waits for the agent's end. One promise for hours: a race anew at each tick would leave something behind on `exited` each time.
 * @throws Verdict when something else comes before it
 */
async function goneBefore(
  exited: Promise<unknown>,
  orders: readonly AbortSignal[],
  late: () => Verdict | null,
): Promise<void> {
  let ticking: Timer | undefined;
  try {
    await new Promise<void>((gone, fail) => {
      for (const order of orders) {
        if (order.aborted) fail(order.reason);
        order.addEventListener("abort", () => fail(order.reason), { once: true });
      }
      ticking = setInterval(() => {
        const verdict = late();
        if (verdict) fail(verdict);
      }, tickMs);
      exited.then(() => gone(), fail);
    });
  } finally {
    clearInterval(ticking);
  }
}

/** No end may be written while anything lives, so this waits as long as it takes; status shows `stopping` until then. */
async function untilDead(attempt: InFlight, tree: Tree): Promise<void> {
  for (let told = false; !(await endTree(tree, attempt.task.limits.graceMs)); told = true) {
    if (!told)
      attempt.say({
        type: "warning",
        message: "processes of the agent can't be killed; the worker stays taken until they are gone",
      });
    await sleep(1000);
  }
}
