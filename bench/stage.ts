/** What all groups need: the program as a user has it, a folder for what they make, an environment built from nothing. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installed } from "../test/support/installed.ts";

export interface Stage {
  /** The installed program, through the link that npm makes. */
  readonly cw: string;
  /** Removed at the end. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Words of a floor: a program of bench/floors in the same Bun. */
  floor(name: string, ...args: string[]): string[];
  close(): void;
}

export async function openStage(): Promise<Stage> {
  const { prefix } = await installed();
  const folder = mkdtempSync(join(tmpdir(), "cw-bench-"));
  const home = join(folder, "home");
  mkdirSync(home);
  // Away from the checkout, whose tsconfig.json and package.json Bun would read first.
  const floors = join(folder, "floors");
  cpSync(join(import.meta.dir, "floors"), floors, { recursive: true });
  return {
    cw: join(prefix, "bin/cw"),
    folder,
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: home, LANG: "C.UTF-8" },
    floor: (name, ...args) => [process.execPath, join(floors, `${name}.js`), ...args],
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
