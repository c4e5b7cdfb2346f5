/**
 * The commits that are published: those of the agent, in the worker's own name and without words that GitHub acts on.
 * They are made in the fleet's own repository, never in the clone. The same work gives the same commits, so a crash in
 * between loses nothing; what is as it should be stays the very commit that the agent made.
 */
import type { Base } from "../model/attempt.ts";
import { commitBy, parseCommit } from "../model/commit.ts";
import { Verdict } from "../model/verdict.ts";
import type { Identity } from "../model/worker.ts";
import { publishedMessage } from "../reports/commit-message.ts";
import type { Mirror } from "../store/mirror.ts";
import { type Beyond, commitsBeyond, differenceOf, writeCommit } from "../store/new-commits.ts";
import type { Work } from "./collect.ts";

/** Nobody reads more, and GitHub shows 250. */
const mostCommits = 1000;

/** Work as it is published. */
export interface Published extends Work, Beyond {
  /** Where it leaves the line of the base branch. */
  readonly fork: string;
}

/** @param base what the work started from. @throws Verdict `rejected` for what is no commit of an agent */
export async function ownCommits(
  mirror: Mirror,
  who: Pick<Identity, "name" | "email">,
  base: Base,
  work: Work,
  timeoutMs: number,
): Promise<Published> {
  let beyond: Beyond = { known: [base.sha], head: work.head };
  let fork = base.sha;
  let commits = await commitsBeyond(mirror, beyond, mostCommits, timeoutMs);
  const alone = (await mirror.forkOf(base.sha, work.head, timeoutMs)) === null;
  if (alone || commits.some(({ bytes }) => !isBy(who, bytes))) {
    // An agent may have merged what went into the base branch meanwhile: those stay other people's.
    const again = await mirror.fetchAgain(base.branch, work.head, timeoutMs);
    // Before it is pushed: GitHub takes any branch, and refuses the pull request alone.
    if (alone && again.fork === null)
      throw new Verdict("rejected", `the work has no commit in common with ${base.branch}`);
    beyond = { known: [base.sha, again.now], head: work.head };
    fork = again.fork ?? fork;
    commits = await commitsBeyond(mirror, beyond, mostCommits, timeoutMs);
  }
  if (commits.length > mostCommits) throw new Verdict("rejected", `the work has more than ${mostCommits} commits`);
  const published = new Map<string, string>();
  for (const { sha, bytes } of commits) {
    const commit = parseCommit(Buffer.from(bytes, "latin1").toString("utf8"));
    if (commit === null) throw new Verdict("rejected", `the commit ${sha.slice(0, 12)} can't be read`);
    const parents = commit.parents.map((parent) => published.get(parent) ?? parent);
    const text = commitBy(who, { ...commit, parents, message: publishedMessage(commit.message) });
    const same = Buffer.from(text).toString("latin1") === bytes;
    published.set(sha, same ? sha : await writeCommit(mirror, text));
  }
  const head = published.get(work.head) ?? work.head;
  await mirror.setHead(head);
  const difference = fork === base.sha ? work.difference : await differenceOf(mirror, fork, head, timeoutMs);
  return { head, known: beyond.known, fork, difference };
}

function isBy({ name, email }: Pick<Identity, "name" | "email">, bytes: string): boolean {
  const person = Buffer.from(`${name} <${email}> `).toString("latin1");
  return ["author", "committer"].every((role) => bytes.includes(`\n${role} ${person}`));
}
