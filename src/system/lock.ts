/** Serialises work on this host that is merely wasteful when doubled. No safety rests on it: a stopped holder loses it unknowingly. */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import lockfile from "proper-lockfile";
import { FleetError } from "../model/errors.ts";
import { isoNow, sleep, tickerMs } from "./clock.ts";
import { errorCode, makeFolder } from "./files.ts";

/** Longer than anything under a lock may take: the first fetch of a large repository, or what is saved of a crash. */
const longestMs = 20 * 60_000;
const staleMs = 5000;
/** Who lives renews its lock twice as often. */
const renewedMs = 5000;

/**
 * Runs `work` while no other process of this host does work of the same name in that folder. A killed holder delays others by 5 s.
 * @param patienceMs how long others may be at it
 * @throws FleetError `busy` when they are for longer
 */
export async function oneAtATime<T>(
  folder: string,
  name: string,
  work: () => Promise<T>,
  patienceMs = longestMs,
): Promise<T> {
  makeFolder(folder);
  const release = await take(join(folder, name), name, patienceMs);
  try {
    return await work();
  } finally {
    await release().catch(() => {});
  }
}

async function take(path: string, name: string, patienceMs: number): Promise<() => Promise<void>> {
  const isLeft = leftInTheFuture(`${path}.lock`);
  const deadline = tickerMs() + patienceMs;
  for (let waits = 0; ; waits++) {
    try {
      // Losing it means doubled work, which the create-if-absent records make harmless.
      return await lockfile.lock(path, { realpath: false, stale: staleMs, retries: 0, onCompromised: () => {} });
    } catch (error) {
      // Its own retries would wait as long for a disk that is full.
      if (errorCode(error) !== "ELOCKED") throw error;
    }
    if (isLeft()) rmSync(`${path}.lock`, { recursive: true, force: true });
    if (tickerMs() > deadline) {
      const message = `another command of this fleet has been at \`${name}\` for ${Math.round(patienceMs / 1000)} s`;
      throw new FleetError("busy", message, { hint: "wait for it, or end it" });
    }
    await sleep(Math.min(5 * 1.02 ** waits, 200) * (0.5 + Math.random() / 2));
  }
}

/** By a killed holder, before the clock was set back: it would look fresh for as long. @returns whether it is, asked again and again */
function leftInTheFuture(lock: string): () => boolean {
  let made = 0;
  let seenMs = 0;
  return () => {
    const now = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (now !== made) {
      made = now;
      seenMs = tickerMs();
    }
    return made > Date.parse(isoNow()) + staleMs && tickerMs() - seenMs > renewedMs;
  };
}
