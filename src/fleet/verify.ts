/** Between the agent and GitHub: nothing in the change that is secret or runs there, and the project's own gates pass. */
import { printable } from "../model/text.ts";
import { Verdict } from "../model/verdict.ts";
import { isWorkflow } from "../model/workflows.ts";
import { pullRequestBody, pullRequestTitle } from "../reports/pull-request.ts";
import { filesBeyond } from "../store/new-commits.ts";
import { tickerMs } from "../system/clock.ts";
import type { Work } from "./collect.ts";
import { secretsOf, settingsOf } from "./fleet.ts";
import { passGates } from "./gates.ts";
import { type InFlight, needBase } from "./in-flight.ts";
import { ownCommits, type Published } from "./own-commits.ts";
import { secretInChange, secretInText } from "./secret-scan.ts";

/** @returns what is to be published. @throws Verdict `rejected` (a workflow, a secret), `failed` (a gate) */
export async function verify(attempt: InFlight, collected: Work): Promise<Work> {
  const { config, store } = attempt.fleet;
  // Before the deadline of the step, so that no gate outlives it.
  const until = tickerMs() + config.steps.verify * 0.95;
  const who = store.workers.identity(attempt.task.worker);
  const work = await ownCommits(attempt.mirror, who, needBase(attempt), collected, config.steps.verify);
  const settings = settingsOf(attempt.fleet, attempt.task.repo);
  if (!settings?.workflows) await refuseWorkflows(attempt, work);
  await refuseSecrets(attempt, work);
  await passGates(attempt, until);
  const { commits, added, removed, files } = work.difference;
  attempt.say({ type: "work:verified", commits, added, removed, files: files.length });
  return work;
}

/** What GitHub itself would run, with the repository's own rights, as soon as it is pushed. */
async function refuseWorkflows(attempt: InFlight, work: Published): Promise<void> {
  const touched = await filesBeyond(attempt.mirror, work, work.fork, attempt.fleet.config.steps.verify);
  const found = touched.filter(isWorkflow).map((name) => printable(name, 100));
  if (found.length === 0) return;
  const more = found.length > 5 ? ` and ${found.length - 5} more` : "";
  throw new Verdict(
    "rejected",
    `the change touches what GitHub runs: ${found.slice(0, 5).join(", ")}${more}; repos.${attempt.task.repo}.workflows allows it`,
  );
}

async function refuseSecrets(attempt: InFlight, work: Work): Promise<void> {
  const { mirror, credentials, fleet, task, finalWord, snapshot } = attempt;
  const timeoutMs = fleet.config.steps.verify;
  const base = needBase(attempt).sha;
  const known = secretsOf(credentials);
  const [diff, messages] = await Promise.all([
    mirror.changes(base, work.head, timeoutMs),
    mirror.messages(base, work.head, timeoutMs),
  ]);
  if (diff === null) throw new Verdict("rejected", "the change is too large to be looked through for secrets");
  const found = await secretInChange(diff, known);
  // The name itself is not told: the reason is shown to everybody.
  if (found?.line === 0) throw new Verdict("rejected", `the name of a file contains ${found.what}`);
  if (found) throw new Verdict("rejected", `the change contains ${found.what}: ${found.file}, line ${found.line}`);
  const said = finalWord?.text ?? "";
  const texts = [
    ["a commit message", messages],
    ["the title of the pull request", pullRequestTitle(snapshot.issue, said)],
    ["the text of the pull request", pullRequestBody(task, attempt.id, said, attempt.figures)],
  ] as const;
  for (const [where, text] of texts) {
    const what = await secretInText(text, known);
    if (what) throw new Verdict("rejected", `${where} contains ${what}`);
  }
}
