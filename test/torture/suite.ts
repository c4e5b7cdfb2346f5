/**
 * What a suite of the torture run is. A round is told everything by its seed: the same seed is the same round, in whichever
 * run. Seeds of a run are consecutive numbers, so a suite that has to go through a list takes `seed % list.length`.
 * Where a round strikes a real process (crash-*, errors), the seed chooses among points that are measured anew in each run: by
 * name and count, so mostly the same, but the harm's own words say which point it was.
 */
import type { Random } from "./random.ts";

export type Harm =
  /** Work that was done is nowhere any more: not on GitHub, not in a patch, not in a clone. */
  | "lost"
  /** Something was done twice: an agent, a branch, a pull request, a comment, an end. */
  | "doubled"
  /** An issue or a worker that no command of the fleet brings on its way again. */
  | "stuck"
  /** Somebody else's process, label, claim or file was touched. */
  | "stranger"
  /** A process outlived its attempt. */
  | "survivor"
  /** A record, an exit code or a word that says something that is not so. */
  | "false"
  /** A file that is neither as it was before nor as it should be. */
  | "torn"
  /** A file, lock, ref, label or claim that nothing expects there. */
  | "leftover"
  /** A guard of the code was taken away, and no test failed. */
  | "unseen";

export interface Round {
  readonly seed: number;
  /** Within the run. Decides nothing: a round is repeated by its seed alone. */
  readonly index: number;
  /** A folder of its own, removed afterwards. */
  readonly folder: string;
  readonly random: Random;
}

export interface Found {
  /** How many points, cases or interleavings this round went through. */
  readonly tried: number;
  /** What went wrong, in words that name the point or the case. */
  readonly harm: readonly { readonly kind: Harm; readonly detail: string }[];
}

export interface Suite {
  readonly name: string;
  /** What it shows, as a line of the table. */
  readonly shows: string;
  /** Rounds of a full run. */
  readonly full: number;
  /** Rounds of `--quick`, which is a part of `npm test`. */
  readonly quick: number;
  /** Set-up, once per run. */
  open?(): Promise<{ close(): Promise<void> } & object>;
  /** Up to `--jobs` of them go at once. One that throws proves nothing: it counts as broken, and fails the run. */
  round(round: Round): Promise<Found>;
  /** Why it cannot run here, or null. */
  missing?(): string | null;
}
