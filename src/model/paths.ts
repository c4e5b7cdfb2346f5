/** Where everything of a fleet lies: the directory layout as functions of the root. Pure. Text, since `join` costs at scale. */
import { join } from "node:path";

/** Bare repository, clone and control folder names are lower case: GitHub's names ignore case. */
function folderOf(repo: string): string {
  return repo.toLowerCase();
}

export function fleetPaths(root: string) {
  const control = join(root, ".fleet");
  const worker = (id: string) => `${control}/${id}`;
  return {
    root,
    control,
    fleet: `${control}/fleet.json`,
    history: `${control}/history.jsonl`,
    /** What GitHub's lists were, a file for each credential. */
    lists: `${control}/lists.d`,
    locks: `${control}/locks`,
    /** What the ticks of cron or systemd said. */
    ticks: `${control}/assign.log`,
    trash: `${control}/trash`,
    /** A file for each attempt whose claim was not seen to end: made before the claim, so that none can be forgotten. */
    unsettled: `${control}/unsettled`,
    /** Which accounts are at their usage limit, and until when. */
    accounts: `${control}/accounts.json`,
    repo: (repo: string) => `${control}/repos/${folderOf(repo)}.git`,
    /** Which repository was meant by that name when it was first used. */
    repoId: (repo: string) => `${control}/repos/${folderOf(repo)}.id`,
    /** HOME of the worker: agents write here, so nothing in it is trusted or followed. */
    home: (id: string) => join(root, id),
    clone: (id: string, repo: string) => join(root, id, "github", folderOf(repo)),
    worker,
    identity: (id: string) => `${worker(id)}/identity.json`,
    secrets: (id: string) => `${worker(id)}/secrets.json`,
    latest: (id: string) => `${worker(id)}/latest`,
    attempts: (id: string) => `${worker(id)}/attempts`,
    attempt: (id: string, n: number) => attemptPaths(`${worker(id)}/attempts/${attemptFolder(n)}`),
  };
}
export type FleetPaths = ReturnType<typeof fleetPaths>;

function attemptPaths(folder: string) {
  return {
    folder,
    task: `${folder}/task.json`,
    birth: `${folder}/birth.json`,
    stop: `${folder}/stop.json`,
    end: `${folder}/end.json`,
    /** What the operator asked for in words; absent when the issue is all. */
    request: `${folder}/request.md`,
    snapshot: `${folder}/snapshot.json`,
    /** Branch and commit that the work starts from. */
    base: `${folder}/base.json`,
    prompt: `${folder}/prompt.md`,
    transcript: `${folder}/transcript.jsonl`,
    stderr: `${folder}/stderr.log`,
    events: `${folder}/events.jsonl`,
    patch: `${folder}/work.patch`,
    bundle: `${folder}/work.bundle`,
    /** Commits that lay beside the work: other local branches, and stashes. */
    branches: `${folder}/branches.bundle`,
    /** The clone itself, where not all of it could be taken out. */
    clone: `${folder}/clone`,
    /** HOME of the gates, while they run. */
    trial: `${folder}/trial`,
    /** What the canary of the isolation found, until it is read. */
    canary: `${folder}/canary.json`,
    /** One line for each process group that was started: its identity, on disk before it may do anything. */
    processes: `${folder}/processes.jsonl`,
    supervisorLog: `${folder}/supervisor.log`,
    /** Read-only for the agent. */
    policy: `${folder}/policy`,
  };
}
export type AttemptPaths = ReturnType<typeof attemptPaths>;

export function attemptFolder(n: number): string {
  return String(n).padStart(4, "0");
}
