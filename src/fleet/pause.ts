/** An account at its usage limit: no worker of this fleet starts on it before the reset. The issues are not to blame. */
import * as z from "zod/mini";
import { FleetError } from "../model/errors.ts";
import { readRecord, toText } from "../store/records.ts";
import { isoNow } from "../system/clock.ts";
import { replaceFile } from "../system/files.ts";
import type { Credentials, Fleet } from "./fleet.ts";

const pausesSchema = z.looseObject({ version: z.literal(1), until: z.record(z.string(), z.string()) });

/** @param until ISO 8601 */
export function pauseAccount(fleet: Pick<Fleet, "store">, credentials: Credentials, until: string): void {
  const file = fleet.store.paths.accounts;
  const known = readRecord(file, pausesSchema);
  const now = isoNow();
  const others = Object.entries(known?.ok ? known.value.until : {}).filter(([, end]) => end > now);
  replaceFile(file, toText({ version: 1, until: { ...Object.fromEntries(others), [accountOf(credentials)]: until } }));
}

/** Until when the account is paused, ISO 8601; null when it is not. */
export function pausedUntil(fleet: Pick<Fleet, "store">, credentials: Credentials): string | null {
  const known = readRecord(fleet.store.paths.accounts, pausesSchema);
  const until = known?.ok ? known.value.until[accountOf(credentials)] : undefined;
  return until === undefined || until <= isoNow() ? null : until;
}

/** @throws FleetError `busy` while the account is paused */
export function refusePaused(fleet: Pick<Fleet, "store">, credentials: Credentials): void {
  const until = pausedUntil(fleet, credentials);
  if (until === null) return;
  throw new FleetError("busy", `the Claude account is at its usage limit until ${until}`, {
    hint: "try again after that, or use another account",
  });
}

/** A name for the account that gives nothing away about its credential. */
function accountOf(credentials: Credentials): string {
  const secret = Object.entries(credentials.provider).sort().flat().join("\n");
  return new Bun.CryptoHasher("sha256").update(secret).digest("hex").slice(0, 16);
}
