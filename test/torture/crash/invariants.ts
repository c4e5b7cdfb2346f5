/** What has to hold after a crash, read from disk, /proc, GitHub's journal and its repositories: docs/lifecycle.md, "Kept whatever happens". */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type End, endSchema } from "../../../src/model/attempt.ts";
import type { Claim } from "../../../src/model/claim.ts";
import { claimsLeft, filesLeft } from "../../support/leftovers.ts";
import type { Found, Harm } from "../suite.ts";
import type { Ground } from "./ground.ts";

type Harms = { kind: Harm; detail: string }[];

function endOf(ground: Ground, n: number): End | null {
  const text = ground.text(join(ground.attempt(n), "end.json"));
  return text === "" ? null : endSchema.parse(JSON.parse(text));
}

/** The worker is free, and the claim says which pull request is there. */
export async function isDelivered(ground: Ground): Promise<boolean> {
  if (ground.state !== "idle") return false;
  const claim = (await chain(ground)).at(-1);
  return (
    claim?.state === "done" && ground.repo.pulls().some(({ number, state }) => number === claim.pr && state === "open")
  );
}

/** Everything, with nothing of the fleet alive any more. */
export async function harmOf(ground: Ground, known: { edited: readonly number[] }): Promise<Found["harm"]> {
  return [
    ...alive(ground),
    ...torn(ground),
    ...records(ground),
    ...(await claims(ground)),
    ...(await published(ground)),
    ...strangers(ground),
    ...(await kept(ground, known.edited)),
    ...(await leftovers(ground)),
  ];
}

function alive(ground: Ground): Harms {
  const left = ground
    .alive()
    .map(({ pid, command }): Harms[number] => ({ kind: "survivor", detail: `${pid} ${command}` }));
  const twice = ground.text(join(ground.folder, "agents/doubled"));
  return twice === "" ? left : [...left, { kind: "doubled", detail: `two agents in one HOME: ${twice.trim()}` }];
}

/** Each record is whole JSON; a line that was cut off may stand before other lines, not in place of them. */
function torn(ground: Ground): Harms {
  const control = join(ground.root, ".fleet");
  const found: Harms = [];
  for (const file of readdirSync(control, { recursive: true }).map(String)) {
    if (!file.endsWith(".json") || file.startsWith("trash/") || file.startsWith("repos/")) continue;
    const text = readFileSync(join(control, file), "utf8");
    if (/(?:^|\/)\.new-|(?:^|\/)first-/.test(file)) continue;
    try {
      JSON.parse(text);
    } catch {
      found.push({ kind: "torn", detail: `${file}: ${JSON.stringify(text.slice(0, 80))}` });
    }
  }
  return found;
}

/** One end for each attempt, and the same in the history, once. */
function records(ground: Ground): Harms {
  const found: Harms = [];
  const history = [...ground.store.history.newestFirst()];
  const numbers = ground.attempts();
  for (const [at, n] of numbers.entries()) {
    if (n !== at + 1) found.push({ kind: "false", detail: `attempts ${numbers.join(", ")}: a gap` });
    const end = endOf(ground, n);
    const told = history.filter(({ attempt }) => attempt === `01-${n}`);
    if (end === null) found.push({ kind: "stuck", detail: `attempt ${n} has no end` });
    else if (told.length === 0)
      found.push({ kind: "false", detail: `the history does not know attempt ${n} (${end.outcome})` });
    else if (told.length > 1)
      found.push({ kind: "doubled", detail: `the history has attempt ${n} ${told.length} times` });
    else if (told[0]?.outcome !== end.outcome)
      found.push({ kind: "false", detail: `attempt ${n} is ${end.outcome}, in the history ${told[0]?.outcome}` });
  }
  if (ground.state !== "idle") found.push({ kind: "stuck", detail: `the worker is ${ground.state}` });
  return found;
}

async function chain(ground: Ground): Promise<Claim[]> {
  const ref = `refs/claude-workers/claims/issue-${ground.issue}`;
  if (!(ref in (await ground.repo.refs(ref)))) return [];
  return (await ground.repo.messages(ref)).map((text) => JSON.parse(text) as Claim).reverse();
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
          : (same && before.state === "held") || claim.epoch === before.epoch + 1
        : same &&
          (claim.state === "published"
            ? before.state === "held"
            : ["held", "published", "failed"].includes(before.state));
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

/** A person's label and issue, and somebody else's process. */
function strangers({ repo, decoy, stage }: Ground): Harms {
  const found: Harms = [];
  if (repo.labels(decoy).join() !== "worker:01" || repo.comments(decoy).length > 0)
    found.push({ kind: "stranger", detail: `the issue that a person has marked: ${repo.labels(decoy).join()}` });
  if (stage.bystander.exitCode !== null || stage.bystander.signalCode !== null)
    found.push({ kind: "stranger", detail: "somebody else's process was ended" });
  return found;
}

/** What an agent has changed is delivered, or a patch, or in a clone that is kept, or that the newest attempt goes on with. */
async function kept(ground: Ground, edited: readonly number[]): Promise<Harms> {
  const chained = await chain(ground);
  return edited.flatMap((n): Harms => {
    const end = endOf(ground, n);
    if (end === null || end.outcome === "delivered") return [];
    if (ground.text(join(ground.attempt(n), "work.patch")).includes("+Edited by the fake agent.")) return [];
    if (ground.text(join(ground.attempt(n), "clone/README.md")).includes("Edited by the fake agent.")) return [];
    // Pushed, and a pull request by now.
    if (chained.some(({ state, attempt }) => state === "published" && attempt === `01-${n}`)) return [];
    const later = ground.attempts().some((one) => one > n && ground.store.attempts.task("01", one)?.resumes === n);
    return later ? [] : [{ kind: "lost", detail: `the work of attempt ${n} (${end.outcome}): no patch` }];
  });
}

async function leftovers(ground: Ground): Promise<Harms> {
  const files = await filesLeft(ground.root);
  const claims = await claimsLeft(ground.repo, "refs/claude-workers/claims", (attempt) => {
    const n = Number(attempt.split("-")[1]);
    return endOf(ground, n)?.outcome ?? null;
  });
  return (
    [...files, ...claims]
      .filter((what) => what !== `label worker:01 on ${ground.repo.name}#${ground.decoy}`)
      // A killed holder's lock is taken over by whoever needs it next.
      .filter((what) => !what.startsWith("lock ") && !what.startsWith("attempt without an end"))
      .filter((what) => !what.startsWith("trash of") || existsSync(join(ground.root, ".fleet/trash/01")))
      .map((detail): Harms[number] => ({ kind: "leftover", detail }))
  );
}
