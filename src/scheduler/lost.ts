/** Issues whose attempts were lost: tried again once by itself, then a person has to look. */
import type { Fleet } from "../fleet/fleet.ts";
import type { GitHub } from "../issues/github.ts";
import { FleetError } from "../model/errors.ts";
import { type Candidate, issueKey, type Selected } from "../model/selection.ts";
import { isoNow } from "../system/clock.ts";

/** Far enough back for any backlog; an issue that was lost before that may be tried again. */
const looked = 5000;
const rememberedMs = 60 * 60_000;

/** How often each issue's attempts were lost here since one of them ended otherwise; shutdowns do not count. */
function lostHere(fleet: Pick<Fleet, "store">): Map<string, number> {
  const lost = new Map<string, number>();
  const decided = new Set<string>();
  let seen = 0;
  for (const end of fleet.store.history.newestFirst()) {
    if (++seen > looked) break;
    // What was refused never came to the issue.
    if (end.issue === null || end.outcome === "refused" || end.reason.startsWith("the host shut")) continue;
    const key = issueKey(end.repo, end.issue);
    if (end.outcome !== "lost") decided.add(key);
    else if (!decided.has(key)) lost.set(key, (lost.get(key) ?? 0) + 1);
  }
  return lost;
}

/** Issues whose newest attempt here never came to them: what refused it may be refused again, while others wait. */
export function refusedLately(fleet: Pick<Fleet, "store">): ReadonlySet<string> {
  const since = new Date(Date.parse(isoNow()) - rememberedMs).toISOString();
  const seen = new Set<string>();
  const refused = new Set<string>();
  for (const { repo, issue, outcome } of fleet.store.history.endedSince(since)) {
    const key = issue === null ? null : issueKey(repo, issue);
    if (key === null || seen.has(key)) continue;
    seen.add(key);
    if (outcome === "refused") refused.add(key);
  }
  return refused;
}

/**
 * {@link lostHere}, without those that a person let go on: what was given up carries a comment, and the label `blocked`
 * until somebody takes it away. Each time gives one more try.
 */
export async function lostNow(
  fleet: Pick<Fleet, "store">,
  github: GitHub,
  candidates: readonly Candidate[],
): Promise<Map<string, number>> {
  const lost = lostHere(fleet);
  for (const { repo, number, labels } of candidates) {
    const times = lost.get(issueKey(repo, number)) ?? 0;
    if (times < 2 || labels.some((label) => label.toLowerCase() === "blocked")) continue;
    // What can't be read is not forgiven.
    if (await isGivenUp(fleet, github, { repo, number }, times).catch(() => false)) lost.delete(issueKey(repo, number));
  }
  return lost;
}

async function isGivenUp(
  fleet: Pick<Fleet, "store">,
  github: GitHub,
  { repo, number }: Pick<Candidate, "repo" | "number">,
  times: number,
): Promise<boolean> {
  return (await github.commentOf(repo, number, markerOf(fleet, number, times))) !== undefined;
}

/** Says so on the issue, once: the label keeps every fleet away until a person takes it off. */
export async function giveUpOn(
  fleet: Pick<Fleet, "store">,
  github: GitHub,
  skipped: Selected["skipped"],
  lost: ReadonlyMap<string, number>,
  failed: string[],
): Promise<void> {
  for (const { candidate, why } of skipped) {
    if (why !== "lost twice") continue;
    const { repo, number } = candidate;
    const times = lost.get(issueKey(repo, number)) ?? 0;
    const text = `${times} attempts on this issue vanished without a result. It is marked \`blocked\` until a person has looked at it.`;
    try {
      // A person took that mark away, which could not be read before: the next tick tries once more.
      if (await isGivenUp(fleet, github, candidate, times)) continue;
      // The label last: it ends the matter, so the comment must be there.
      await github.upsertComment(repo, number, markerOf(fleet, number, times), text);
      await github.addLabel(repo, number, "blocked");
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      failed.push(`${repo}#${number} could not be marked: ${error.message}`);
    }
  }
}

function markerOf(fleet: Pick<Fleet, "store">, number: number, times: number): string {
  return fleet.store.workers.mark(`lost:${number}:${times}`);
}
