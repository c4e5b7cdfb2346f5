/** A worker: an identity of the fleet. */
import * as z from "zod/mini";
import { FleetError } from "./errors.ts";

const workerId = /^[a-z0-9][a-z0-9-]{0,31}$/;
/** Folders of the control folder that are not workers. */
const taken = new Set(["repos", "locks", "trash", "unsettled"]);

/** @throws FleetError `usage` for anything but `^[a-z0-9][a-z0-9-]{0,31}$` */
export function parseWorkerId(text: string): string {
  if (isWorkerId(text)) return text;
  throw new FleetError(
    "usage",
    `not a worker id: ${JSON.stringify(text)}: expected 1 to 32 of a-z, 0-9 and "-", beginning with a letter or digit`,
    {
      hint: "cw init 01",
    },
  );
}

export function isWorkerId(text: string): boolean {
  return workerId.test(text) && !taken.has(text);
}

/** `.fleet/<id>/identity.json`: who the worker is. No secret in it. */
export const identitySchema = z.looseObject({
  version: z.literal(1),
  worker: z.string().check(z.regex(workerId)),
  /** Author of its commits. */
  name: z.string(),
  email: z.string(),
  template: z.string(),
  createdAt: z.string(),
});
export type Identity = z.infer<typeof identitySchema>;

/** `.fleet/<id>/secrets.json`: what the operator chose to store, so that cron and restarts have it. */
export const secretsSchema = z.looseObject({
  version: z.literal(1),
  githubToken: z.optional(z.string()),
  /** In the place of a token. */
  githubApp: z.optional(
    z.looseObject({ id: z.string(), key: z.optional(z.string()), keyFile: z.optional(z.string()) }),
  ),
  /** Environment variables of the model provider. */
  provider: z.optional(z.record(z.string(), z.string())),
});
export type StoredSecrets = z.infer<typeof secretsSchema>;

/** Label that shows people which worker has the issue. */
export function workerLabel(worker: string): string {
  return `worker:${worker}`;
}

/** GitHub's labels ignore case, and keep the one that they were made with. */
export function sameLabel(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** A git author name or address that can't break out of a git configuration file. @throws FleetError `usage` */
export function parseAuthor(field: "name" | "email", text: string): string {
  const fits =
    text.length > 0 && text.length <= 200 && !/[\u0000-\u001f\u007f"\\<>]/.test(text) && text.trim() === text;
  if (fits && (field === "name" || /^[^\s@]+@[^\s@]+$/.test(text))) return text;
  throw new FleetError(
    "usage",
    `not an author ${field}: ${JSON.stringify(text.slice(0, 80))}: expected ${field === "name" ? "a plain name" : "an address such as bot@example.com"}`,
  );
}
