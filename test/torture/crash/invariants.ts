/** What has to hold after a crash, read from disk, /proc, GitHub's journal and its repositories: docs/lifecycle.md, "Kept whatever happens". */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type End, endSchema } from "../../../src/model/attempt.ts";
import type { Claim } from "../../../src/model/claim.ts";
import { sameTitle } from "../../../src/reports/proposal.ts";
import type { RepoControl } from "../../../src/standin/control.ts";
import { claimsLeft, filesLeft, temporaryLeft } from "../../support/leftovers.ts";
import { givesBack } from "../claim-chain.ts";
import type { Found, Harm } from "../suite.ts";
import { type Flow, proposals } from "./flows.ts";
import type { Ground } from "./ground.ts";
import { type Edits, unkept } from "./kept.ts";

type Harms = { kind: Harm; detail: string }[];

function endOf(ground: Ground, n: number): End | null {
  const text = ground.text(join(ground.attempt(n), "end.json"));
  return text === "" ? null : endSchema.parse(JSON.parse(text));
}

/** The worker is free, and the claim says which pull request is there; or the issue is answered, and no more was asked for. */
export async function isDelivered(ground: Ground, { proposes }: Pick<Flow, "proposes">): Promise<boolean> {
  if (ground.state !== "idle") return false;
  const claim = (await chain(ground)).at(-1);
  if (proposes)
    return claim?.state === "done" && endOf(ground, Number(claim.attempt.split("-")[1]))?.outcome === "answered";
  return (
    claim?.state === "done" && ground.repo.pulls().some(({ number, state }) => number === claim.pr && state === "open")
  );
}

interface Known {
  /** What agents were seen to have changed. */
  readonly edits: Edits;
  /** The attempt that goes on, and is looked after; null: nothing of the fleet may be alive. */
  readonly atWork: number | null;
}

/** Everything, where nothing has been done by anybody but a reconcile since. */
export async function harmOf(ground: Ground, { edits, atWork }: Known): Promise<Found["harm"]> {
  return [
    ...alive(ground, atWork),
    ...torn(ground),
    ...records(ground, atWork),
    ...(await claims(ground)),
    ...(await open(ground, atWork)),
    ...(await published(ground)),
    ...filed(ground),
    ...strangers(ground),
    ...(await unkept(ground, edits, await chain(ground), atWork)),
    ...(await leftovers(ground, atWork)),
  ];
}

function alive(ground: Ground, atWork: number | null): Harms {
  const left = (atWork === null ? ground.alive() : []).map(({ pid, command }): Harms[number] => ({
    kind: "survivor",
    detail: `${pid} ${command}`,
  }));
  const twice = ground.text(join(ground.folder, "agents/doubled"));
  return twice === "" ? left : [...left, { kind: "doubled", detail: `two agents in one HOME: ${twice.trim()}` }];
}

/** Each record is whole JSON, and each line; one that was cut off with its writer may be the last. */
function torn(ground: Ground): Harms {
  const control = join(ground.root, ".fleet");
  const found: Harms = [];
  for (const file of readdirSync(control, { recursive: true }).map(String)) {
    if (/^(?:trash|repos)\/|(?:^|\/)(?:\.new-|first-)/.test(file)) continue;
    const lines = /(?:^|\/)(?:history|events|processes)\.jsonl$/.test(file);
    if (!lines && !file.endsWith(".json")) continue;
    const text = readFileSync(join(control, file), "utf8");
    for (const part of lines ? text.split("\n").slice(0, -1) : [text])
      if (!isWhole(part)) found.push({ kind: "torn", detail: `${file}: ${JSON.stringify(part.slice(0, 400))}` });
  }
  return found;
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One end for each attempt that is over, and the same in the history; twice, where two saw that it was missing there. */
function records(ground: Ground, atWork: number | null): Harms {
  const found: Harms = [];
  const history = [...new Set(ground.text(join(ground.root, ".fleet/history.jsonl")).split("\n"))]
    .filter(isWhole)
    .map((line) => endSchema.parse(JSON.parse(line)));
  const numbers = ground.attempts();
  for (const [at, n] of numbers.entries()) {
    if (n !== at + 1) found.push({ kind: "false", detail: `attempts ${numbers.join(", ")}: a gap` });
    const end = endOf(ground, n);
    const told = history.filter(({ attempt }) => attempt === `01-${n}`);
    if (end === null) {
      if (n !== atWork) found.push({ kind: "stuck", detail: `attempt ${n} has no end` });
    } else if (told.length === 0)
      found.push({ kind: "false", detail: `the history does not know attempt ${n} (${end.outcome})` });
    else if (told.length > 1)
      found.push({ kind: "doubled", detail: `the history has attempt ${n} in ${told.length} ways` });
    else if (told[0]?.outcome !== end.outcome)
      found.push({ kind: "false", detail: `attempt ${n} is ${end.outcome}, in the history ${told[0]?.outcome}` });
  }
  if (atWork === null && ground.state !== "idle")
    found.push({ kind: "stuck", detail: `the worker is ${ground.state}` });
  return found;
}

async function chain(ground: Ground): Promise<Claim[]> {
  const ref = `refs/claude-workers/claims/issue-${ground.issue}`;
  if (!(ref in (await ground.repo.refs(ref)))) return [];
  return (await ground.repo.messages(ref)).map((text) => JSON.parse(text) as Claim).reverse();
}

/** The newest says again what stood there before an attempt that never started. */
function givenBack(ground: Ground, chain: readonly Claim[]): boolean {
  const [before, claim] = chain.slice(-2);
  if (before?.state !== "held" || claim === undefined) return false;
  const found = chain.slice(0, -2).findLast(({ attempt }) => attempt !== before.attempt);
  const outcome = endOf(ground, Number(before.attempt.split("-")[1]))?.outcome;
  return outcome === "refused" && givesBack(claim, found, before.epoch);
}

/** Each state follows from the one before it, by whoever may write it. */
async function claims(ground: Ground): Promise<Harms> {
  const found: Harms = [];
  const all = await chain(ground);
  for (const [at, claim] of all.entries()) {
    const before = all[at - 1];
    const same = before?.attempt === claim.attempt && before.epoch === claim.epoch;
    const legal =
      claim.state === "held"
        ? before === undefined
          ? claim.epoch === 1
          : (same && before.state === "held") ||
            claim.epoch === before.epoch + 1 ||
            givenBack(ground, all.slice(0, at + 1))
        : givenBack(ground, all.slice(0, at + 1)) ||
          (same &&
            (claim.state === "published"
              ? before.state === "held"
              : ["held", "published", "failed"].includes(before.state)));
    if (!legal) {
      const words = all.map(({ state, attempt, epoch }) => `${state} ${attempt}/${epoch}`).join(", ");
      found.push({ kind: "false", detail: `the claims ${words}` });
      break;
    }
  }
  if (new Set(all.map(({ nonce }) => nonce)).size !== all.length)
    found.push({ kind: "doubled", detail: "a nonce came twice" });
  return found;
}

/** No attempt that is over has anything left to settle, but a stopped one that holds its claim for its restart. */
async function open(ground: Ground, atWork: number | null): Promise<Harms> {
  const tip = (await chain(ground)).at(-1);
  const excused = (n: number) =>
    n === atWork || (endOf(ground, n)?.outcome === "stopped" && tip?.state === "held" && tip.attempt === `01-${n}`);
  const found = ground.store.attempts
    .unsettled()
    .filter(({ n }) => !excused(n))
    .map(({ n }): Harms[number] => ({ kind: "stuck", detail: `unsettled 01-${n} (${endOf(ground, n)?.outcome})` }));
  const isOpen = tip?.state === "held" || tip?.state === "published";
  if (isOpen && !excused(Number(tip.attempt.split("-")[1])))
    found.push({ kind: "stuck", detail: `the claim is ${tip.state} by ${tip.attempt}` });
  return found;
}

/** One branch and one pull request, by the holder of the claim; each delivered end is confirmed, each pull request told. */
async function published(ground: Ground): Promise<Harms> {
  const found: Harms = [];
  const { issue, repo } = ground;
  const mine = (name: string) => name === `issue-${issue}` || name.startsWith(`issue-${issue}-`);
  const pulls = repo.pulls();
  const branches = Object.entries(await repo.refs("refs/heads/")).filter(([ref]) => ref !== "refs/heads/main");
  const ends = ground.attempts().flatMap((n) => endOf(ground, n) ?? []);
  if (pulls.length > 1) found.push({ kind: "doubled", detail: `${pulls.length} pull requests` });
  if (branches.length > 1) found.push({ kind: "doubled", detail: `${branches.length} branches` });
  const states = await chain(ground);
  for (const { number, head, headSha } of pulls) {
    if (!mine(head)) found.push({ kind: "stranger", detail: `a pull request from ${head}` });
    const by = states.find((claim) => claim.state === "published" && claim.head === headSha);
    if (by === undefined)
      found.push({ kind: "false", detail: `#${number} at ${headSha} was published without a claim` });
    const told = ends.filter((end) => end.pull?.number === number);
    // What was pushed by an attempt that had to be called lost, stopped or failed is finished later; its end stays as it is.
    const late = endOf(ground, Number(by?.attempt.split("-")[1]))?.outcome;
    if (told.length > 1 || (told.length === 0 && !["lost", "stopped", "failed"].includes(late ?? "")))
      found.push({ kind: "false", detail: `#${number} is told by ${told.length} ends` });
    else if (by && told[0] && told[0].attempt !== by.attempt)
      found.push({ kind: "false", detail: `#${number} is ${by.attempt}'s, ${told[0]?.attempt} tells it` });
  }
  for (const { attempt, outcome, pull } of ends)
    if (outcome === "delivered" && !pulls.some(({ number, state }) => number === pull?.number && state === "open"))
      found.push({ kind: "false", detail: `${attempt} was delivered, GitHub has no such pull request` });
  const tops = repo.comments(issue).map(({ body }) => body.split("\n")[0] ?? "");
  if (new Set(tops).size !== tops.length) found.push({ kind: "doubled", detail: `comments: ${tops.join(" ")}` });
  return found;
}

/** Each issue that an agent proposed is there once, and marked; all of them are, where an end says so. */
function filed(ground: Ground): Harms {
  const found: Harms = [];
  const { attempts, journal } = ground.store;
  const issues = issuesOf(ground.repo).filter(({ number }) => number !== ground.issue && number !== ground.decoy);
  for (const { number, title, body } of issues)
    if (!body?.startsWith("<!-- claude-workers:") || !proposals.some((one) => sameTitle(one, title)))
      found.push({ kind: "stranger", detail: `the issue #${number}, which no agent has proposed: ${title}` });
  for (const proposal of proposals) {
    const twins = issues.filter(({ title }) => sameTitle(title, proposal)).map(({ number }) => `#${number}`);
    if (twins.length > 1) found.push({ kind: "doubled", detail: `the same proposal: ${twins.join(" ")}` });
  }
  for (const n of ground.attempts()) {
    const end = endOf(ground, n);
    const told = [...(/\n\nFiled: (.*)\.$/.exec(end?.reason ?? "")?.[1]?.matchAll(/#(\d+)/g) ?? [])].map((one) =>
      Number(one[1]),
    );
    const noted = journal.recent("01", n).flatMap((event) => (event.type === "issue:filed" ? [event.number] : []));
    for (const number of new Set([...told, ...noted]))
      if (!issues.some((issue) => issue.number === number))
        found.push({ kind: "false", detail: `01-${n} has filed #${number}, which GitHub does not know` });
    if (attempts.task("01", n)?.mode !== "issue" || end?.outcome !== "answered") continue;
    const missing = proposals.filter((one) => !issues.some(({ title }) => sameTitle(title, one)));
    if (missing.length > 0)
      found.push({ kind: "lost", detail: `01-${n} was answered, not filed: ${missing.join(", ")}` });
  }
  return found;
}

/** All but pull requests. */
function issuesOf(repo: RepoControl): { number: number; title: string; body: string | null }[] {
  const pulls = new Set(repo.pulls().map(({ number }) => number));
  const found = [];
  for (let number = 1; ; number++) {
    try {
      if (!pulls.has(number)) found.push({ number, ...repo.issue(number) });
    } catch {
      return found;
    }
  }
}

/** A person's label and issue, and somebody else's process. */
function strangers({ repo, decoy, stage }: Ground): Harms {
  const found: Harms = [];
  if (repo.labels(decoy).join() !== "worker:01" || repo.comments(decoy).length > 0)
    found.push({ kind: "stranger", detail: `the issue that a person has marked: ${repo.labels(decoy).join()}` });
  if (stage.bystander.exitCode !== null || stage.bystander.signalCode !== null)
    found.push({ kind: "stranger", detail: "somebody else's process was ended" });
  return found;
}

async function leftovers(ground: Ground, atWork: number | null): Promise<Harms> {
  // Goes with the next command that needs a folder there.
  if (temporaryLeft(ground.temporary).length > 0)
    await ground.cw(["dispatch", "-r", ground.repo.name, "-p", "Nothing.", "--dry-run"]);
  const files = [...(await filesLeft(ground.root)), ...temporaryLeft(ground.temporary)];
  const claims = await claimsLeft(ground.repo, "refs/claude-workers/claims", (attempt) => {
    const n = Number(attempt.split("-")[1]);
    // Held, as that of one that was stopped may be; what must not be is open() to tell.
    return n === atWork ? "stopped" : (endOf(ground, n)?.outcome ?? null);
  });
  return (
    [...files, ...claims]
      .filter((what) => what !== `label worker:01 on ${ground.repo.name}#${ground.decoy}`)
      // A killed holder's lock is taken over by whoever needs it next.
      .filter((what) => !what.startsWith("lock ") && !/^(?:attempt without an end|unsettled )/.test(what))
      .filter((what) => !what.startsWith(`ref refs/cw/01-${atWork}/`))
      .filter((what) => !what.startsWith("trash of") || existsSync(join(ground.root, ".fleet/trash/01")))
      .map((detail): Harms[number] => ({ kind: "leftover", detail }))
  );
}
