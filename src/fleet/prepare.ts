/** Before the agent: repository fetched, HOME rebuilt, clone made, prompt written. */
import { chmodSync } from "node:fs";
import { branchNames, claimRef } from "../model/claim.ts";
import { composePrompt } from "../model/prompt.ts";
import { rebuildHome } from "../store/homes.ts";
import { createOnce, replaceFile } from "../system/files.ts";
import { oneAtATime } from "../system/lock.ts";
import type { InFlight } from "./in-flight.ts";

const instructionFiles = ["AGENTS.md", "CLAUDE.md"];
const longestInstructions = 32 << 10;

/** @returns the prompt. @throws FleetError when GitHub or git refuse */
export async function prepare(attempt: InFlight): Promise<string> {
  const { fleet, task, snapshot, mirror, paths, lease } = attempt;
  const { store, config } = fleet;
  const timeoutMs = config.steps.prepare;
  const branch = config.repos[task.repo]?.base ?? snapshot.repository.defaultBranch;
  const ref = lease && task.issue !== null ? claimRef(config.claims.namespace, task.issue) : null;
  const lockName = `mirror-${task.repo.toLowerCase().replace("/", "--")}`;
  const { base } = await oneAtATime(store.paths.locks, lockName, () => mirror.fetch(branch, ref, timeoutMs));
  attempt.base = { branch, sha: base };
  attempt.branch = branchNames(task.issue, 1, task.sessionId)[0] ?? "work";

  const home = store.paths.home(task.worker);
  const clone = store.paths.clone(task.worker, task.repo);
  attempt.tidying = rebuildHome(store.paths, store.workers.identity(task.worker), fleet.templates, []);
  await mirror.cloneTo(clone, attempt.branch, branch);

  const prompt = composePrompt({
    worker: task.worker,
    repo: snapshot.repository.fullName,
    branch: attempt.branch,
    baseBranch: branch,
    request: store.attempts.request(task.worker, task.n),
    issue: snapshot.issue,
    instructions: await instructions(attempt, base),
    nonce: crypto.randomUUID(),
  });
  createOnce(paths.prompt, prompt);
  // For the agent to read; ours are in the control folder.
  replaceFile(`${home}/prompt.md`, prompt);
  replaceFile(
    `${home}/task.json`,
    `${JSON.stringify({ repo: task.repo, issue: task.issue, branch: attempt.branch, attempt: attempt.id }, null, 2)}\n`,
  );
  chmodSync(home, 0o700);
  return prompt;
}

async function instructions(attempt: InFlight, base: string): Promise<{ name: string; text: string }[]> {
  const found: { name: string; text: string }[] = [];
  for (const name of instructionFiles) {
    const text = await attempt.mirror.fileAt(base, name, longestInstructions);
    if (text?.trim()) found.push({ name, text });
  }
  return found;
}
