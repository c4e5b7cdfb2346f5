/** Reads the two files of the configuration folder. Both can name programs to run, so others must not be able to write them. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { FleetError } from "../model/errors.ts";

const maxBytes = 1 << 20;

/**
 * @param options.secret refuse a file that others can read, too
 * @returns undefined when there is no such file
 * @throws FleetError `config` when it is no regular file, over 1 MiB, of another user, or open to others
 */
export function readConfigFile(path: string, options: { secret: boolean }): string | undefined {
  const refuse = (what: string, hint?: string) => new FleetError("config", `${path}: ${what}`, hint ? { hint } : {});
  let file: number;
  try {
    // Links are followed: people keep their configuration in other places. O_NONBLOCK: a pipe must not hang us.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw refuse(`can't be read (${code ?? String(error)})`);
  }
  try {
    const stat = fstatSync(file);
    const { mode, size, uid } = stat;
    if (!stat.isFile()) throw refuse("is not a regular file");
    if (size > maxBytes) throw refuse(`is larger than ${maxBytes} bytes`);
    if (uid !== process.getuid?.() && uid !== 0) throw refuse(`belongs to another user (uid ${uid})`);
    if (mode & 0o022) throw refuse("can be written by others", `chmod go-w '${path}'`);
    if (options.secret && mode & 0o044)
      throw refuse("is for credentials and can be read by others", `chmod 600 '${path}'`);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/**
 * KEY=VALUE lines; blank lines and those that begin with # are skipped, one pair of quotes around a value is taken off.
 * @throws FleetError `config` naming file and line, never the value
 */
export function parseEnvFile(path: string, content: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [index, raw] of content.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new FleetError("config", `${path}: line ${index + 1}: expected NAME=VALUE`);
    }
    if (values.has(name)) throw new FleetError("config", `${path}: line ${index + 1}: ${name} is set twice`);
    values.set(name, /^(["']).*\1$/.test(value) && value.length > 1 ? value.slice(1, -1) : value);
  }
  return values;
}
