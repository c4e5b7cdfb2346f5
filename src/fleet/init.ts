/** Makes a worker: its control folder, then its HOME from the template. */
import { existsSync } from "node:fs";
import { FleetError } from "../model/errors.ts";
import { parseAuthor, parseWorkerId, type StoredSecrets } from "../model/worker.ts";
import { checkTemplate, rebuildHome } from "../store/homes.ts";
import { isoNow } from "../system/clock.ts";
import { errorCode, isFolder, makeFolder } from "../system/files.ts";
import type { Credentials, Fleet } from "./fleet.ts";

export interface InitRequest {
  readonly ids: readonly string[];
  /** Folder below templates/; default `worker`. */
  readonly template?: string | undefined;
  /** Git author; default `Worker 01 <worker-01@claude-workers.invalid>`. */
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  /** Keep the credentials of the environment for cron and restarts; default true. */
  readonly storeCredentials?: boolean;
}

export interface Initialised {
  readonly worker: string;
  readonly home: string;
  /** Names of what was stored, never values. */
  readonly stored: readonly string[];
  readonly storedIn: string | null;
}

/** All or none: every id is checked before the first worker is made. @throws FleetError `usage`, `busy`, `config` */
export function init(fleet: Pick<Fleet, "store" | "credentials" | "templates">, request: InitRequest): Initialised[] {
  const ids = request.ids.map(parseWorkerId);
  if (ids.length === 0) throw new FleetError("usage", "which worker?", { hint: "cw init 01" });
  if (new Set(ids).size < ids.length)
    throw new FleetError("usage", "the same worker is named twice", { hint: "cw init 01 02" });
  const template = request.template ?? "worker";
  if (!/^[a-z0-9][a-z0-9-]*$/.test(template) || !isFolder(`${fleet.templates}/${template}`)) {
    throw new FleetError("usage", `there is no template ${JSON.stringify(template)} in ${fleet.templates}`, {
      hint: "--template worker",
    });
  }
  checkTemplate(`${fleet.templates}/${template}`);
  const { paths, workers } = fleet.store;
  for (const id of ids) {
    if (workers.exists(id)) throw new FleetError("busy", `worker ${id} exists already`, { hint: `cw refresh ${id}` });
    if (existsSync(paths.home(id)))
      throw new FleetError("busy", `${paths.home(id)} exists already and is not a worker's`, {
        hint: "move it away, or take another id",
      });
  }
  makeRoot(paths.control);
  workers.fleetId();
  return ids.map((id) => {
    const identity = {
      version: 1 as const,
      worker: id,
      name: parseAuthor("name", request.name ?? `Worker ${id}`),
      email: parseAuthor("email", request.email ?? `worker-${id}@claude-workers.invalid`),
      template,
      createdAt: isoNow(),
    };
    const secrets = request.storeCredentials === false ? null : toStore(fleet);
    if (!workers.create(identity, secrets)) throw new FleetError("busy", `worker ${id} exists already`);
    void rebuildHome(paths, identity, fleet.templates, []);
    return {
      worker: id,
      home: paths.home(id),
      stored: secrets ? namesOf(fleet.credentials) : [],
      storedIn: secrets ? paths.secrets(id) : null,
    };
  });
}

function makeRoot(control: string): void {
  try {
    makeFolder(control);
  } catch (error) {
    throw new FleetError("environment", `${control} can't be made (${errorCode(error)})`, {
      hint: "CW_ROOT or --root names the folder of the workers",
      cause: error,
    });
  }
}

function toStore(fleet: Pick<Fleet, "credentials">): StoredSecrets | null {
  if (namesOf(fleet.credentials).length === 0) return null;
  return { version: 1, ...githubPart(fleet.credentials), provider: { ...fleet.credentials.provider } };
}

/** One of both: an App goes before a token. */
export function githubPart({ githubToken, githubApp }: Credentials): Pick<StoredSecrets, "githubToken" | "githubApp"> {
  if (githubApp) return { githubApp: { ...githubApp } };
  return githubToken === null ? {} : { githubToken };
}

export function namesOf(credentials: Credentials): string[] {
  const { githubToken, githubApp } = githubPart(credentials);
  return [
    ...(githubApp ? ["GITHUB_APP_ID"] : []),
    ...(githubToken === undefined ? [] : ["GH_TOKEN"]),
    ...Object.keys(credentials.provider),
  ];
}
