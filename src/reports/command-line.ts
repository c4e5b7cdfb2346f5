/** What a command line may be, as completions and the manual show it. */

export interface FlagShape {
  /** `--json`, `--no-color` */
  readonly long: string;
  /** `r` for `-r` */
  readonly short: string | null;
  readonly description: string;
  /** Null: it takes none. */
  readonly value: { readonly hint: string; readonly options: readonly string[]; readonly isPath: boolean } | null;
}

export interface CommandShape {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly example: string;
  /** As help writes them: `<id>`, `[id...]`. */
  readonly places: readonly { readonly written: string; readonly description: string }[];
  /** Words that may stand in the first place. */
  readonly words: readonly string[];
  readonly flags: readonly FlagShape[];
}

export interface ProgramShape {
  readonly commands: readonly CommandShape[];
  readonly flags: readonly FlagShape[];
}
