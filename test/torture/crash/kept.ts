/**
 * Work of agents: what each had made when it was looked at, and where that is in the end. The fake agent adds a line for each
 * edit; in some flows it leaves more beside that, see `beside` in flows.ts.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Claim } from "../../../src/model/claim.ts";
import type { Found } from "../suite.ts";
import { readme } from "./flows.ts";
import type { Ground } from "./ground.ts";

interface Made {
  readonly lines: number;
  /** Names in {@link besides}. */
  readonly beside: ReadonlySet<string>;
}

/** What was in the clone of an attempt, by its number. */
export type Edits = Map<number, Made>;

/** Beside the work: whether a clone has it, and under which ref a bundle has it, if it can. */
const besides: Readonly<Record<string, { in(ground: Ground, clone: string): boolean; readonly ref: string | null }>> = {
  stash: { in: (ground, clone) => ground.text(join(clone, ".git/refs/stash")) !== "", ref: "refs/stashes/0" },
  branch: {
    in: (ground, clone) => {
      const aside = ground.text(join(clone, ".git/refs/heads/aside"));
      const [, head = "HEAD"] = /^ref: (.+)$/m.exec(ground.text(join(clone, ".git/HEAD"))) ?? [];
      // As long as it is checked out, or no commit is on it, it is the work itself.
      return aside !== "" && aside !== ground.text(join(clone, ".git", head));
    },
    ref: "refs/heads/aside",
  },
  "nested repository": { in: (ground, clone) => ground.text(join(clone, "nested/notes")) !== "", ref: null },
};

const home = (ground: Ground) => ground.store.paths.clone("01", ground.repo.name);
const kept = (ground: Ground, n: number) => join(ground.attempt(n), "clone");
const isIn = (ground: Ground, clone: string, what: string) => besides[what]?.in(ground, clone) === true;

export function noteEdits(ground: Ground, edits: Edits): void {
  const { attempts } = ground.store;
  const newest = attempts.newest("01");
  // Of an attempt that goes on with another's clone, the change is its own as well; before it has got so far, it is the other's.
  const begun = newest > 0 && attempts.base("01", newest) !== null;
  const whose = begun ? newest : (attempts.task("01", newest)?.resumes ?? 0);
  if (whose > 0) note(ground, edits, whose, home(ground));
  // Before anybody has looked it may have been moved.
  for (const n of ground.attempts()) note(ground, edits, n, kept(ground, n));
}

function note(ground: Ground, edits: Edits, n: number, clone: string): void {
  const lines = edited(ground.text(join(clone, "README.md")));
  const beside = Object.keys(besides).filter((what) => isIn(ground, clone, what));
  if (lines === 0 && beside.length === 0) return;
  const known = edits.get(n);
  edits.set(n, { lines: Math.max(lines, known?.lines ?? 0), beside: new Set([...(known?.beside ?? []), ...beside]) });
}

/**
 * What an agent has changed is published, or a patch, or in a clone that is kept, or so of an attempt that went on with its clone;
 * what it has left beside that is in a bundle or in such a clone.
 * @param atWork the attempt that still is, whose clone counts
 */
export async function unkept(
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
  // Whose agent never got to work, in another's clone: that one's work is all there is.
  const fromOf = (n: number) =>
    attempts.ended("01", n)?.outcome === "refused" ? (attempts.task("01", n)?.resumes ?? null) : null;
  const heirsOf = (n: number) => ground.attempts().filter((one) => one > n && attempts.task("01", one)?.resumes === n);
  const isSafe = async (n: number, lines: number, more: number): Promise<boolean> => {
    if (inPatch(n) >= lines) return true;
    if (edited(ground.text(join(kept(ground, n), "README.md"))) >= lines) return true;
    const from = fromOf(n);
    if (from !== null && inPatch(from) >= lines) return true;
    if (n === atWork && edited(readme(ground)) >= lines) return true;
    // Whoever went on with it and came to publish has added an own line.
    if ((await published(n)) >= lines + more) return true;
    for (const heir of heirsOf(n)) if (await isSafe(heir, lines, 1)) return true;
    return false;
  };
  const isThere = (n: number, what: string): boolean =>
    isIn(ground, kept(ground, n), what) ||
    bundled(ground, n).includes(besides[what]?.ref ?? "none") ||
    (n === atWork && isIn(ground, home(ground), what)) ||
    heirsOf(n).some((heir) => isThere(heir, what));
  for (const [n, { lines, beside }] of edits) {
    const outcome = attempts.ended("01", n)?.outcome ?? "no end";
    if (!(await isSafe(n, lines, 0)))
      harm.push({ kind: "lost", detail: `the work of attempt ${n} (${outcome}): no patch` });
    for (const what of beside)
      if (![n, ...(fromOf(n) === null ? [] : [fromOf(n) as number])].some((one) => isThere(one, what)))
        harm.push({ kind: "lost", detail: `the ${what} of attempt ${n} (${outcome}): neither a clone nor a bundle` });
  }
  return harm;
}

/** Refs in an attempt's bundle; none where it is not whole. Its objects go into a folder of ours, not to GitHub. */
function bundled(ground: Ground, n: number): string[] {
  const bundle = join(ground.attempt(n), "branches.bundle");
  if (!existsSync(bundle)) return [];
  const objects = join(ground.folder, "unbundled");
  mkdirSync(objects, { recursive: true });
  const { exitCode, stdout } = Bun.spawnSync(["git", "--git-dir", ground.repo.dir, "bundle", "unbundle", bundle], {
    env: {
      PATH: "/usr/bin:/bin",
      HOME: "/",
      GIT_OBJECT_DIRECTORY: objects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: join(ground.repo.dir, "objects"),
    },
  });
  return exitCode === 0 ? stdout.toString().split(/\s/) : [];
}

/** How often, in a file or as added lines of a patch. */
function edited(text: string): number {
  return text.match(/^\+?Edited by the fake agent\.$/gm)?.length ?? 0;
}
