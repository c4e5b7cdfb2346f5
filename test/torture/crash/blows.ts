/** How a process is ended in the middle: at a system call, at a step, at a request, at some moment. */
import type { GitPhase } from "../../../src/standin/faults.ts";
import type { JournalEntry } from "../../../src/standin/journal.ts";
import { awaited, type Ground } from "./ground.ts";

export interface Blow {
  /** In words, for the report. */
  readonly point: string;
  /** Put in front of what is struck. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** For blows from outside: waits for its moment. @param pid of what is struck, null while there is none; over: it has ended */
  strike?(ground: Ground, pid: () => number | null, over: () => boolean): Promise<void>;
  /** For blows that tell what GitHub does of it: whether it did. Asked once what was meant is dead. */
  cameAbout?(ground: Ground): Promise<boolean>;
}

/** Calls of the main thread that change something: files, processes, connections. */
export const calls =
  "openat,write,writev,pwrite64,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,fsync,fdatasync,ftruncate,fchmod,chmod,fchmodat,utimensat,vfork,clone,clone3,execve,kill,pidfd_send_signal,connect,sendto,sendmsg,socketpair,pipe2";

/** Before a call of the main thread: the `nth` of its name. */
export function atCall(name: string, nth: number, about: string): Blow {
  const inject = `inject=${name}:signal=KILL:when=${nth}`;
  return {
    point: `before ${name} ${nth}, ${about}`,
    prefix: ["strace", "-D", "-qqq", "-o", "/dev/null", "-e", `trace=${name}`, "-e", inject],
  };
}

export function atStep(name: string, nth: number): Blow {
  return { point: `at the step ${name}${nth > 1 ? `, time ${nth}` : ""}`, env: { CW_FAILPOINT: `${name}:${nth}` } };
}

/** A request among those of its kind. */
export interface Nth {
  /** Of git; none: REST. */
  readonly phase: GitPhase | undefined;
  /** So many of the same kind come before. */
  readonly skip: number;
  readonly about: string;
}

/** Among which requests of the repository it is counted. */
export function kindOf(phase: GitPhase | undefined): string {
  return phase ? `git ${phase}` : "REST";
}

/** While a request is under way: GitHub never gets it, or acts and has nobody to tell. */
export function atRequest({ phase, skip, about }: Nth, acts: boolean): Blow {
  return {
    point: `during ${kindOf(phase)} ${skip + 1}, ${about}, which GitHub ${acts ? "carries out" : "never gets"}`,
    async strike(ground, pid, over) {
      const path = ground.paths(phase !== undefined);
      const fault = acts ? { delayMs: 150 } : "drop";
      const handle = ground.inject({ path, skip, fault, ...(phase ? { git: phase } : {}) });
      await awaited(() => over() || handle.fired > 0);
      if (handle.fired > 0 && !over()) end(pid());
      handle.remove();
    },
    ...(acts ? { cameAbout: (ground) => carriedOut(ground, phase) } : {}),
  };
}

/** Whether the delayed request was carried out: where it was not received in full, it never is. */
async function carriedOut(ground: Ground, phase: GitPhase | undefined): Promise<boolean> {
  const { journal } = ground.stage.standin;
  // What else the flows inject is a 403. A 404 is an answer of its own: there was no claim yet, or no label to remove.
  const isIt = (entry: JournalEntry) =>
    entry.faulty &&
    entry.phase === phase &&
    ((entry.status >= 200 && entry.status < 400) || entry.status === 404) &&
    ground.isOwn(entry);
  return (await awaited(() => journal.entries.some(isIt), 5000)) !== null;
}

/** At some moment. */
export function afterMs(ms: number): Blow {
  return {
    point: `after ${ms} ms`,
    async strike(_, pid, over) {
      let since = 0;
      await awaited(() => {
        if (since === 0 && pid() !== null) since = performance.now();
        return over() || (since > 0 && performance.now() - since > ms);
      });
      if (since > 0 && !over()) end(pid());
    },
  };
}

/** Until nothing is left: what forks while we look is found by the next look. */
export function endAll(ground: Ground): void {
  for (let left = ground.alive(); left.length > 0; left = ground.alive()) for (const { pid } of left) end(pid);
}

function end(pid: number | null): void {
  try {
    if (pid !== null && pid > 1) process.kill(pid, "SIGKILL");
  } catch {
    // It ended in between.
  }
}
