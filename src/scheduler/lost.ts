/** Issues whose attempts were lost: tried again once by itself, then a person has to look. */
import type { Fleet } from "../fleet/fleet.ts";
import type { GitHub } from "../issues/github.ts";
import { issueKey, type Selected } from "../model/selection.ts";

/** Far enough back for any backlog; an issue that was lost before that may be tried again. */
const looked = 5000;

/** How often each issue's attempts were lost here since one of them ended otherwise; shutdowns do not count. */
export function lostHere(fleet: Pick<Fleet, "store">): Map<string, number> {
  const lost = new Map<string, number>();
  const decided = new Set<string>();
  let seen = 0;
  for (const end of fleet.store.history.newestFirst()) {
    if (++seen > looked) break;
    if (end.issue === null || end.reason.startsWith("the host shut")) continue;
    const key = issueKey(end.repo, end.issue);
    if (end.outcome !== "lost") decided.add(key);
    else if (!decided.has(key)) lost.set(key, (lost.get(key) ?? 0) + 1);
  }
  return lost;
}

/** Says so on the issue, once: the label keeps every fleet away until a person takes it off. */
export async function giveUpOn(fleet: Fleet, github: GitHub, skipped: Selected["skipped"]): Promise<void> {
  for (const { candidate, why } of skipped) {
    if (why !== "lost twice") continue;
    const marker = `claude-workers:${fleet.store.workers.fleetId().slice(0, 8)}:lost:${candidate.number}`;
    const text =
      "Two attempts on this issue vanished without a result. It is marked `blocked` until a person has looked at it.";
    await github.upsertComment(candidate.repo, candidate.number, marker, text);
    await github.addLabel(candidate.repo, candidate.number, "blocked");
  }
}
