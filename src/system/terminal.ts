/** A program on a terminal of its own, which is shown on ours. */
import { closeSync, openSync } from "node:fs";
import type { Command } from "../model/command.ts";
import { within } from "./clock.ts";
import { openInputs } from "./inputs.ts";

/** Whether a person sits at it, and not a pipe or a file. */
export const isTerminal = (): boolean => Boolean(process.stdin.isTTY && process.stdout.isTTY);

/**
 * Runs to its end. Where a person sits, the program gets a terminal of its own, and this process carries what is typed and
 * shown: whoever has ours open could type into it, and what is typed there after our end is a command of the operator's.
 * @returns its exit code
 */
export async function runHere(command: Command): Promise<number> {
  const nowhere = openSync("/dev/null", "w");
  const inputs = openInputs(command);
  try {
    const more = command.infoFd === undefined ? [] : [nowhere];
    for (const { fd, open } of inputs) more[fd - 3] = open;
    if (isTerminal()) return await carried(command, more);
    const { argv, env, cwd } = command;
    return await Bun.spawn([...argv], { env, cwd, stdio: ["inherit", "inherit", "inherit", ...more] }).exited;
  } finally {
    closeSync(nowhere);
    for (const { open } of inputs) closeSync(open);
  }
}

async function carried({ argv, env, cwd }: Command, more: readonly number[]): Promise<number> {
  const { stdin, stdout } = process;
  const { promise: drained, resolve: drain } = Promise.withResolvers<void>();
  const size = () => ({ cols: stdout.columns || 80, rows: stdout.rows || 24 });
  // Made with the child, not beforehand: only so it is the child's controlling terminal, in the place of ours.
  const child = Bun.spawn([...argv], {
    env: { ...env },
    cwd,
    terminal: { ...size(), data: (_: unknown, bytes: Uint8Array) => void stdout.write(bytes), exit: () => drain() },
    stdio: [null, null, null, ...more] as never,
  });
  const typed = (bytes: Uint8Array) => void child.terminal?.write(bytes);
  const resized = () => child.terminal?.resize(size().cols, size().rows);
  const before = stty("-g");
  try {
    stty("raw -echo");
    stdin.on("data", typed);
    stdout.on("resize", resized);
    const code = await child.exited;
    // Its last words; somebody who holds the terminal open keeps nobody waiting.
    await within(500, drained);
    return code;
  } finally {
    stdin.off("data", typed);
    stdout.off("resize", resized);
    stty(before);
    stdin.pause();
    child.terminal?.close();
  }
}

/** Of our terminal. The runtime's own raw mode goes on making two characters of each newline, which moves what editors draw. */
function stty(words: string): string {
  const env = { PATH: "/usr/bin:/bin" };
  const { stdout } = Bun.spawnSync(["/bin/sh", "-c", `exec stty ${words}`], {
    env,
    stdin: "inherit",
    stderr: "ignore",
  });
  return /^[0-9a-f:]+$/.exec(stdout.toString().trim())?.[0] ?? "sane";
}
