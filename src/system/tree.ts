/** Ends everything that an attempt started, however it forked. */
import type { ProcessIdentity } from "../model/process.ts";
import { sleep, tickerMs } from "./clock.ts";
import { couldNotLook } from "./files.ts";
import { childrenOf, identify, liveness, signal, withCookie } from "./process.ts";

export interface Tree {
  readonly monitor: ProcessIdentity;
  /** First process of the pid namespace: its death is the death of all inside. */
  readonly first: ProcessIdentity | null;
  readonly cookie: string;
}

const killTimeMs = 15_000;

/** Asks the program to end; where it is inside a pid namespace it is a child of the first process there. */
function askToEnd(tree: Tree): void {
  const programs = tree.first === null ? [tree.monitor] : childrenOf(tree.first.pid).map(identify);
  for (const program of programs) if (program) signal(program, "SIGTERM");
}

/**
 * TERM, grace, then KILL until nothing is left.
 * @returns whether all are proved dead; false after 15 s of killing (a process in uninterruptible sleep)
 * @throws Error when it could not be looked at for 15 s: no more open files
 */
export async function endTree(tree: Tree, graceMs: number): Promise<boolean> {
  // Who is there before anybody dies: what loses its parent may be found by nothing afterwards.
  let known = await sure(() => survivors(tree));
  const runs = () => sure(() => liveness(tree.monitor) === "alive");
  if (graceMs > 0 && (await runs())) {
    await sure(() => askToEnd(tree));
    const deadline = tickerMs() + graceMs;
    while (tickerMs() < deadline && (await runs())) await sleep(20);
  }
  const deadline = tickerMs() + killTimeMs;
  // A process that is born during one scan is seen by the next: only two empty ones in a row prove anything.
  for (let empty = 0; empty < 2; ) {
    const before = known;
    known = await sure(() => halted(tree, before));
    if (known.length === 0) empty++;
    else {
      empty = 0;
      if (tickerMs() > deadline) return false;
      for (const one of known) signal(one, "SIGKILL");
      await sleep(10);
    }
  }
  return true;
}

/** Where nothing can be opened nobody is proved dead: looked again. */
async function sure<T>(look: () => T): Promise<T> {
  const deadline = tickerMs() + killTimeMs;
  for (;;) {
    try {
      return look();
    } catch (error) {
      if (!couldNotLook(error) || tickerMs() > deadline) throw error;
      await sleep(20);
    }
  }
}

/** Who lives, all stopped: what a running one starts between our look and its death would have neither parent nor cookie. */
function halted(tree: Tree, known: readonly ProcessIdentity[]): readonly ProcessIdentity[] {
  let all = survivors(tree, known);
  // Those that fork on as fast as we look are killed all the same.
  for (let looks = 0, before = 0; all.length > before && looks < 5; looks++) {
    before = all.length;
    for (const one of all) signal(one, "SIGSTOP");
    all = survivors(tree, all);
  }
  return all;
}

/** What lives of the tree and of those who were known before, and all that descends from them. */
function survivors(tree: Tree, known: readonly ProcessIdentity[] = []): readonly ProcessIdentity[] {
  const own = [...(tree.first ? [tree.first] : []), tree.monitor, ...known];
  return withCookie(tree.cookie, own);
}
