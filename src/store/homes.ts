/**
 * The worker's HOME, made anew from its template. What an agent left there must not act in the next attempt, so the old
 * one is moved away whole (one rename, whatever is in it) and only what is asked for is taken over.
 */
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { FleetError } from "../model/errors.ts";
import type { FleetPaths } from "../model/paths.ts";
import { fillTemplate } from "../model/template.ts";
import type { Identity } from "../model/worker.ts";
import { failPoint } from "../system/fail-point.ts";
import { createOnce, errorCode, isFolder, makeFolder } from "../system/files.ts";
import { type HeldFolder, holdFolder } from "../system/held-folder.ts";
import { removeTree } from "../system/remove.ts";

/**
 * @param keep paths below HOME that are taken over if they are plain folders; nothing, unless an attempt is resumed
 * @returns done when what was moved away is deleted, which may take long: an agent may have left millions of files
 */
export function rebuildHome(
  paths: FleetPaths,
  identity: Identity,
  templates: string,
  keep: readonly string[],
): Promise<void> {
  const home = paths.home(identity.worker);
  const trash = join(paths.trash, identity.worker);
  const old = join(trash, crypto.randomUUID());
  const folder = join(templates, identity.template);
  checkTemplate(folder);
  makeFolder(trash);
  const existed = moveAway(home, old);
  failPoint("old home moved away");
  makeFolder(home);
  const values = { worker: identity.worker, name: identity.name, email: identity.email };
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(home, relative(folder, from));
    makeFolder(dirname(to));
    createOnce(to, fillTemplate(readFileSync(from, "utf8"), values));
  }
  if (existed) for (const path of keep) takeOver(old, path, join(home, path));
  failPoint("home made");
  // The whole trash of this worker: an earlier process may have ended before it was done.
  return removeTree(trash);
}

/**
 * A login of Claude Code is no source: whoever renews it first gets a new refresh token, and all copies are signed out, the
 * operator's own first of all.
 * @throws FleetError `config`, also for a link to one
 */
export function checkTemplate(folder: string): void {
  const login = readdirSync(folder, { recursive: true, withFileTypes: true }).find(
    ({ name }) => name === ".credentials.json",
  );
  if (login === undefined) return;
  throw new FleetError(
    "config",
    `${join(login.parentPath, login.name)} must not be in a template: its refresh token changes with each renewal, so copies sign each other out`,
    { hint: "remove it; claude setup-token, then export CLAUDE_CODE_OAUTH_TOKEN=... (or ANTHROPIC_API_KEY)" },
  );
}

function moveAway(home: string, old: string): boolean {
  try {
    renameSync(home, old);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

/**
 * Takes a folder over, unless anything on its way is not a plain folder: an agent may have put a link there, and a shell
 * that is still open may put one there at any moment. So each folder is held while it is looked at.
 */
export function takeOver(old: string, path: string, target: string): void {
  const held: HeldFolder[] = [];
  let parent = old;
  let at = old;
  try {
    for (const part of path.split("/")) {
      parent = at;
      const folder = holdFolder(join(at, part));
      held.push(folder);
      at = folder.at;
    }
    makeFolder(dirname(target));
    renameSync(join(parent, basename(path)), target);
    // What was moved may be what was put in its place; here nobody but us reaches it.
    if (!isFolder(target)) rmSync(target, { force: true });
  } catch (error) {
    if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(errorCode(error))) throw error;
  } finally {
    for (const folder of held) folder.close();
  }
}
