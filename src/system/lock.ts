/** Serialises work on this host that is merely wasteful when doubled. No safety rests on it: a stopped holder loses it unknowingly. */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import lockfile from "proper-lockfile";
import { FleetError } from "../model/errors.ts";
import { isoNow } from "./clock.ts";
import { errorCode, makeFolder } from "./files.ts";

/** Longer than anything under a lock may take: the first fetch of a large repository, or what is saved of a crash. */
const longestMs = 20 * 60_000;
const staleMs = 5000;

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
  const path = join(folder, name);
  forgetFuture(`${path}.lock`);
  const release = await lockfile
    .lock(path, {
      realpath: false,
      stale: staleMs,
      retries: {
        ...{ forever: true, maxRetryTime: patienceMs },
        ...{ retries: 200, minTimeout: 5, maxTimeout: 200, factor: 1.02, randomize: true },
      },
      // Losing it means doubled work, which the create-if-absent records make harmless.
      onCompromised: () => {},
    })
    .catch((error: unknown) => {
      if (errorCode(error) !== "ELOCKED") throw error;
      const message = `another command of this fleet has been at \`${name}\` for ${Math.round(patienceMs / 1000)} s`;
      throw new FleetError("busy", message, { hint: "wait for it, or end it" });
    });
  try {
    return await work();
  } finally {
    await release().catch(() => {});
  }
}

/** Left by a killed holder before the clock was set back, it would look fresh for as long. Who lives renews it twice in that time. */
function forgetFuture(lock: string): void {
  const made = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made > Date.parse(isoNow()) + staleMs) rmSync(lock, { recursive: true, force: true });
}
