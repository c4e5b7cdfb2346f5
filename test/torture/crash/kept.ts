/** Work of agents: what each had changed when it was looked at, and where that is in the end. The fake agent adds a line for each edit. */
import { join } from "node:path";
import type { Claim } from "../../../src/model/claim.ts";
import type { Found } from "../suite.ts";
import { readme } from "./flows.ts";
import type { Ground } from "./ground.ts";

/** Lines in the clone of an attempt, by its number. */
export type Edits = Map<number, number>;

export function noteEdits(ground: Ground, edits: Edits): void {
  const lines = edited(readme(ground));
  if (lines === 0) return;
  const { attempts } = ground.store;
  const newest = attempts.newest("01");
  // Of an attempt that goes on with another's clone, the change is its own as well; before it has got so far, it is the other's.
  const begun = newest > 0 && attempts.base("01", newest) !== null;
  const whose = begun ? newest : (attempts.task("01", newest)?.resumes ?? 0);
  if (whose > 0) edits.set(whose, Math.max(lines, edits.get(whose) ?? 0));
}

/**
 * What an agent has changed is published, or a patch, or in a clone that is kept, or so of an attempt that went on with its clone.
 * @param atWork the attempt that still is, whose clone counts
 */
export async function kept(
  ground: Ground,
  edits: Edits,
  chain: readonly Claim[],
  atWork: number | null,
): Promise<Found["harm"]> {
  const { attempts } = ground.store;
  const harm: Found["harm"][number][] = [];
  const published = async (n: number) => {
    const head = chain.find(({ state, attempt }) => state === "published" && attempt === `01-${n}`)?.head;
    return head ? edited((await ground.repo.file(head, "README.md")) ?? "") : 0;
  };
  const inPatch = (n: number) => edited(ground.text(join(ground.attempt(n), "work.patch")));
  const isSafe = async (n: number, lines: number, more: number): Promise<boolean> => {
    if (inPatch(n) >= lines) return true;
    if (edited(ground.text(join(ground.attempt(n), "clone/README.md"))) >= lines) return true;
    // Whose agent never got to work, in another's clone: that one's work is all there is.
    const from = attempts.ended("01", n)?.outcome === "refused" ? (attempts.task("01", n)?.resumes ?? null) : null;
    if (from !== null && inPatch(from) >= lines) return true;
    if (n === atWork && edited(readme(ground)) >= lines) return true;
    // Whoever went on with it and came to publish has added an own line.
    if ((await published(n)) >= lines + more) return true;
    const heirs = ground.attempts().filter((one) => one > n && attempts.task("01", one)?.resumes === n);
    for (const heir of heirs) if (await isSafe(heir, lines, 1)) return true;
    return false;
  };
  for (const [n, lines] of edits) {
    if (await isSafe(n, lines, 0)) continue;
    const outcome = attempts.ended("01", n)?.outcome ?? "no end";
    harm.push({ kind: "lost", detail: `the work of attempt ${n} (${outcome}): no patch` });
  }
  return harm;
}

/** How often, in a file or as added lines of a patch. */
function edited(text: string): number {
  return text.match(/^\+?Edited by the fake agent\.$/gm)?.length ?? 0;
}
