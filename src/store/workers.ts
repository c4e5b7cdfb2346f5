/** Identities and stored credentials of the workers. */
import { readdirSync } from "node:fs";
import * as z from "zod/mini";
import type { Read } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import type { FleetPaths } from "../model/paths.ts";
import {
  type Identity,
  identitySchema,
  isWorkerId,
  parseWorkerId,
  type StoredSecrets,
  secretsSchema,
} from "../model/worker.ts";
import { createFolderOnce, createOnce, errorCode, makeFolder, replaceFile } from "../system/files.ts";
import { readRecord, toText } from "./records.ts";

const fleetSchema = z.looseObject({
  version: z.literal(1),
  id: z.string().check(z.minLength(8)),
  secret: z.optional(z.string()),
});

export class Workers {
  constructor(private readonly paths: FleetPaths) {}

  /** Ids in order. A fleet without a control folder has none. @throws FleetError `environment` when it can't be read */
  list(): string[] {
    try {
      return readdirSync(this.paths.control).filter(isWorkerId).sort();
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw new FleetError("environment", `${this.paths.control} can't be read (${errorCode(error)})`, {
        hint: "CW_ROOT or --root names the folder of the workers",
      });
    }
  }

  exists(id: string): boolean {
    return this.list().includes(id);
  }

  /** @throws FleetError `usage` (no id at all), `notFound` */
  need(id: string): void {
    parseWorkerId(id);
    if (!this.exists(id))
      throw new FleetError("notFound", `there is no worker ${id} in ${this.paths.root}`, { hint: `cw init ${id}` });
  }

  /** Creates the control folder of a worker, whole or not at all. @returns false when there is one */
  create(identity: Identity, secrets: StoredSecrets | null): boolean {
    makeFolder(this.paths.control);
    const files: Record<string, string> = { "identity.json": toText(identity) };
    if (secrets) files["secrets.json"] = toText(secrets);
    return createFolderOnce(this.paths.worker(identity.worker), files);
  }

  /** @throws FleetError `environment` when its record can't be read */
  identity(id: string): Identity {
    this.need(id);
    const read = readIdentity(this.paths, id);
    if (read.ok) return read.value;
    throw new FleetError("environment", `worker ${id} has no readable identity: ${read.reason}`, {
      hint: `mend or remove ${this.paths.worker(id)}`,
    });
  }

  secrets(id: string): StoredSecrets {
    const read = readRecord(this.paths.secrets(id), secretsSchema);
    if (read === null) return { version: 1 };
    if (read.ok) return read.value;
    throw new FleetError("environment", `the stored credentials of worker ${id} can't be read: ${read.reason}`, {
      hint: `export the credentials, then: cw refresh ${id}`,
    });
  }

  storeSecrets(id: string, secrets: StoredSecrets): void {
    replaceFile(this.paths.secrets(id), toText(secrets));
  }

  /** Id of this fleet (one root on one host); made once. Claims on GitHub are told apart by it. */
  fleetId(): string {
    return this.fleet().id;
  }

  /**
   * What a comment or an issue of ours begins with, to be found again. Nobody can write it before we have: who could would be
   * taken for us, and their words for ours.
   * @param what unique in the fleet
   */
  mark(what: string): string {
    const { id, secret = id } = this.fleet();
    const proof = new Bun.CryptoHasher("sha256", secret).update(what).digest("hex").slice(0, 16);
    return `claude-workers:${id.slice(0, 8)}:${what}:${proof}`;
  }

  private fleet(): z.infer<typeof fleetSchema> {
    makeFolder(this.paths.control);
    const found = readRecord(this.paths.fleet, fleetSchema);
    if (found?.ok) return found.value;
    if (found) {
      throw new FleetError("environment", `the fleet's own record can't be read: ${found.reason}`, {
        hint: "restore it: the claims on GitHub are told apart by it",
      });
    }
    createOnce(this.paths.fleet, toText({ version: 1, id: crypto.randomUUID(), secret: crypto.randomUUID() }));
    return this.fleet();
  }
}

export function readIdentity(paths: FleetPaths, worker: string): Read<Identity> {
  const path = paths.identity(worker);
  const read = readRecord(path, identitySchema) ?? { ok: false, reason: `${path} is missing` };
  if (!read.ok || read.value.worker === worker) return read;
  return { ok: false, reason: `${path} belongs to worker ${read.value.worker}` };
}
