/** One request, with its failure in our terms. */
import { FleetError } from "../model/errors.ts";
import { githubFailure } from "./github-errors.ts";

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
