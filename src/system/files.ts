/**
 * Files of the fleet: whole or not at all, private, never through a link. Synchronous on purpose: for many small files one
 * plain loop is the fastest way, and the order of effects stays readable.
 */
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Read } from "../model/attempt.ts";
import { isoNow } from "./clock.ts";

const ownUid = process.getuid?.();
const privateFile = 0o600;
const privateFolder = 0o700;
/** Names of what is not finished begin so; who died over it has left it to {@link sweep}. */
export const temporaryMark = ".new-";
/** Whoever writes a file is done long before; what is older was left by a process that was killed. */
const abandonedMs = 60 * 60_000;

/** Makes a folder (and its parents) that only we may enter, whatever the umask. */
export function makeFolder(path: string): void {
  const made = fs.mkdirSync(path, { recursive: true, mode: privateFolder });
  if (made !== undefined) fs.chmodSync(path, privateFolder);
}

/** Creates a file with that content unless there is one. @returns false when there was one: the first wins */
export function createOnce(path: string, content: string): boolean {
  for (let tries = 1; ; tries++) {
    const temporary = writeTemporary(path, content);
    try {
      fs.linkSync(temporary, path);
      break;
    } catch (error) {
      if (errorCode(error) === "EEXIST") return false;
      // Whoever clears up after a crash took ours for the dead one's. Each of them does so once, and there are not that many.
      if (errorCode(error) !== "ENOENT" || tries === 100) throw error;
    } finally {
      discard(temporary);
    }
  }
  syncFolder(dirname(path));
  return true;
}

/** Replaces a file as a whole. For hints and settings; turning points use {@link createOnce}. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const temporary = writeTemporary(path, content);
  try {
    fs.renameSync(temporary, path);
  } catch (error) {
    discard(temporary);
    throw error;
  }
  syncFolder(dirname(path));
}

/** Creates a folder with those files in it, at once or not at all. @returns false when there was one: the first wins */
export function createFolderOnce(path: string, files: Readonly<Record<string, string>>): boolean {
  const parent = dirname(path);
  const prepared = join(parent, temporaryName(path));
  sweep(parent);
  fs.mkdirSync(prepared, { mode: privateFolder });
  try {
    for (const [name, content] of Object.entries(files)) writeNew(join(prepared, name), content);
    syncFolder(prepared);
    // Fails on a folder that is not empty, and ours never is: so of many processes one succeeds.
    fs.renameSync(prepared, path);
  } catch (error) {
    discard(prepared);
    const code = errorCode(error);
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
  syncFolder(parent);
  return true;
}

/**
 * Appends one line. Lines of one writer stay whole; a reader skips what it can't parse. What a full disk or a killed
 * writer cut off is ended first, so that it swallows no other line.
 */
export function appendLine(path: string, line: string, options: { sync?: boolean } = {}): void {
  const file = fs.openSync(
    path,
    fs.constants.O_RDWR | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW,
    privateFile,
  );
  try {
    const { size } = fs.fstatSync(file);
    const last = new Uint8Array(1);
    const cutOff = size > 0 && fs.readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 10;
    let rest = Buffer.from(`${cutOff ? "\n" : ""}${line}\n`);
    // A disk that gets full takes the beginning without an error.
    while (rest.length > 0) rest = rest.subarray(fs.writeSync(file, rest));
    if (options.sync) fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

/** No more open files, or no memory: that says nothing of what is there, and must not be taken for its absence. */
export function couldNotLook(error: unknown): boolean {
  return ["EMFILE", "ENFILE", "ENOMEM"].includes(errorCode(error));
}

/**
 * Content of a file of ours; null when there is none. Refuses links, devices, foreign and oversized files.
 * @throws Error when it could not be looked at: {@link couldNotLook}
 */
export function readOwn(path: string, maxBytes = 1 << 20): Read<string> | null {
  let file: number;
  try {
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (error) {
    if (couldNotLook(error)) throw error;
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    return { ok: false, reason: code === "ELOOP" ? `${path} is a link` : `${path} can't be opened (${code})` };
  }
  try {
    const stat = fs.fstatSync(file);
    if (!stat.isFile()) return { ok: false, reason: `${path} is not a regular file` };
    if (stat.uid !== ownUid) return { ok: false, reason: `${path} belongs to another user (uid ${stat.uid})` };
    if (stat.size > maxBytes) return { ok: false, reason: `${path} is larger than ${maxBytes} bytes` };
    return { ok: true, value: text(file, stat.size) };
  } catch (error) {
    if (couldNotLook(error)) throw error;
    return { ok: false, reason: `${path} can't be read (${errorCode(error)})` };
  } finally {
    fs.closeSync(file);
  }
}

/** What was there when it was looked at: readFileSync asks for far more memory, and once again for nothing. */
function text(file: number, size: number): string {
  const bytes = Buffer.allocUnsafe(size);
  let count = 0;
  for (let more = size > 0; more; ) {
    const now = fs.readSync(file, bytes, count, size - count, null);
    count += now;
    more = now > 0 && count < size;
  }
  return bytes.toString("utf8", 0, count);
}

/** Bytes of a file of ours from an offset on; empty when there is nothing. */
export function readFrom(path: string, offset: number, maxBytes: number): Uint8Array {
  let file: number;
  try {
    file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch {
    return new Uint8Array(0);
  }
  try {
    const stat = fs.fstatSync(file);
    const bytes = new Uint8Array(stat.isFile() ? Math.max(0, Math.min(maxBytes, stat.size - offset)) : 0);
    const count = bytes.length === 0 ? 0 : fs.readSync(file, bytes, 0, bytes.length, offset);
    return bytes.subarray(0, count);
  } finally {
    fs.closeSync(file);
  }
}

export function sizeOf(path: string): number {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Whether anything has that name: also a link to nothing, and what can't be opened. */
export function isThere(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** A folder that is really one: not a link to one. */
export function isFolder(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A file that is not there is removed. (rm of Bun 1.4.5 calls a failing disk a bad address.) */
export function removeFile(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

/** Removes what killed writers left in a folder. @param olderMs default: old enough that no writer can be alive */
export function sweep(folder: string, olderMs = abandonedMs): void {
  for (const name of fs.readdirSync(folder)) {
    if (!name.startsWith(temporaryMark)) continue;
    const path = join(folder, name);
    const since = fs.lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (since !== undefined && Date.parse(isoNow()) - Math.floor(since) >= olderMs) discard(path);
  }
}

function writeTemporary(path: string, content: string | Uint8Array): string {
  sweep(dirname(path));
  const temporary = join(dirname(path), temporaryName(path));
  writeNew(temporary, content);
  return temporary;
}

/** Takes away what nobody needs any more, if it can: what was won is not undone because its first name stays. */
export function discard(path: string): void {
  try {
    if (isFolder(path)) fs.rmSync(path, { recursive: true, force: true });
    else removeFile(path);
  } catch {
    // A disk that fails. Whoever writes there next sweeps.
  }
}

/** Random: process numbers come again, in a container at every start, and a killed process leaves its file behind. */
function temporaryName(path: string): string {
  return `${temporaryMark}${crypto.randomUUID()}-${basename(path)}`;
}

function writeNew(path: string, content: string | Uint8Array): void {
  const file = fs.openSync(path, "wx", privateFile);
  try {
    fs.writeFileSync(file, content);
    fs.fsyncSync(file);
  } catch (error) {
    discard(path);
    throw error;
  } finally {
    fs.closeSync(file);
  }
}

function syncFolder(path: string): void {
  const folder = fs.openSync(path, "r");
  try {
    fs.fsyncSync(folder);
  } finally {
    fs.closeSync(folder);
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
