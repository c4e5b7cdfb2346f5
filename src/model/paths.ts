/** Where everything of a fleet lies: the directory layout as functions of the root. Pure. */
import { join } from "node:path";

/** Bare repository, clone and control folder names are lower case: GitHub's names ignore case. */
function folderOf(repo: string): string {
  return repo.toLowerCase();
}

export function fleetPaths(root: string) {
  const control = join(root, ".fleet");
  const worker = (id: string) => join(control, id);
  return {
    root,
    control,
    fleet: join(control, "fleet.json"),
    history: join(control, "history.jsonl"),
    /** What GitHub's lists were, a file for each credential. */
    lists: join(control, "lists.d"),
    locks: join(control, "locks"),
    /** What the ticks of cron or systemd said. */
    ticks: join(control, "assign.log"),
    trash: join(control, "trash"),
    /** A file for each attempt whose claim was not seen to end: made before the claim, so that none can be forgotten. */
    unsettled: join(control, "unsettled"),
    /** Which accounts are at their usage limit, and until when. */
    accounts: join(control, "accounts.json"),
    repo: (repo: string) => join(control, "repos", `${folderOf(repo)}.git`),
    /** Which repository was meant by that name when it was first used. */
    repoId: (repo: string) => join(control, "repos", `${folderOf(repo)}.id`),
    /** HOME of the worker: agents write here, so nothing in it is trusted or followed. */
    home: (id: string) => join(root, id),
    clone: (id: string, repo: string) => join(root, id, "github", folderOf(repo)),
    worker,
    identity: (id: string) => join(worker(id), "identity.json"),
    secrets: (id: string) => join(worker(id), "secrets.json"),
    latest: (id: string) => join(worker(id), "latest"),
    attempts: (id: string) => join(worker(id), "attempts"),
    attempt: (id: string, n: number) => attemptPaths(join(worker(id), "attempts", attemptFolder(n))),
  };
}
export type FleetPaths = ReturnType<typeof fleetPaths>;

function attemptPaths(folder: string) {
  return {
    folder,
    task: join(folder, "task.json"),
    birth: join(folder, "birth.json"),
    stop: join(folder, "stop.json"),
    end: join(folder, "end.json"),
    /** What the operator asked for in words; absent when the issue is all. */
    request: join(folder, "request.md"),
    snapshot: join(folder, "snapshot.json"),
    /** Branch and commit that the work starts from. */
    base: join(folder, "base.json"),
    prompt: join(folder, "prompt.md"),
    transcript: join(folder, "transcript.jsonl"),
    stderr: join(folder, "stderr.log"),
    events: join(folder, "events.jsonl"),
    patch: join(folder, "work.patch"),
    bundle: join(folder, "work.bundle"),
    /** HOME of the gates, while they run. */
    trial: join(folder, "trial"),
    /** What the canary of the isolation found, until it is read. */
    canary: join(folder, "canary.json"),
    /** One line for each process group that was started: its identity, on disk before it may do anything. */
    processes: join(folder, "processes.jsonl"),
    supervisorLog: join(folder, "supervisor.log"),
    /** Read-only for the agent. */
    policy: join(folder, "policy"),
  };
}
export type AttemptPaths = ReturnType<typeof attemptPaths>;

export function attemptFolder(n: number): string {
  return String(n).padStart(4, "0");
}
