/** Looks on GitHub for claims and labels that match no task of this fleet. */
import { credentialsOf, type Fleet, githubIdentity, needGithub } from "../fleet/fleet.ts";
import { isRecorded } from "../fleet/is-over.ts";
import { statusOf } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import { type Stray, straysOf } from "../model/strays.ts";
import { attemptId } from "../model/task.ts";
import { ListCache } from "../store/list-cache.ts";
import { now } from "../system/clock.ts";

/** In the configured repositories and those of the workers' last tasks. @throws FleetError for any that can't be read */
export async function strays(fleet: Fleet): Promise<Stray[]> {
  const { attempts, paths, workers } = fleet.store;
  const ids = workers.list();
  const running = new Set<string>();
  const repos = new Map(Object.keys(fleet.config.repos).map((repo) => [repo.toLowerCase(), repo]));
  for (const worker of ids) {
    const facts = attempts.facts(worker);
    if (facts === null || !facts.task.ok) continue;
    const { repo } = facts.task.value;
    repos.set(repo.toLowerCase(), repos.get(repo.toLowerCase()) ?? repo);
    if (statusOf(facts, now()).state !== "idle") running.add(attemptId(worker, facts.n));
  }
  const credentials = needGithub(ids[0] === undefined ? fleet.credentials : credentialsOf(fleet, ids[0]));
  const cache = new ListCache(paths, githubIdentity(credentials));
  const listing = (await fleet.github(credentials)).listing(cache);
  const host = workers.fleetId();
  const recorded = (attempt: string) => isRecorded(fleet, attempt);
  const found = await Promise.all(
    [...repos.values()].map(async (repo) => {
      const [issues, claims] = await Promise.all([
        listing.openIssues(repo),
        listing.claims(repo, fleet.config.claims.namespace),
      ]).catch((error: unknown) => {
        if (error instanceof FleetError)
          throw new FleetError(error.code, `${repo}: ${error.message}`, { cause: error });
        throw error;
      });
      return straysOf(repo, issues, new Map(claims.map(({ issue, claim }) => [issue, claim])), running, host, recorded);
    }),
  );
  return found.flat();
}
