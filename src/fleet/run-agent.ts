/** Runs the agent once: start behind the gate, listen, watch its limits, and prove at the end that nothing of it lives. */
import { once } from "node:events";
import type { AgentRequest, AgentSignal, Usage } from "../agents/agent.ts";
import type { Space } from "../isolation/isolation.ts";
import { overdue } from "../model/deadline.ts";
import { protectedInHome } from "../model/protected.ts";
import { Redactor } from "../model/redaction.ts";
import { type AgentEnd, type FinalWord, Verdict } from "../model/verdict.ts";
import { gated, startChild } from "../system/child.ts";
import { sleep, uptimeMs, within } from "../system/clock.ts";
import { makeFolder, replaceFile } from "../system/files.ts";
import { eachLine } from "../system/lines.ts";
import { endTree } from "../system/tree.ts";
import type { Figures } from "./end-attempt.ts";
import { secretsOf } from "./fleet.ts";
import { type InFlight, throwIfEnding } from "./in-flight.ts";
import { processLimit, ResourceWatch } from "./resources.ts";
import { Transcript } from "./transcript.ts";

export interface AgentRun extends AgentEnd {
  /** Epoch ms of the reset, when the account is at its usage limit. */
  readonly resetsAt: number | null;
  /** Issues that the agent would like to see filed. */
  readonly proposals: readonly Proposal[];
}

export interface Proposal {
  readonly title: string;
  readonly body: string;
}

const tickMs = 100;
const orderMs = 500;
const longestText = 500;
/** More are not even remembered; far fewer are filed. */
const mostProposals = 50;
const stderrBytes = 1 << 20;

/**
 * @param resume continue the agent's session instead of beginning it
 * @throws Verdict when a limit was reached, when the attempt has to end, or when the agent could not start
 */
export async function runAgent(attempt: InFlight, prompt: string, resume: boolean, run: number): Promise<AgentRun> {
  const { fleet, task, paths, say } = attempt;
  const agent = await fleet.agent(task.agent);
  const request = requestOf(attempt, resume);
  makeFolder(paths.policy);
  for (const [name, content] of Object.entries(agent.files(request))) replaceFile(`${paths.policy}/${name}`, content);
  const isolation = await fleet.isolation(task.isolation);
  const command = isolation.wrap(
    gated(agent.command(request), processLimit(fleet.config.limits, isolation.pidNamespace)),
    spaceOf(attempt, agent.needs),
  );
  throwIfEnding(attempt);
  const child = await startChild(command, `${paths.folder}/first-${run}.json`).catch((error: unknown) => {
    throw new Verdict("refused", `the agent could not be started: ${error instanceof Error ? error.message : error}`);
  });
  const tree = { monitor: child.monitor, first: child.first, cookie: task.cookie };
  fleet.store.attempts.recordStarted(task.worker, task.n, tree);
  say({ type: "agent:started", pid: child.monitor.pid, isolation: task.isolation, sessionId: task.sessionId, resume });

  const resources = new ResourceWatch(fleet, task.worker, tree);
  const secrets = secretsOf(attempt.credentials);
  const transcript = new Transcript(paths.transcript, task.limits.transcriptBytes, secrets);
  const errors = new Transcript(paths.stderr, stderrBytes, secrets);
  const heard = new Heard(attempt, new Redactor(secrets));
  const reader = agent.reader();
  const draining = new AbortController();
  const drained = Promise.all([
    eachLine(
      child.stdout,
      (line) => {
        heard.anything();
        const clean = transcript.add(line, reader.essential(line));
        for (const signal of reader.read(clean)) heard.signal(signal);
      },
      draining.signal,
    ),
    eachLine(child.stderr, (line) => void errors.add(line, false), draining.signal),
  ]);
  try {
    void child.go(prompt);
    const gone = child.exited.then(() => "gone" as const);
    const startedMs = uptimeMs();
    for (;;) {
      if ((await Promise.race([gone, sleep(tickMs)])) === "gone") break;
      throwIfEnding(attempt);
      const late =
        overdue({ startedMs, ...heard.pace() }, task.limits, uptimeMs()) ?? heard.refusal ?? resources.verdict;
      if (late) throw late;
    }
    // What it printed last may still be in the pipe; a child that keeps the pipe open must not keep us.
    await Promise.race([drained, sleep(2000)]);
    const { code, signal } = await child.exited;
    if (heard.refusal) throw heard.refusal;
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

/** No end may be written while anything lives, so this waits as long as it takes; status shows `stopping` until then. */
async function untilDead(attempt: InFlight, tree: Parameters<typeof endTree>[0]): Promise<void> {
  for (let told = false; !(await endTree(tree, attempt.task.limits.graceMs)); told = true) {
    if (!told)
      attempt.say({
        type: "warning",
        message: "processes of the agent can't be killed; the worker stays taken until they are gone",
      });
    await sleep(1000);
  }
}

type Planned = Pick<InFlight, "fleet" | "paths" | "credentials"> & {
  readonly task: Pick<
    InFlight["task"],
    "worker" | "repo" | "sessionId" | "model" | "limits" | "cookie" | "innerSandbox" | "mode"
  >;
};

export function requestOf(attempt: Planned, resume: boolean): AgentRequest {
  const { fleet, task, paths, credentials } = attempt;
  return {
    home: fleet.store.paths.home(task.worker),
    cwd: fleet.store.paths.clone(task.worker, task.repo),
    controlFolder: paths.policy,
    sessionId: task.sessionId,
    resume,
    model: task.model,
    turns: task.limits.turns,
    budgetUsd: task.limits.budgetUsd,
    provider: credentials.provider,
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
): Space {
  const { fleet, task, paths } = attempt;
  const home = fleet.store.paths.home(task.worker);
  return {
    home,
    hidden: [fleet.store.paths.root, fleet.operatorHome],
    readOnly: [...needs, paths.policy],
    protect: protectedInHome.map((path) => `${home}/${path}`),
  };
}

/** What the agent has said so far. */
class Heard {
  result: FinalWord | null = null;
  resetsAt: number | null = null;
  worked = false;
  refusal: Verdict | null = null;
  readonly proposals: Proposal[] = [];
  words: AgentEnd["words"] = { complete: null, answer: null, fail: null };
  private readonly before: Figures;
  private readyMs: number | null = null;
  private heardMs = uptimeMs();

  constructor(
    private readonly attempt: InFlight,
    private readonly redactor: Redactor,
  ) {
    this.before = attempt.figures;
  }

  anything(): void {
    this.heardMs = uptimeMs();
  }

  pace() {
    const { turns, costUsd } = this.attempt.figures;
    return { readyMs: this.readyMs, heardMs: this.heardMs, turns, costUsd };
  }

  signal(signal: AgentSignal): void {
    const { attempt } = this;
    this.readyMs ??= uptimeMs();
    switch (signal.type) {
      case "init":
        if (signal.problems.length > 0)
          this.refusal = new Verdict(
            "refused",
            `the agent is not as its policy demands: ${signal.problems.join("; ")}`,
          );
        attempt.figures = { ...attempt.figures, model: signal.model };
        attempt.say({ type: "agent:ready", model: signal.model, version: signal.version });
        break;
      case "activity":
        attempt.say({ type: "agent:activity", kind: signal.kind, text: this.short(signal.text) });
        break;
      case "usage": {
        this.worked = true;
        // Its totals are of this process alone; an attempt that was parked has several.
        attempt.figures = plus(this.before, signal.usage, attempt.figures.model);
        const { turns, tokens, costUsd } = attempt.figures;
        attempt.say({ type: "agent:usage", turns, tokens, costUsd });
        break;
      }
      case "waiting":
        attempt.say({ type: "agent:waiting", reason: this.short(signal.reason) });
        break;
      case "limited":
        this.resetsAt = signal.resetsAt;
        break;
      case "voice":
        if (signal.word === "complete" || signal.word === "answer" || signal.word === "fail") {
          this.words = { ...this.words, [signal.word]: this.redactor.text(signal.text) };
        }
        attempt.say({ type: "agent:spoke", word: signal.word, text: this.short(signal.text) });
        break;
      case "result":
        this.result = { ok: signal.ok, kind: signal.kind, text: this.redactor.text(signal.text) };
        break;
      case "proposal":
        if (this.proposals.length < mostProposals) {
          this.proposals.push({ title: this.redactor.text(signal.title), body: this.redactor.text(signal.body) });
        }
        attempt.say({ type: "agent:spoke", word: "propose_issue", text: this.short(signal.title) });
        break;
      case "todo":
      case "heartbeat":
        break;
    }
  }

  private short(text: string): string {
    // Cut off last: half a secret has no form any more.
    return this.redactor.text(text).slice(0, longestText);
  }
}

function plus(before: Figures, usage: Usage, model: string): Figures {
  const sum = (name: keyof Usage["tokens"]) => before.tokens[name] + usage.tokens[name];
  return {
    ...before,
    model,
    turns: before.turns + usage.turns,
    tokens: { input: sum("input"), output: sum("output"), cacheRead: sum("cacheRead"), cacheWrite: sum("cacheWrite") },
    costUsd: usage.costUsd === null ? before.costUsd : (before.costUsd ?? 0) + usage.costUsd,
  };
}
