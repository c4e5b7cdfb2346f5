/** The local GitHub with one issue, and our client of it: quick to give up, so that tests are. */
import { GitHub } from "../../src/issues/github.ts";
import type { Patience } from "../../src/issues/octokit.ts";
import { type Login, type Site, startSite, tokenOf } from "../standin/site.ts";

export const quick: Patience = { requestMs: 2000, retries: 2, backoffMs: 10, longestWaitMs: 1500 };

export interface Client extends Site {
  readonly client: GitHub;
  /** Of acme/site. */
  readonly issue: number;
  as(login: Login, patience?: Patience): GitHub;
}

export async function startClient(): Promise<Client> {
  const site = await startSite();
  const as = (login: Login, patience = quick) =>
    new GitHub({ apiUrl: site.github.url, token: tokenOf(login), patience });
  const issue = site.github.repo("acme/site").openIssue({ title: "The link is broken" });
  return { ...site, client: as("acme"), issue, as };
}

/** The error of a promise that has to fail. */
export async function failure(promise: Promise<unknown>): Promise<Error & { code?: string; hint?: string }> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
  return error as Error;
}
