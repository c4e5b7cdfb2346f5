/** Which open issues a tick takes up, in which order, and why not the others. Pure. */
import { type Claim, wasUnblocked } from "./claim.ts";
import { sameLabel, workerLabel } from "./worker.ts";

/** An open issue as a list shows it. Text is not here but for what decides. */
export interface Candidate {
  readonly repo: string;
  readonly number: number;
  /** ISO 8601 */
  readonly createdAt: string;
  readonly author: string;
  /** An agent proposed it. */
  readonly proposed: boolean;
  readonly labels: readonly string[];
  readonly isPullRequest: boolean;
  /** Numbers that a line `blocked by #N` of its text names. */
  readonly blockedBy: readonly number[];
  /** Open blockers by GitHub's own issue dependencies; 0 where the API does not offer them. */
  readonly openBlockers: number;
}

export interface SelectionFacts {
  readonly candidates: readonly Candidate[];
  /** Newest state of each claim, by `owner/repo#N`; `expired`: held for longer than its lease, by GitHub's clock. */
  readonly claims: ReadonlyMap<string, { readonly claim: Claim | null; readonly expired: boolean }>;
  /** Workers of this fleet that are idle. */
  readonly idle: number;
  /** Attempts of this fleet that run now, by repository in lower case. */
  readonly running: ReadonlyMap<string, number>;
  /** Why its text may not be worked on, for those that were looked at, by `owner/repo#N`. */
  readonly untrusted: ReadonlyMap<string, string>;
  /** How often an issue's attempt was lost here (shutdowns do not count), by `owner/repo#N`. */
  readonly lost: ReadonlyMap<string, number>;
  /** Refused here not long ago, by `owner/repo#N`: they come last, so that the others do not wait for ever. */
  readonly refused?: ReadonlySet<string>;
  /** How many issues of a repository, in lower case, met an error of GitHub in this tick. */
  readonly troubles?: ReadonlyMap<string, number>;
  /** Dealt with in this tick, by `owner/repo#N`: neither picked nor skipped, but as open as before for those that wait. */
  readonly passed: ReadonlySet<string>;
}

export interface SelectionRules {
  /** Earlier ones first; issues without one come last. */
  readonly priorityLabels: readonly string[];
  /** Idle workers that are left free. */
  readonly reserve: number;
  /** Most new attempts of this tick; null is no limit. */
  readonly limit: number | null;
  /** Most attempts at once in one repository; null is no limit. */
  readonly perRepo: number | null;
}

/** One vocabulary for skipping; `assign --json` and `explain` show it. */
export type SkipReason =
  | "pull request"
  | "blocked"
  | "labelled"
  | "claimed"
  | "done"
  | "failed before"
  | "waits for another issue"
  | "untrusted"
  | "lost twice"
  | "gone"
  | "no idle worker"
  | "limit reached";

export interface Selected {
  readonly picked: readonly Candidate[];
  readonly skipped: readonly { readonly candidate: Candidate; readonly why: SkipReason; readonly detail: string }[];
}

/** So many are more likely the repository's than the issues', and each would cost as many requests. */
const mostTroubles = 3;

export function issueKey(repo: string, number: number): string {
  return `${repo.toLowerCase()}#${number}`;
}

export function select(facts: SelectionFacts, rules: SelectionRules): Selected {
  const picked: Candidate[] = [];
  const skipped: Selected["skipped"][number][] = [];
  const open = new Set(
    facts.candidates.filter((one) => !one.isPullRequest).map((one) => issueKey(one.repo, one.number)),
  );
  const running = new Map(facts.running);
  const room = Math.min(Math.max(0, facts.idle - rules.reserve), rules.limit ?? Number.POSITIVE_INFINITY);
  const left = facts.candidates.filter((one) => !facts.passed.has(keyOf(one)));
  for (const candidate of byUrgency(left, rules.priorityLabels, facts.refused ?? new Set())) {
    const why = whyNot(candidate, facts, open);
    if (why !== null) {
      skipped.push({ candidate, ...why });
      continue;
    }
    const repo = candidate.repo.toLowerCase();
    const there = running.get(repo) ?? 0;
    if ((facts.troubles?.get(repo) ?? 0) >= mostTroubles) {
      skipped.push({ candidate, why: "limit reached", detail: "GitHub failed for others of its repository" });
    } else if (rules.perRepo !== null && there >= rules.perRepo) {
      skipped.push({ candidate, why: "limit reached", detail: `${there} attempts run in ${candidate.repo}` });
    } else if (picked.length >= room) {
      const limited = rules.limit !== null && picked.length >= rules.limit;
      skipped.push({ candidate, why: limited ? "limit reached" : "no idle worker", detail: "" });
    } else {
      picked.push(candidate);
      running.set(repo, there + 1);
    }
  }
  return { picked, skipped };
}

type Held = Pick<SelectionFacts, "claims" | "lost" | "untrusted">;
type Reason = { readonly why: SkipReason; readonly detail: string };

/** Each rule looks at one issue by itself, whatever room there is, and says what speaks against it. In their order. */
const rules: readonly {
  readonly rule: string;
  against(one: Candidate, facts: Omit<Held, "untrusted">, open: ReadonlySet<string>): Reason | null;
}[] = [
  { rule: "it is no pull request", against: (one) => (one.isPullRequest ? { why: "pull request", detail: "" } : null) },
  {
    rule: "it is not marked blocked",
    against: ({ labels }) => labelMatching(labels, /^blocked$/i, "blocked"),
  },
  { rule: "it carries no worker's label", against: againstLabel },
  { rule: "no claim speaks against it", against: againstClaim },
  {
    rule: "it waits for no open issue",
    against(one, _, open) {
      const waits = one.blockedBy.filter((number) => open.has(issueKey(one.repo, number)));
      if (waits.length > 0)
        return { why: "waits for another issue", detail: waits.map((number) => `#${number}`).join(", ") };
      if (one.openBlockers === 0) return null;
      return { why: "waits for another issue", detail: `${one.openBlockers} by GitHub's dependencies` };
    },
  },
  {
    rule: "it was not lost twice",
    against: (one, { lost }) => ((lost.get(keyOf(one)) ?? 0) >= 2 ? { why: "lost twice", detail: "" } : null),
  },
];

/** The first thing that speaks against an issue; null when nothing does. */
function whyNot(one: Candidate, facts: Held, open: ReadonlySet<string>): Reason | null {
  for (const { against } of rules) {
    const reason = against(one, facts, open);
    if (reason !== null) return reason;
  }
  const doubt = facts.untrusted.get(keyOf(one));
  return doubt === undefined ? null : { why: "untrusted", detail: doubt };
}

/** Every rule with its answer, for `explain`; but for trust, which GitHub has to be asked about. */
export function rulesFor(one: Candidate, facts: Omit<Held, "untrusted">, open: ReadonlySet<string>) {
  return rules.map(({ rule, against }) => {
    const reason = against(one, facts, open);
    return {
      rule,
      ok: reason === null,
      answer: reason === null ? "yes" : `${reason.why}${reason.detail ? ` (${reason.detail})` : ""}`,
    };
  });
}

function labelMatching(labels: readonly string[], shape: RegExp, why: SkipReason): Reason | null {
  const found = labels.find((label) => shape.test(label));
  return found === undefined ? null : { why, detail: `label ${found}` };
}

function againstLabel(one: Candidate, { claims }: Pick<Held, "claims">): Reason | null {
  const { claim, expired } = claims.get(keyOf(one)) ?? { claim: null, expired: false };
  // The label of an attempt that declined stays for people to see; the mark that they take away is `blocked`. And nobody
  // is left to take away the label of a host that never came back.
  const stale = claim !== null && (wasUnblocked(claim, one.labels) || (claim.state === "held" && expired));
  const labels = stale ? one.labels.filter((label) => !sameLabel(label, workerLabel(claim.worker))) : one.labels;
  return labelMatching(labels, /^worker:/i, "labelled");
}

function againstClaim(one: Candidate, { claims }: Pick<Held, "claims">): Reason | null {
  const held = claims.get(keyOf(one));
  if (held === undefined) return null;
  const { claim, expired } = held;
  if (claim === null) return { why: "claimed", detail: "by a newer or another program" };
  const by = `worker ${claim.worker}, attempt ${claim.attempt}`;
  switch (claim.state) {
    case "held":
      return expired ? null : { why: "claimed", detail: by };
    case "published":
      return { why: "claimed", detail: `${by}, whose work is pushed` };
    case "done":
      return { why: "done", detail: claim.pr === undefined ? "it was answered" : `pull request #${claim.pr}` };
    case "failed":
      return wasUnblocked(claim, one.labels) ? null : { why: "failed before", detail: by };
    case "released":
      return null;
  }
}

function keyOf(one: Candidate): string {
  return issueKey(one.repo, one.number);
}

/** Priority labels in their order, then the oldest; the number decides between twins. What was refused lately comes last. */
function byUrgency(
  candidates: readonly Candidate[],
  priorities: readonly string[],
  refused: ReadonlySet<string>,
): Candidate[] {
  const wanted = priorities.map((label) => label.toLowerCase());
  const ranked = candidates.map((one) => {
    const ranks = one.labels.map((label) => wanted.indexOf(label.toLowerCase())).filter((at) => at >= 0);
    return { one, rank: refused.has(keyOf(one)) ? wanted.length + 1 : Math.min(...ranks, wanted.length) };
  });
  ranked.sort(
    (a, b) =>
      a.rank - b.rank ||
      a.one.createdAt.localeCompare(b.one.createdAt) ||
      a.one.repo.localeCompare(b.one.repo) ||
      a.one.number - b.one.number,
  );
  return ranked.map(({ one }) => one);
}

/** Lines of an issue's text that name its blockers: `blocked by #12`, `**Blocked by:** #12, #13`. */
export function blockersIn(body: string): number[] {
  // No line breaks in it: over a long run of them its time would grow with the square, and strangers write this text.
  const lines = body.match(/^[ \t>*_-]*blocked by[*_:]*[ \t]+#\d+(?:[ \t,]+(?:and[ \t]+)?#\d+)*/gim) ?? [];
  return [
    ...new Set(lines.flatMap((line) => (line.match(/#(\d{1,10})/g) ?? []).map((found) => Number(found.slice(1))))),
  ];
}
