/** Files the issues that an agent proposed: in its own repository, marked as the agent's, no twins, only so many. */

import { Verdict } from "../model/verdict.ts";
import { proposalBody, proposalTitle, sameTitle } from "../reports/proposal.ts";
import { secretsOf } from "./fleet.ts";
import type { Proposal } from "./heard.ts";
import type { InFlight } from "./in-flight.ts";
import { secretInText } from "./secret-scan.ts";

/**
 * @param filed takes their numbers, each as soon as it is known
 * @param late aborted when the step has run out of time: nothing is filed after that
 */
export async function fileProposals(
  attempt: InFlight,
  proposals: readonly Proposal[],
  filed: number[],
  late: AbortSignal,
): Promise<void> {
  const { fleet, github, task } = attempt;
  const most = fleet.config.limits.proposals;
  if (proposals.length > most) {
    attempt.say({ type: "warning", message: `${proposals.length} issues were proposed, ${most} at most are filed` });
  }
  const secrets = secretsOf(attempt.credentials);
  // All of them before the first is filed: an issue can't be taken back.
  for (const [at, { title, body }] of proposals.entries()) {
    const what = await secretInText(`${title}\n${body}`, secrets);
    if (what) throw new Verdict("rejected", `proposal ${at + 1} contains ${what}`);
  }
  const known = proposals.length === 0 ? [] : await github.openTitles(task.repo);
  for (const [at, { title, body }] of proposals.entries()) {
    const shown = proposalTitle(title);
    if (filed.length >= most || shown === "") continue;
    if (known.some((one) => sameTitle(one, shown))) {
      attempt.say({ type: "warning", message: `not filed, there is an open issue like it: ${shown}` });
      continue;
    }
    const marker = fleet.store.workers.mark(`${attempt.id}:proposal-${at + 1}`);
    const text = proposalBody(task.worker, attempt.id, body);
    const { number, url } = await github.openIssue(task.repo, { marker, title: shown, text }, late);
    known.push(shown);
    filed.push(number);
    attempt.say({ type: "issue:filed", number, url });
  }
}
