/** Serialises work on this host that is merely wasteful when doubled. No safety rests on it: a stopped holder loses it unknowingly. */
import { join } from "node:path";
import lockfile from "proper-lockfile";
import { makeFolder } from "./files.ts";

/** Runs `work` while no other process of this host does work of the same name in that folder. A killed holder delays others by 5 s. */
export async function oneAtATime<T>(folder: string, name: string, work: () => Promise<T>): Promise<T> {
  makeFolder(folder);
  const release = await lockfile.lock(join(folder, name), {
    realpath: false,
    stale: 5000,
    retries: { retries: 4000, minTimeout: 5, maxTimeout: 20, factor: 1, randomize: true },
    // Losing it means doubled work, which the create-if-absent records make harmless.
    onCompromised: () => {},
  });
  try {
    return await work();
  } finally {
    await release().catch(() => {});
  }
}
