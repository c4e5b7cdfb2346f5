/** Processes as this machine shows them: identity, liveness, signals, detached start. Linux only: it reads /proc. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import {
  type Here,
  hasNoEnvironment,
  type Liveness,
  livenessOf,
  type ProcessIdentity,
  parseStat,
  type Seen,
} from "../model/process.ts";
import { bootId } from "./clock.ts";
import { couldNotLook } from "./files.ts";

let place: Here | undefined;

/** Boot, machine and pid namespace of this process. */
export function here(): Here {
  place ??= { bootId: bootId(), machineId: machineId(), pidNamespace: readlinkSync("/proc/self/ns/pid") };
  return place;
}

function machineId(): string {
  for (const file of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    const id = look(file)?.trim();
    if (id) return id;
  }
  // Containers often have none; the boot then stands for the machine, and another boot is unknown rather than dead.
  return `boot-${bootId()}`;
}

function seen(pid: number): (Seen & { parent: number }) | null {
  const stat = look(`/proc/${pid}/stat`);
  return stat === null ? null : parseStat(stat);
}

/** Identity of a process that runs now; null when there is none. @throws Error when it could not be looked at */
export function identify(pid: number): ProcessIdentity | null {
  const found = pid > 1 ? seen(pid) : null;
  return found && { ...here(), pid, startTime: found.startTime };
}

export function self(): ProcessIdentity {
  const me = identify(process.pid);
  if (me === null) throw new Error("/proc does not show this very process");
  return me;
}

/** @throws Error when it could not be looked at: who is alive must not be taken for dead */
export function liveness(one: ProcessIdentity): Liveness {
  return livenessOf(one, here(), seen);
}

/** Sends a signal, unless the number is no longer that process. @returns whether it was sent */
export function signal(one: ProcessIdentity, name: NodeJS.Signals): boolean {
  // No code path may reach kill(0), kill(-1) or init, whatever a record says.
  if (!Number.isSafeInteger(one.pid) || one.pid <= 1) return false;
  try {
    if (liveness(one) !== "alive") return false;
    process.kill(one.pid, name);
    return true;
  } catch {
    return false; // It ended in between, belongs to another user, or could not be looked at.
  }
}

/**
 * All processes whose environment holds this cookie, those that are known already, and what descends from them: those of one
 * attempt, however they forked. One that gave itself another name has written over its environment, and one that was given
 * a new one has none of ours.
 * @throws Error when not all could be looked at
 */
export function withCookie(cookie: string, known: readonly ProcessIdentity[] = []): ProcessIdentity[] {
  const found = new Map<number, ProcessIdentity>();
  const take = (pid: number) => {
    const one = identify(pid);
    if (one && liveness(one) === "alive") found.set(pid, one);
  };
  for (const one of known) if (liveness(one) === "alive") found.set(one.pid, one);
  for (const { pid, cookies } of environments()) if (cookies.includes(cookie)) take(pid);
  if (found.size === 0) return [];
  const families = Map.groupBy(processes(), (pid) => seen(pid)?.parent);
  // Only while the parent is the same one: then the child is its own.
  for (const [parent, identity] of found)
    for (const child of families.get(parent) ?? [])
      if (!found.has(child) && seen(child)?.parent === parent && liveness(identity) === "alive") take(child);
  return [...found.values()];
}

/** The cookies of all attempts of which a process lives. */
export function livingCookies(): ReadonlySet<string> {
  return new Set(environments().flatMap(({ cookies }) => cookies));
}

/** {@link livingCookies} when it is first asked for, and then the same: many crashed workers need one look at /proc. */
export function lookOnce(): () => ReadonlySet<string> {
  let seen: ReadonlySet<string> | undefined;
  return () => (seen ??= livingCookies());
}

/** How often one look waits 1 ms for a process in the middle of an exec: each takes less, and many must not keep us. */
const mostWaits = 100;

/** Of all other processes that we may look into. A zombie has none. What only mentions a cookie is a stranger. */
function environments(): { pid: number; cookies: string[] }[] {
  let waits = mostWaits;
  return processes().flatMap((pid) => {
    let text = environment(pid);
    // Who starts another program shows nothing for a moment, and must not be taken for a stranger, or for dead.
    while (text === "" && waits > 0 && !isBare(pid)) {
      waits--;
      Bun.sleepSync(1);
      text = environment(pid);
    }
    const found = text?.includes(cookieName) ? text.split("\0").filter((one) => one.startsWith(cookieName)) : [];
    return found.length > 0 ? [{ pid, cookies: found.map((one) => one.slice(cookieName.length)) }] : [];
  });
}

/** More than an exec takes, arguments and all. A process may tell the kernel that far more of its memory is its environment. */
const longestEnvironment = 6 << 20;
const part = Buffer.alloc(64 << 10);

/** As {@link look}, but no more than there can be. */
function environment(pid: number): string | null {
  return unlessGone(() => {
    const file = openSync(`/proc/${pid}/environ`, "r");
    try {
      let text = "";
      for (let read = 1; read > 0 && text.length < longestEnvironment; text += part.toString("latin1", 0, read))
        read = readSync(file, part, 0, part.length, null);
      return text;
    } finally {
      closeSync(file);
    }
  });
}

/** Gone, or without an environment for good. */
function isBare(pid: number): boolean {
  const stat = look(`/proc/${pid}/stat`);
  return stat === null || hasNoEnvironment(stat);
}

/**
 * Whether a first process waits for a child that runs another program by now. Before that bubblewrap may not have told the
 * kernel yet that it dies with its parent, and what is started then could outlive us.
 */
export function waitsForChild(first: number): boolean {
  try {
    const own = programOf(first);
    const others = childrenOf(first).map((pid) => programOf(pid)?.name ?? own?.name);
    return own?.state === "S" && others.some((name) => name !== own.name);
  } catch (error) {
    // It is looked again.
    if (couldNotLook(error)) return false;
    throw error;
  }
}

function programOf(pid: number): { name: string; state: string } | null {
  const [, name, state] = /^\d+ \((.*)\) (\S)/s.exec(look(`/proc/${pid}/stat`) ?? "") ?? [];
  return name === undefined || state === undefined ? null : { name, state };
}

const cookieName = "CW_ATTEMPT_COOKIE=";

/** Numbers of all other processes but the first. */
function processes(): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 1 && pid !== process.pid);
}

/** The children of a process, also those in another pid namespace. @throws Error when it could not be looked at */
export function childrenOf(pid: number): number[] {
  // Each thread has those that it started.
  const lists = threadsOf(pid).map((thread) => look(`/proc/${pid}/task/${thread}/children`) ?? "");
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}

function threadsOf(pid: number): string[] {
  return unlessGone(() => readdirSync(`/proc/${pid}/task`)) ?? [];
}

/** @returns null: there is none, or it is not for us. @throws Error when it could not be looked at */
function look(file: string): string | null {
  return unlessGone(() => readFileSync(file, "utf8"));
}

function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (couldNotLook(error)) throw error;
    return null;
  }
}
