/** Commits of an agent in the fleet's own repository: read as git keeps them, written anew, and what they touch. */
import type { Mirror } from "./mirror.ts";

/** What an agent made: all that `head` reaches, and these do not. */
export interface Beyond {
  readonly known: readonly string[];
  readonly head: string;
}

/**
 * Each as bytes (latin1), parents first.
 * @param most one more is given where there are more
 */
export async function commitsBeyond(
  mirror: Mirror,
  { known, head }: Beyond,
  most: number,
  timeoutMs: number,
): Promise<{ sha: string; bytes: string }[]> {
  const list = ["rev-list", "--topo-order", "--reverse", head, "--not", ...known];
  const shas = (await mirror.need(list, timeoutMs))
    .split("\n")
    .filter(Boolean)
    .slice(0, most + 1);
  const more = { stdin: `${shas.join("\n")}\n`, encoding: "latin1" } as const;
  const text = await mirror.need(["cat-file", "--batch"], timeoutMs, more);
  let at = 0;
  return shas.map((sha) => {
    const end = text.indexOf("\n", at) + 1;
    at = end + Number(text.slice(at, end).split(" ")[2]) + 1;
    return { sha, bytes: text.slice(end, at - 1) };
  });
}

export async function writeCommit(mirror: Mirror, text: string): Promise<string> {
  return (await mirror.need(["hash-object", "-t", "commit", "-w", "--stdin"], 30_000, { stdin: text })).trim();
}

/** Names of the files that they touch, also where a later one takes it back, and of those that differ in the end. */
export async function filesBeyond(
  mirror: Mirror,
  { known, head }: Beyond,
  fork: string,
  timeoutMs: number,
): Promise<string[]> {
  const names = ["--name-only", "-z", "--no-renames"];
  const each = await mirror.need(["log", "--format=", "-c", ...names, head, "--not", ...known], timeoutMs);
  const end = await mirror.need(["diff", ...names, fork, head], timeoutMs);
  return [...new Set(`${each}\0${end}`.split("\0").map((name) => name.replace(/^\n/, "")))].filter(Boolean);
}

/**
 * Bytes of all files that differ, each for itself: some megabytes of a bundle can hold one blob under a thousand names, and a
 * patch writes every one of them.
 * @throws FleetError, also for more files than can be listed
 */
export async function changedBytes(mirror: Mirror, base: string, head: string, timeoutMs: number): Promise<number> {
  const listed = await mirror.need(["diff-tree", "-r", "-z", "--raw", "--no-renames", base, head], timeoutMs);
  const blobs = listed.split("\0").flatMap((part) => /^:\d+ \d+ \w+ (\w+) \w+$/.exec(part)?.[1] ?? []);
  const stdin = blobs.map((blob) => `${blob}\n`).join("");
  const sizes = await mirror.need(["cat-file", "--batch-check=%(objectsize)"], timeoutMs, { stdin });
  return sizes.split("\n").reduce((sum, size) => sum + (Number(size) || 0), 0);
}

/** What changed between two commits. */
export interface Difference {
  readonly commits: number;
  readonly added: number;
  readonly removed: number;
  readonly files: readonly string[];
}

export async function differenceOf(mirror: Mirror, base: string, head: string, timeoutMs: number): Promise<Difference> {
  const commits = Number(await mirror.need(["rev-list", "--count", `${base}..${head}`], timeoutMs));
  const numbers = ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--numstat", "-z", base, head];
  const table = await mirror.need(numbers, timeoutMs);
  let added = 0;
  let removed = 0;
  const files: string[] = [];
  for (const row of table.split("\0")) {
    const [plus, minus, ...name] = row.split("\t");
    if (name.length === 0) continue;
    added += Number(plus) || 0; // "-" for binary files
    removed += Number(minus) || 0;
    files.push(name.join("\t"));
  }
  return { commits, added, removed, files };
}
