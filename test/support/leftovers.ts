/** What a fleet has left behind that should not be there: processes, labels, claims, files. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { RepoControl } from "../../src/standin/control.ts";

export interface Survivor {
  readonly pid: number;
  readonly command: string;
}

/** Processes whose arguments or environment name that folder, or hold one of those cookies. */
export function processesOf(folder: string, cookies: readonly string[] = []): Survivor[] {
  const found: Survivor[] = [];
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const written = read(`/proc/${pid}/cmdline`);
    // Threads of the kernel and the dead, which have no environment either; a living process has at least a NUL here.
    if (written === "") continue;
    const command = written.replaceAll("\0", " ").trim();
    const all = `${command}\n${read(`/proc/${pid}/environ`)}`;
    if (all.includes(folder) || cookies.some((cookie) => all.includes(cookie)))
      found.push({ pid, command: command.slice(0, 200) });
  }
  return found;
}

/** Cookies of all attempts below that root. */
export function cookiesOf(root: string): string[] {
  return attemptsOf(root).flatMap((folder) => {
    const cookie = json(join(folder, "task.json"))?.["cookie"];
    return typeof cookie === "string" ? [cookie] : [];
  });
}

/** Folders of all attempts below that root. */
export function attemptsOf(root: string): string[] {
  const control = join(root, ".fleet");
  return list(control).flatMap((worker) =>
    list(join(control, worker, "attempts"))
      .filter((name) => /^[0-9]+$/.test(name))
      .map((name) => join(control, worker, "attempts", name)),
  );
}

const attemptFiles =
  /^(?:(?:task|birth|stop|end|base|snapshot|first-[\w-]+)\.json|(?:request|prompt)\.md|(?:transcript|events|processes)\.jsonl|(?:stderr|supervisor)\.log|work\.patch|branches\.bundle|clone(?:\/.*)?|policy(?:\/[\w.-]+)?)$/;
const workerFiles = /^(?:identity\.json|secrets\.json|latest|attempts)$/;
const repositoryFiles = /^[^/]+\.(?:git|id)$/;
const controlFiles = /^(?:(?:fleet|accounts)\.json|history\.jsonl|locks|lists\.d|trash|repos|unsettled)$/;

/**
 * Files in the root and below `.fleet` that nothing expects there, locks that are held, and refs of attempts that are over.
 * What may stay is what a later command reads again; in HOME and in git's objects whatever their owners leave.
 */
export async function filesLeft(root: string): Promise<string[]> {
  const control = join(root, ".fleet");
  const odd: string[] = [];
  for (const name of list(root))
    if (name !== ".fleet" && !list(join(control, name)).includes("identity.json")) odd.push(`file ${name}`);
  for (const name of list(join(control, "lists.d")))
    if (!/^[0-9a-f]{16}\.json$/.test(name)) odd.push(`file .fleet/lists.d/${name}`);
  for (const name of list(control)) {
    if (controlFiles.test(name)) continue;
    if (lstatSync(join(control, name)).isDirectory() && list(join(control, name)).includes("identity.json")) {
      for (const inner of list(join(control, name)))
        if (!workerFiles.test(inner)) odd.push(`file ${join(".fleet", name, inner)}`);
      for (const attempt of list(join(control, name, "attempts")))
        if (!/^[0-9]{4,}$/.test(attempt)) odd.push(`file ${join(".fleet", name, "attempts", attempt)}`);
    } else odd.push(`file .fleet/${name}`);
  }
  for (const folder of attemptsOf(root)) {
    for (const file of readdirSync(folder, { recursive: true }).map(String)) {
      if (!attemptFiles.test(file)) odd.push(`file ${relative(root, join(folder, file))}`);
    }
    if (!list(folder).includes("end.json")) odd.push(`attempt without an end: ${relative(root, folder)}`);
  }
  for (const attempt of list(join(control, "unsettled"))) {
    const [, worker = "", n = ""] = /^(.*)-(\d+)$/.exec(attempt) ?? [];
    const outcome = json(join(control, worker, "attempts", n.padStart(4, "0"), "end.json"))?.["outcome"];
    if (outcome !== "stopped" && outcome !== "lost") odd.push(`unsettled ${attempt} (${outcome})`);
  }
  for (const trash of list(join(control, "trash"))) odd.push(`trash of ${trash}`);
  for (const lock of list(join(control, "locks")))
    odd.push(`${lock.endsWith(".lock") ? "lock" : "file .fleet/locks"} ${lock}`);
  for (const owner of list(join(control, "repos"))) {
    for (const repo of list(join(control, "repos", owner))) {
      if (!repositoryFiles.test(repo)) odd.push(`file .fleet/repos/${owner}/${repo}`);
      if (!repo.endsWith(".git")) continue;
      // Each stops every git that comes after it.
      for (const file of readdirSync(join(control, "repos", owner, repo), { recursive: true }).map(String))
        if (file.endsWith(".lock")) odd.push(`file .fleet/repos/${owner}/${repo}/${file}`);
      const refs = Bun.spawnSync(
        ["git", "--git-dir", join(control, "repos", owner, repo), "for-each-ref", "--format=%(refname)", "refs/cw/"],
        {
          env: {
            PATH: "/usr/bin:/bin",
            HOME: "/",
            GIT_CONFIG_NOSYSTEM: "1",
            GIT_CONFIG_COUNT: "1",
            GIT_CONFIG_KEY_0: "safe.directory",
            GIT_CONFIG_VALUE_0: "*",
          },
        },
      );
      for (const ref of refs.stdout.toString().split("\n").filter(Boolean)) odd.push(`ref ${ref} in ${owner}/${repo}`);
    }
  }
  return odd;
}

/** @param folder TMPDIR of all commands of a fleet: nothing of a command stays there when the next one is over. */
export function temporaryLeft(folder: string): string[] {
  return list(folder).map((name) => `temporary file ${name}`);
}

/**
 * Labels and claims that no rule accounts for. A claim may stay held after `stopped` and `lost`, and a label may stay with
 * it, or with a failed claim of the same worker.
 */
export async function claimsLeft(
  repo: RepoControl,
  namespace: string,
  outcomeOf: (attempt: string) => string | null,
): Promise<string[]> {
  const odd: string[] = [];
  const refs = await repo.refs(`${namespace}/`);
  const kept = new Map<number, string>();
  for (const ref of Object.keys(refs)) {
    const [message = "{}"] = await repo.messages(ref);
    const claim = JSON.parse(message) as { issue: number; state: string; worker: string; attempt: string };
    const outcome = outcomeOf(claim.attempt);
    const held = claim.state === "held" || claim.state === "published";
    if (held && outcome !== "stopped" && outcome !== "lost")
      odd.push(`claim ${ref} is ${claim.state} by ${claim.attempt}`);
    if (claim.state === "failed" || held) kept.set(claim.issue, `worker:${claim.worker}`);
  }
  for (let number = 1; ; number++) {
    let labels: string[];
    try {
      labels = repo.labels(number);
    } catch {
      break;
    }
    for (const label of labels) {
      if (/^worker:/.test(label) && kept.get(number) !== label) odd.push(`label ${label} on ${repo.name}#${number}`);
    }
  }
  return odd;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function json(file: string): Record<string, unknown> | null {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}
