/** Before the agent: repository fetched, HOME rebuilt, clone made, prompt written. */
import { relative } from "node:path";
import type { Base } from "../model/attempt.ts";
import { branchNames, claimRef } from "../model/claim.ts";
import { composePrompt } from "../model/prompt.ts";
import { rebuildHome } from "../store/homes.ts";
import { hasClone } from "../store/kept-clones.ts";
import { createOnce, isFolder, replaceFile } from "../system/files.ts";
import { oneAtATime } from "../system/lock.ts";
import { settingsOf } from "./fleet.ts";
import { mirrorLock } from "./free-room.ts";
import type { InFlight } from "./in-flight.ts";

const instructionFiles = ["AGENTS.md", "CLAUDE.md"];
const longestInstructions = 32 << 10;

/** What the agent is told, and how. */
export interface Prepared {
  readonly prompt: string;
  /** Continue the session of the attempt that this one resumes; where that is gone, begin with `prompt`. */
  readonly resume: boolean;
}

/** @param late aborted when the step has run out of time. @throws FleetError when GitHub or git refuse */
export async function prepare(attempt: InFlight, late: AbortSignal): Promise<Prepared> {
  const { fleet, task, snapshot, paths } = attempt;
  const { store } = fleet;
  const fetched = await fetchBase(attempt);
  const clone = store.paths.clone(task.worker, task.repo);
  const home = store.paths.home(task.worker);
  const { resumes } = task;
  const isThere = (n: number) => isFolder(clone) || hasClone(store.paths, task.worker, n);
  const old = resumes === null || !isThere(resumes) ? null : store.attempts.base(task.worker, resumes);
  attempt.branch = branchNames(task.issue, 1, task.sessionId)[0] ?? "work";
  const keep = old === null ? [] : [relative(home, clone), ".claude/projects"];
  // A step past its deadline goes on behind the supervisor's back; in HOME another attempt may be at work by now.
  late.throwIfAborted();
  attempt.tidying = rebuildHome(store.paths, store.workers.identity(task.worker), fleet.templates, keep);
  const resume = old !== null && resumes !== null && isThere(resumes);
  const base = resume ? old : fetched;
  attempt.base = base;
  store.attempts.saveBase(task.worker, task.n, base);
  await attempt.mirror.keepBase(base.sha);
  if (!resume) await attempt.mirror.cloneTo(clone, attempt.branch, base.branch);

  const prompt = composePrompt({
    worker: task.worker,
    repo: snapshot.repository.fullName,
    branch: attempt.branch,
    mode: task.mode,
    workflows: settingsOf(fleet, task.repo)?.workflows ?? false,
    baseBranch: base.branch,
    request: store.attempts.request(task.worker, task.n),
    issue: snapshot.issue,
    instructions: await instructions(attempt, base.sha),
    nonce: crypto.randomUUID(),
  });
  createOnce(paths.prompt, prompt);
  // For the agent to read; ours are in the control folder.
  replaceFile(`${home}/prompt.md`, prompt);
  const shown = { repo: task.repo, issue: task.issue, branch: attempt.branch, attempt: attempt.id };
  replaceFile(`${home}/task.json`, `${JSON.stringify(shown, null, 2)}\n`);
  return { prompt, resume };
}

async function fetchBase(attempt: InFlight): Promise<Base> {
  const { fleet, task, snapshot, mirror, lease } = attempt;
  const { store, config } = fleet;
  const branch = settingsOf(fleet, task.repo)?.base ?? snapshot.repository.defaultBranch;
  const ref = lease && task.issue !== null ? claimRef(config.claims.namespace, task.issue) : null;
  const fetch = () => mirror.fetch(branch, ref, config.steps.prepare);
  const { base } = await oneAtATime(store.paths.locks, mirrorLock(task.repo), fetch);
  return { branch, sha: base };
}

async function instructions(attempt: InFlight, base: string): Promise<{ name: string; text: string }[]> {
  const found: { name: string; text: string }[] = [];
  for (const name of instructionFiles) {
    const text = await attempt.mirror.fileAt(base, name, longestInstructions);
    if (text?.trim()) found.push({ name, text });
  }
  return found;
}
