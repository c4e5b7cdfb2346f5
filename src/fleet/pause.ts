/** An account at its usage limit, or that takes no credentials: no worker of this fleet starts on it for a while. The issues are not to blame. */
import * as z from "zod/mini";
import { FleetError } from "../model/errors.ts";
import { readRecord, toText } from "../store/records.ts";
import { isoNow } from "../system/clock.ts";
import { replaceFile } from "../system/files.ts";
import type { Credentials, Fleet } from "./fleet.ts";

const pausesSchema = z.looseObject({
  version: z.literal(1),
  until: z.record(z.string(), z.string()),
  /** Where it is not the usage limit. */
  why: z.optional(z.record(z.string(), z.string())),
});
const usual = "usage limit";
/** Where nobody says when an account may be used again. */
export const unknownMs = 15 * 60_000;

/** @param until ISO 8601 */
export function pauseAccount(
  fleet: Pick<Fleet, "store">,
  credentials: Credentials,
  until: string,
  why: string | null = null,
): void {
  const file = fleet.store.paths.accounts;
  const known = readRecord(file, pausesSchema);
  const now = isoNow();
  const account = accountOf(credentials);
  const others = Object.entries(known?.ok ? known.value.until : {}).filter(
    ([one, end]) => one !== account && end > now,
  );
  const reasons = Object.entries((known?.ok ? known.value.why : null) ?? {}).filter(([one]) =>
    others.some(([other]) => other === one),
  );
  const record = {
    until: Object.fromEntries([...others, [account, until]]),
    why: Object.fromEntries(why === null ? reasons : [...reasons, [account, why]]),
  };
  replaceFile(file, toText({ version: 1, ...record }));
}

/** No worker of this fleet starts on an account that takes its credentials for none: others may have better ones. */
export function pauseRefused(fleet: Pick<Fleet, "store">, credentials: Credentials): void {
  const until = new Date(Date.parse(isoNow()) + unknownMs).toISOString();
  pauseAccount(fleet, credentials, until, "refused credentials");
}

export interface Paused {
  /** ISO 8601 */
  readonly until: string;
  /** In two words. */
  readonly why: string;
}

/** Null when the account is not paused. */
export function paused(fleet: Pick<Fleet, "store">, credentials: Credentials): Paused | null {
  const known = readRecord(fleet.store.paths.accounts, pausesSchema);
  const account = accountOf(credentials);
  const until = known?.ok ? known.value.until[account] : undefined;
  if (until === undefined || until <= isoNow()) return null;
  return { until, why: (known?.ok && known.value.why?.[account]) || usual };
}

/** @throws FleetError `busy` while the account is at its limit. Whether credentials are taken by now, a person may try. */
export function refusePaused(fleet: Pick<Fleet, "store">, credentials: Credentials): void {
  const pause = paused(fleet, credentials);
  if (pause === null || pause.why !== usual) return;
  throw new FleetError("busy", `the Claude account is at its usage limit until ${pause.until}`, {
    hint: "try again after that, or use another account",
  });
}

/** A name for the account that gives nothing away about its credential. */
function accountOf(credentials: Credentials): string {
  const secret = Object.entries(credentials.provider).sort().flat().join("\n");
  return new Bun.CryptoHasher("sha256").update(secret).digest("hex").slice(0, 16);
}
