/**
 * A name on GitHub can come to mean another repository: the one that had it was renamed, and somebody took the name. So
 * the first use of a name binds it to a repository's id, which is given once.
 */
import { dirname } from "node:path";
import type { GitHub } from "../issues/github.ts";
import type { Repository } from "../issues/shapes.ts";
import { FleetError } from "../model/errors.ts";
import { createOnce, makeFolder, readOwn } from "../system/files.ts";
import type { Fleet } from "./fleet.ts";

/** The id that a name is bound to; null where it was never used. */
function boundId({ store }: Pick<Fleet, "store">, repo: string): number | null {
  const known = readOwn(store.paths.repoId(repo));
  return known?.ok && /^\d{1,15}\s*$/.test(known.value) ? Number(known.value) : null;
}

/** What GitHub calls, by now, the repository that a name is bound to. That name where it is bound to none, or GitHub fails: what comes next says so. */
export async function nameNow(
  fleet: Pick<Fleet, "store">,
  github: Pick<GitHub, "nameOf">,
  repo: string,
): Promise<string> {
  const id = boundId(fleet, repo);
  return id === null ? repo : await github.nameOf(id, repo).catch(() => repo);
}

/** @throws FleetError `github` when the name meant another repository before */
export function needSame(fleet: Pick<Fleet, "store">, repo: string, { id }: Pick<Repository, "id">): void {
  const file = fleet.store.paths.repoId(repo);
  makeFolder(dirname(file));
  if (createOnce(file, `${id}\n`)) return;
  const known = readOwn(file);
  if (known?.ok && known.value.trim() === String(id)) return;
  if (known?.ok === false) throw new FleetError("environment", known.reason, { hint: `rm ${file}` });
  throw new FleetError("github", `${repo} is not the repository that it was: somebody else has its name by now`, {
    hint: `if the one that is there now is meant: rm ${file}`,
  });
}
