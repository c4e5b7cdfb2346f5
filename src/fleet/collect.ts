/**
 * Takes the work out of the clone. Git runs there only inside the isolation, since a repository that an agent can write
 * decides what git executes; what comes out is a bundle, which is data.
 */
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import type { Space } from "../isolation/isolation.ts";
import type { Command } from "../model/command.ts";
import type { Task } from "../model/task.ts";
import { Verdict } from "../model/verdict.ts";
import { isBundle } from "../store/bundle.ts";
import { changedBytes, type Difference, differenceOf } from "../store/new-commits.ts";
import { type Child, startChild } from "../system/child.ts";
import { sleep, within } from "../system/clock.ts";
import { failPoint } from "../system/fail-point.ts";
import { discard } from "../system/files.ts";
import { isOfTheMachine, throwIfFull } from "../system/machine-trouble.ts";
import { endTree, type Tree } from "../system/tree.ts";
import { spaceOf } from "./agent-request.ts";
import { type InFlight, needBase } from "./in-flight.ts";
import { ResourceWatch, walled } from "./resources.ts";
import { startNoted } from "./start-noted.ts";

const largestBundle = 512 << 20;
const largestChange = 512 << 20;
const agentPath = "/usr/local/bin:/usr/bin:/bin";

/** The script's exit code where its bundle is not all: 1 more for what git could not take, 2 more for commits beside HEAD. */
const notAll = 64;

/**
 * What a git that was killed has locked is free again. Commits what is uncommitted, then prints everything beyond the base as
 * a bundle; prints nothing when there is nothing. One file that git can't take must not keep all the others.
 */
const script = `
set -e
left=0
rm -f .git/*.lock
find .git/refs -name '*.lock' -delete 2> /dev/null || :
git add -A 2> /dev/null || git add -A --ignore-errors || left=1
git diff --cached --quiet || git -c commit.gpgSign=false -c core.hooksPath=/dev/null commit --quiet --no-verify -m "$2" || left=1
new=$(git rev-list -n 1 HEAD --not "$1")
[ -z "$new" ] || git bundle create --quiet - HEAD --not "$1"
beside=$(git rev-list -n 1 --branches --glob='refs/stas[h]*' --not "$1" HEAD) || beside=unknown
[ -z "$beside" ] || left=$((left + 2))
[ "$left" = 0 ] || exit $((${notAll} + left))
`;

/** Prints all local branches and stashes beyond the base. Only the newest stash is a ref; the others are in its log. */
const branchesScript = `
set -e
n=0
for stash in $(git rev-list --walk-reflogs refs/stash 2> /dev/null || :); do
  git update-ref "refs/stashes/$n" "$stash"
  n=$((n + 1))
done
git bundle create --quiet - --branches --glob='refs/stas[h]*' --not "$1"
`;

/** As much of an attempt as says where it is, also of one that is only planned. */
export type Placed = Pick<InFlight, "fleet"> & { readonly task: Pick<Task, "worker" | "repo" | "issue" | "cookie"> };

export interface Work {
  readonly head: string;
  readonly difference: Difference;
}

/** @returns null when nothing was changed. @throws Verdict `failed` when the clone can't be read */
export async function collect(attempt: InFlight): Promise<Work | null> {
  const { paths, mirror, fleet } = attempt;
  const base = needBase(attempt);
  const timeoutMs = fleet.config.steps.collect;
  const taken = await runInside(attempt, collectCommand(attempt, base.sha), {
    name: "collect",
    timeoutMs: timeoutMs * 0.9,
    stdoutFile: paths.bundle,
  });
  try {
    const left = [1, 2, 3].find((more) => taken.code === notAll + more) ?? 0;
    const words = taken.errors.slice(0, 500) || `exit code ${taken.code}`;
    const untaken = (left & 1) !== 0;
    if (taken.code !== 0) {
      throwIfFull(taken.errors, paths.folder);
      if (left === 0 || (untaken && taken.bytes === 0))
        throw new Verdict("failed", `the work could not be taken out of the clone: ${words}`);
    }
    if (untaken) {
      attempt.untaken.add("files");
      attempt.say({ type: "warning", message: `not all of the work could be taken out of the clone: ${words}` });
    }
    if (left & 2) attempt.untaken.add("branches");
    if (taken.bytes === 0) return found(attempt, null);
    failPoint("bundle written");
    const head = await mirror.importBundle(paths.bundle, timeoutMs);
    failPoint("bundle taken in");
    // Before anything reads or writes the whole of it, on a disk that no limit of the agent's counts.
    const bytes = await changedBytes(mirror, base.sha, head, timeoutMs);
    if (bytes > largestChange) throw new Verdict("rejected", `the change is larger than ${largestChange >> 20} MiB`);
    const difference = await differenceOf(mirror, base.sha, head, timeoutMs);
    // Commits that cancel each other out are nothing to review.
    return found(attempt, difference.files.length === 0 ? null : { head, difference });
  } finally {
    discard(paths.bundle);
  }
}

const shell = (text: string, ...args: string[]): Command["argv"] => ["/bin/sh", "-c", text, ...args];

/** What collects, before it is wrapped. @param base commit that the work starts from */
export function collectCommand(attempt: Placed, base: string): Command {
  const { task, fleet } = attempt;
  const of = task.issue === null ? "Work" : `Work on issue ${task.issue}`;
  return {
    argv: shell(script, "collect", base, `${of} that was left uncommitted`),
    env: { ...agentLike(attempt), GIT_TERMINAL_PROMPT: "0" },
    cwd: fleet.store.paths.clone(task.worker, task.repo),
  };
}

/**
 * Keeps the commits that lie beside the work (of a stash, of a rebase that was not ended) as a bundle in the attempt's folder.
 * Where that fails, the clone is kept for them.
 */
export async function saveBranches(attempt: InFlight, timeoutMs: number): Promise<void> {
  const { paths, untaken } = attempt;
  if (!untaken.has("branches")) return;
  const base = needBase(attempt).sha;
  const command = { ...collectCommand(attempt, base), argv: shell(branchesScript, "branches", base) };
  const how = { name: "branches", timeoutMs, stdoutFile: paths.bundle };
  try {
    const { code, bytes, errors } = await runInside(attempt, command, how);
    if (code !== 0) throwIfFull(errors, paths.folder);
    if (code !== 0 || !isBundle(paths.bundle)) throw new Error(errors.slice(0, 500) || `exit code ${code}`);
    renameSync(paths.bundle, paths.branches);
    untaken.delete("branches");
    attempt.say({ type: "work:saved", file: paths.branches, bytes });
  } catch (error) {
    discard(paths.bundle);
    if (isOfTheMachine(error)) throw error;
    const why = error instanceof Error ? error.message : error;
    attempt.say({ type: "warning", message: `commits beside the work could not be taken out of the clone: ${why}` });
  }
}

/** Keeps work that will not be published, as a patch in the attempt's folder. @returns whether it did */
export async function saveWork(attempt: InFlight, work: Work): Promise<boolean> {
  const { paths, mirror, fleet } = attempt;
  const bytes = await mirror.savePatch(needBase(attempt).sha, work.head, paths.patch, fleet.config.steps.collect);
  if (bytes === null) attempt.say({ type: "warning", message: "the work could not be made a patch" });
  else {
    attempt.untaken.delete("work");
    attempt.say({ type: "work:saved", file: paths.patch, bytes });
  }
  return bytes !== null;
}

export interface InsideRun {
  readonly name: string;
  readonly timeoutMs: number;
  /** Where its output goes. Default: nowhere. */
  readonly stdoutFile?: string;
  /** Its abort ends the command, too; the reason is thrown. */
  readonly ending?: AbortSignal;
  /** What differs from the agent's. Default: nothing, and no network. */
  readonly space?: Partial<Pick<Space, "home" | "protect" | "forwards">>;
}

/** A command of ours that touches what the agent made: in the same isolation, without its credentials. */
export async function runInside(attempt: InFlight, command: Command, how: InsideRun) {
  const { fleet, task, paths } = attempt;
  const isolation = await fleet.isolation(besideClaude(task.isolation));
  const space = { ...spaceOf(attempt, []), ...how.space };
  const info = `${paths.folder}/first-${how.name}-${crypto.randomUUID().slice(0, 8)}.json`;
  return await startNoted(
    attempt,
    () => startChild(walled(fleet, isolation, command, space), info),
    (child, tree) => untilOver(child, () => new ResourceWatch(fleet, space.home, tree), tree, how),
  );
}

/** Of what it prints on standard error, besides the first 64 KiB. */
const lastWords = 4096;

async function untilOver(
  child: Child,
  watch: () => ResourceWatch,
  tree: Tree,
  { name, timeoutMs, stdoutFile, ending }: InsideRun,
) {
  const file = stdoutFile === undefined ? null : openSync(stdoutFile, "w", 0o600);
  let unwritten: unknown = null;
  const out = take(child.stdout, (chunk) => {
    try {
      // A disk that gets full takes the beginning without an error.
      for (let rest = chunk; file !== null && rest.length > 0; ) rest = rest.subarray(writeSync(file, rest));
    } catch (error) {
      unwritten ??= error;
    }
  });
  const resources = watch();
  const stopping = AbortSignal.any([resources.over.signal, ...(ending ? [ending] : [])]);
  let errors = "";
  let last = "";
  const err = take(child.stderr, (chunk) => {
    const text = new TextDecoder().decode(chunk);
    if (errors.length < 64 << 10) errors += text;
    last = (last + text).slice(-lastWords);
  });
  try {
    void child.go("");
    const aborted = new Promise<null>((resolve) => {
      if (stopping.aborted) resolve(null);
      stopping.addEventListener("abort", () => resolve(null), { once: true });
    });
    const end = await within(timeoutMs, Promise.race([child.exited, aborted]));
    stopping.throwIfAborted();
    if (end === null) throw new Verdict("failed", `${name} took longer than ${Math.round(timeoutMs / 1000)} s`);
    await within(5000, Promise.all([out, err]));
    const bytes = await Promise.race([out, sleep(0).then(() => 0)]);
    if (unwritten !== null) throw unwritten;
    if (bytes > largestBundle)
      throw new Verdict("rejected", `${name}: more than ${largestBundle >> 20} MiB came out of the clone`);
    return { bytes, code: end.code, errors: errors.trim(), last: last.trim() };
  } finally {
    resources.stop();
    await endTree(tree, 0);
    if (file !== null) closeSync(file);
  }
}

/** The sandbox of `settings` is Claude's own: what is ours runs beside it. */
export function besideClaude(isolation: Task["isolation"]): Task["isolation"] {
  return isolation === "settings" ? "none" : isolation;
}

async function take(stream: ReadableStream<Uint8Array>, use: (chunk: Uint8Array) => unknown): Promise<number> {
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes <= largestBundle) use(chunk);
    }
  } catch {
    // The pipe broke: the exit code tells.
  }
  return bytes;
}

export function agentLike(attempt: Placed): Record<string, string> {
  const home = attempt.fleet.store.paths.home(attempt.task.worker);
  return { PATH: agentPath, HOME: home, LANG: "C.UTF-8", CW_ATTEMPT_COOKIE: attempt.task.cookie };
}

function found(attempt: InFlight, work: Work | null): Work | null {
  if (work === null) attempt.untaken.delete("work");
  attempt.say({ type: "work:collected", head: work?.head ?? null, commits: work?.difference.commits ?? 0 });
  if (work) {
    const { commits, added, removed, files } = work.difference;
    attempt.figures = { ...attempt.figures, commits, added, removed, files: [...files].slice(0, 200) };
  }
  return work;
}
