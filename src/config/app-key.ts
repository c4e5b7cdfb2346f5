/** The private key of a GitHub App: from the environment, or from a file that agents can't see. */
import { existsSync, realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import { FleetError } from "../model/errors.ts";
import type { AppKey } from "../model/github-app.ts";
import { readConfigFile } from "./files.ts";

export const appNames = ["GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_FILE"] as const;

/** @param read value of a variable. @throws FleetError `config` when half of it is missing, or it is no such thing */
export async function appKeyIn(
  read: (name: (typeof appNames)[number]) => string | undefined,
  home: string,
): Promise<AppKey | undefined> {
  const [id, key, file] = appNames.map(read);
  const wrong = (what: string) => new FleetError("config", what, { hint: "docs/github.md says how to make an App" });
  if (id === undefined && key === undefined && file === undefined) return undefined;
  if (id === undefined)
    throw wrong(`${key === undefined ? appNames[2] : appNames[1]} is set, and GITHUB_APP_ID is not`);
  if (!/^[A-Za-z0-9.]{1,64}$/.test(id)) throw wrong("GITHUB_APP_ID: expected the number of an App, or its client id");
  if (key !== undefined) return { id, key: await checked(key.replaceAll("\\n", "\n"), "GITHUB_APP_PRIVATE_KEY") };
  const path = file?.replace(/^~(?=\/)/, home);
  if (path === undefined) throw wrong("GITHUB_APP_ID is set, and GITHUB_APP_PRIVATE_KEY_FILE is not");
  if (!isAbsolute(path)) throw wrong("GITHUB_APP_PRIVATE_KEY_FILE: expected an absolute path");
  return { id, keyFile: path };
}

/**
 * @param home of the operator, which agents don't see but for `root` in it, and of that the control folder not again
 * @throws FleetError `config`, also for a file that an agent, being the same user, could read
 */
export async function privateKeyOf(app: AppKey, home: string, root: string): Promise<string> {
  if (app.key !== undefined) return app.key;
  const path = app.keyFile ?? "";
  const text = readConfigFile(path, { secret: true });
  if (text === undefined) throw new FleetError("config", `${path}: there is no such key file`);
  const real = realpathSync(path);
  const below = (folder: string) => existsSync(folder) && real.startsWith(`${realpathSync(folder)}/`);
  if (below(root) ? !below(`${root}/.fleet`) : !below(home))
    throw new FleetError("config", `${path}: an agent could read it there`, {
      hint: `move it below ${home}, which agents don't see`,
    });
  return await checked(text, path);
}

/** The same for a process that we start. */
export function appVariables(app: AppKey | undefined): Record<string, string> {
  if (!app) return {};
  const key = app.key === undefined ? {} : { GITHUB_APP_PRIVATE_KEY: app.key };
  return { GITHUB_APP_ID: app.id, ...(app.keyFile ? { GITHUB_APP_PRIVATE_KEY_FILE: app.keyFile } : key) };
}

async function checked(pem: string, where: string): Promise<string> {
  // Loaded here: it takes a third of the time of a short command.
  const { privateKeyIn } = await import("./private-key.ts");
  return privateKeyIn(pem, where);
}
