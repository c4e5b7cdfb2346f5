/**
 * Gives back the room of a mirror's objects that nothing needs any more: bundles of old attempts, each up to 512 MiB by the
 * agent's choice, and one pack for each fetch. Killed at any point it has taken nothing away that a ref reaches.
 */
import { lstatSync, readdirSync } from "node:fs";
import { isoNow, tickerMs } from "../system/clock.ts";
import { readOwn, removeFile, replaceFile } from "../system/files.ts";
import { type GitSettings, git } from "./git.ts";

/** So long after it was made an object stays without a ref: who makes one needs minutes to name it. */
const youngMs = 2 * 60 * 60_000;
const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;
const mostPacks = 50;
const mostLoose = 5000;
/** By so many bytes more than the last time, it is time before the day is over. */
const mostGrown = 2 ** 30;

/** When it was tidied last, and how large it was then. */
const note = (mirror: string) => `${mirror}/tidied`;
const objects = (mirror: string) => `${mirror}/objects`;

/** Once a day, or each hour while it gathers much. */
export function isTidyingDue(mirror: string): boolean {
  // New ones have no note.
  const last = lookAt(note(mirror)) ?? lookAt(`${mirror}/HEAD`);
  if (last === undefined) return false;
  // Either way: a clock that was set back must not put it off for years.
  const passed = Math.abs(ageMs(last));
  if (passed < hourMs || passed > dayMs) return passed > dayMs;
  const { packs, loose, bytes } = measured(mirror);
  return packs > mostPacks || loose > mostLoose || bytes > knownBytes(mirror) + mostGrown;
}

/**
 * Whoever calls it holds the mirror's lock. Packs are made one by a git without children, so that nothing of it outlives its time.
 * @param limitMs of all of it @returns whether it came to its end
 */
export async function tidyMirror(settings: GitSettings, mirror: string, limitMs: number): Promise<boolean> {
  // Before: one that needs too long is tried once a day, not after each attempt.
  replaceFile(note(mirror), `${measured(mirror).bytes}\n`);
  const deadline = tickerMs() + limitMs;
  const run = async (args: readonly string[]) =>
    await git(settings, ["--git-dir", mirror, ...args], { timeoutMs: Math.max(1, deadline - tickerMs()) });
  removeLeft(mirror);
  const unreached = ["prune", `--expire=${Math.floor((Date.parse(isoNow()) - youngMs) / 1000)}`];
  if (!(await run(unreached)).ok) return false;
  const packs = packsOf(mirror);
  const old = packs.filter((pack) => isOld(mirror, pack));
  const stays = packs.filter((pack) => !old.includes(pack)).map((pack) => `--keep-pack=${pack}.pack`);
  const how = ["--quiet", "--all", "--non-empty", "--delta-base-offset", "--honor-pack-keep", ...stays];
  // It shares the machine with agents.
  const made = await run(["-c", "pack.threads=1", "pack-objects", ...how, `${objects(mirror)}/pack/pack`]);
  if (!made.ok) return false;
  for (const pack of old) {
    // Git touches a pack when it finds in it what it was about to write.
    if (pack === `pack-${made.stdout.trim()}` || !isOld(mirror, pack)) continue;
    // The index first: a pack without one is nothing to git, and goes the next time.
    for (const end of ["idx", "rev", "bitmap", "pack"]) removeFile(`${objects(mirror)}/pack/${pack}.${end}`);
  }
  if (!(await run(["prune-packed", "--quiet"])).ok) return false;
  replaceFile(note(mirror), `${measured(mirror).bytes}\n`);
  return true;
}

function packsOf(mirror: string): string[] {
  return readdirSync(`${objects(mirror)}/pack`).flatMap((name) => /^(pack-[0-9a-f]+)\.pack$/.exec(name)?.[1] ?? []);
}

/** A fetch that is under way holds its pack by a file, until a ref names what is in it. */
function isOld(mirror: string, pack: string): boolean {
  const path = `${objects(mirror)}/pack/${pack}`;
  const found = lookAt(`${path}.pack`);
  return found !== undefined && ageMs(found) > youngMs && lookAt(`${path}.keep`) === undefined;
}

/** Of gits that were killed while they wrote a pack. */
function removeLeft(mirror: string): void {
  for (const name of readdirSync(`${objects(mirror)}/pack`)) {
    const path = `${objects(mirror)}/pack/${name}`;
    const found = lookAt(path);
    if (name.startsWith("tmp_") && found && ageMs(found) > youngMs) removeFile(path);
  }
}

function measured(mirror: string): { packs: number; loose: number; bytes: number } {
  const all = { packs: 0, loose: 0, bytes: 0 };
  for (const folder of readdirSync(objects(mirror))) {
    const isLoose = /^[0-9a-f]{2}$/.test(folder);
    if (!isLoose && folder !== "pack") continue;
    for (const name of readdirSync(`${objects(mirror)}/${folder}`)) {
      all.bytes += lookAt(`${objects(mirror)}/${folder}/${name}`)?.size ?? 0;
      if (isLoose) all.loose++;
      else if (name.endsWith(".pack")) all.packs++;
    }
  }
  return all;
}

function knownBytes(mirror: string): number {
  const read = readOwn(note(mirror));
  return read?.ok ? Number(read.value) || 0 : 0;
}

const lookAt = (path: string) => lstatSync(path, { throwIfNoEntry: false });
const ageMs = ({ mtimeMs }: { readonly mtimeMs: number }) => Date.parse(isoNow()) - mtimeMs;
