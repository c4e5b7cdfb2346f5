/** Gives workers what has changed since init: the template, and the credentials of the environment. */
import { statusOf } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import type { StoredSecrets } from "../model/worker.ts";
import { checkTemplate, rebuildHome } from "../store/homes.ts";
import { now } from "../system/clock.ts";
import { oneAtATime } from "../system/lock.ts";
import type { Fleet } from "./fleet.ts";
import { githubPart, namesOf } from "./init.ts";

export interface Refreshed {
  readonly worker: string;
  /** Names of the credentials that were stored, never values. */
  readonly stored: readonly string[];
  /** False for a worker that is not idle: its HOME is made anew by its next attempt anyway. */
  readonly rebuilt: boolean;
}

/** @throws FleetError `notFound`, `usage`, `config` */
export async function refresh(fleet: Fleet, ids: readonly string[]): Promise<Refreshed[]> {
  const { workers } = fleet.store;
  if (ids.length === 0) throw new FleetError("usage", "which workers?", { hint: "cw refresh --all" });
  for (const id of ids) checkTemplate(`${fleet.templates}/${workers.identity(id).template}`);
  const refreshed: Refreshed[] = [];
  for (const id of ids) refreshed.push({ worker: id, stored: store(fleet, id), rebuilt: await rebuild(fleet, id) });
  return refreshed;
}

/** What the environment does not have stays as it was stored. */
function store(fleet: Fleet, id: string): string[] {
  const { githubToken, githubApp, provider } = fleet.credentials;
  const names = namesOf(fleet.credentials);
  if (names.length === 0) return [];
  const before = known(fleet, id);
  const { githubToken: _, githubApp: __, ...others } = before;
  fleet.store.workers.storeSecrets(id, {
    ...(githubToken === null && !githubApp ? before : others),
    ...githubPart(fleet.credentials),
    ...(Object.keys(provider).length === 0 ? {} : { provider: { ...provider } }),
  });
  return names;
}

/** What can't be read is replaced: that is what its error says to do. */
function known(fleet: Fleet, id: string): StoredSecrets {
  try {
    return fleet.store.workers.secrets(id);
  } catch (error) {
    if (error instanceof FleetError) return { version: 1 };
    throw error;
  }
}

async function rebuild(fleet: Fleet, id: string): Promise<boolean> {
  const { attempts, paths, workers } = fleet.store;
  // No attempt may begin in a HOME that is being moved away.
  const { tidying } = await oneAtATime(paths.locks, "reserve", async () => {
    if (statusOf(attempts.facts(id), now()).state !== "idle") return { tidying: null };
    // A stopped attempt may be resumed: its clone and its session stay.
    return { tidying: rebuildHome(paths, workers.identity(id), fleet.templates, ["github", ".claude/projects"]) };
  });
  await tidying;
  return tidying !== null;
}
