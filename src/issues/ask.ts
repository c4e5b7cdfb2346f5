/** One request, with its failure in our terms. */
import { FleetError } from "../model/errors.ts";
import { sleep } from "../system/clock.ts";
import { githubFailure, hasStatus, isUnclear } from "./github-errors.ts";
import type { Patience } from "./octokit.ts";

export function split(repo: string): { owner: string; repo: string } {
  const [owner, name] = repo.split("/");
  if (owner === undefined || name === undefined) throw new FleetError("usage", `not a repository: ${repo}`);
  return { owner, repo: name };
}

export async function ask<T>(what: string, request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw githubFailure(error, what);
  }
}

/**
 * A write that happens once: when its answer is unclear it is looked for, and sent again only if it is not there.
 * @param mayPass whether a 409 or 422 is worth another try: GitHub has not seen yet what it builds on. Default: none is
 * @throws FleetError
 */
export async function once<T>(
  patience: Pick<Patience, "retries" | "backoffMs">,
  what: string,
  send: () => Promise<T>,
  find: () => Promise<T | undefined>,
  mayPass: (error: unknown) => boolean = () => false,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await send();
    } catch (error) {
      if (!isUnclear(error) || (hasStatus(error, 409, 422) && !mayPass(error))) throw githubFailure(error, what);
      await sleep(tries ** 2 * patience.backoffMs);
      const found = await find();
      if (found !== undefined) return found;
      if (tries > patience.retries) throw githubFailure(error, what);
    }
  }
}
