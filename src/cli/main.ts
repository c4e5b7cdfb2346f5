/** The program. --version is answered before anything else is loaded. */
import { version } from "../../package.json";
import type { Deps } from "./run.ts";

/** @param argv the words after the name of the program. @returns the exit code */
export async function main(argv: readonly string[], deps?: Deps): Promise<number> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) {
    console.log(version);
    return 0;
  }
  // Most commands end within milliseconds: compiling what runs a few times costs more than it brings. Not in every Bun.
  Bun.unsafe.setJITPolicy?.(16);
  const { run } = await import("./run.ts");
  return run(argv, version, deps);
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
