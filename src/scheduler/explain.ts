/** Why an issue is, or is not, taken up: every rule of selection with its answer, the claim, what became of it before. */
import { type Fleet, githubIdentity, needGithub } from "../fleet/fleet.ts";
import { trustIn } from "../fleet/trust.ts";
import type { End } from "../model/attempt.ts";
import type { Claim } from "../model/claim.ts";
import { FleetError } from "../model/errors.ts";
import { isProposal, parseIssueNumber, parseRepo, sameRepo } from "../model/issue.ts";
import { issueKey, rulesFor } from "../model/selection.ts";
import { ListCache } from "../store/list-cache.ts";
import { busyness, readAll, readersCredentials } from "./facts.ts";
import { lostNow } from "./lost.ts";

export interface Explanation {
  readonly repo: string;
  readonly issue: number;
  readonly title: string;
  readonly rules: readonly { readonly rule: string; readonly ok: boolean; readonly answer: string }[];
  /** Newest first; at most twenty. */
  readonly claims: readonly {
    readonly at: string;
    readonly state: Claim["state"] | "unknown";
    readonly worker: string;
    readonly attempt: string;
    readonly fleet: string;
  }[];
  /** Attempts of this fleet on it, newest first. */
  readonly attempts: readonly End[];
  /** What the next `assign` would do. */
  readonly verdict: string;
}

const longestHistory = 5000;

/** @param name `owner/repo#22`. @throws FleetError `usage`, `notFound`, `auth`, `github` */
export async function explain(fleet: Fleet, name: string): Promise<Explanation> {
  const found = /^([^#]+)#([^#]+)$/.exec(name);
  if (found?.[1] === undefined || found[2] === undefined) {
    throw new FleetError("usage", `not an issue: ${JSON.stringify(name)}`, { hint: "cw explain acme/site#22" });
  }
  const repo = parseRepo(found[1]);
  const number = parseIssueNumber(found[2]);
  const credentials = needGithub(readersCredentials(fleet, fleet.store.workers.list()));
  const github = await fleet.github(credentials);
  const issue = await github.issue(repo, number);
  const failed: string[] = [];
  const listing = github.listing(new ListCache(fleet.store.paths, githubIdentity(credentials)));
  const { candidates, claims } = await readAll(fleet, listing, [repo], failed);
  if (failed[0] !== undefined) throw new FleetError("github", failed[0]);
  const trust = await trustIn(
    github,
    repo,
    { ...issue, proposed: isProposal(issue.body) },
    fleet.config.assign.approvalLabel,
  );
  const candidate = candidates.find((one) => one.number === number);
  const open = new Set(candidates.filter((one) => !one.isPullRequest).map((one) => issueKey(one.repo, one.number)));
  const lost = await lostNow(fleet, github, candidate ? [candidate] : []);
  const configured = Object.keys(fleet.config.repos);
  const listed = configured.some((one) => sameRepo(one, repo));
  const otherwise = configured.length === 0 ? `assign takes it up only with -r ${repo}` : "assign leaves it alone";
  const { idle, paused, running } = busyness(fleet);
  const { reserve, perRepo } = fleet.config.assign;
  const there = running.get(repo.toLowerCase()) ?? 0;
  const rules = [
    { rule: "it is open", ok: issue.open, answer: issue.open ? "yes" : "no, it is closed" },
    { rule: "its repository is configured", ok: listed, answer: listed ? "yes" : `no: ${otherwise}` },
    ...(candidate ? rulesFor(candidate, { claims, lost }, open) : notListed(issue.open)),
    ...(perRepo === null
      ? []
      : [
          {
            rule: "its repository has room",
            ok: there < perRepo,
            answer: `${there} of ${perRepo} attempts run there`,
          },
        ]),
    // Asked for whatever the other rules say; its answer is worth reading also when it is yes.
    { rule: "its text may be trusted", ok: trust.trusted, answer: trust.why },
  ];
  rules.push({
    rule: "a worker is idle",
    ok: idle.length > reserve,
    answer: `${idle.length} idle, ${reserve} kept in reserve${paused === null ? "" : `; others: ${paused.why} until ${paused.until}`}`,
  });
  const against = rules.filter((rule) => !rule.ok);
  const place = { repo, issue: number, namespace: fleet.config.claims.namespace };
  const chain = await github.claims.chain(place, 20);
  return {
    repo,
    issue: number,
    title: issue.title,
    rules,
    claims: chain.map(({ claim, committedAt }) => ({
      at: new Date(committedAt).toISOString(),
      state: claim?.state ?? "unknown",
      worker: claim?.worker ?? "?",
      attempt: claim?.attempt ?? "?",
      fleet: claim?.host.slice(0, 8) ?? "?",
    })),
    attempts: attemptsOn(fleet, repo, number),
    verdict:
      against.length === 0
        ? "the next assign takes it up"
        : `assign leaves it: ${against.map((rule) => rule.answer).join("; ")}`,
  };
}

/** GitHub's lists may lag behind the issue itself, and assign goes by them. */
function notListed(open: boolean): Explanation["rules"] {
  return open
    ? [{ rule: "GitHub lists it", ok: false, answer: "GitHub does not list it among the open issues yet" }]
    : [];
}

function attemptsOn(fleet: Fleet, repo: string, issue: number): End[] {
  const found: End[] = [];
  let seen = 0;
  for (const end of fleet.store.history.newestFirst()) {
    if (++seen > longestHistory || found.length >= 20) break;
    if (end.issue === issue && sameRepo(end.repo, repo)) found.push(end);
  }
  return found;
}
