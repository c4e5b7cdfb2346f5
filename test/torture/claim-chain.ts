/** What the claims of an issue say of each other. */
import { isDeepStrictEqual } from "node:util";
import type { Claim } from "../../src/model/claim.ts";

/** Whether a claim says again, under the epoch of an acquisition that was undone, all that this one had found. */
export function givesBack(claim: Claim, found: Claim | null | undefined, epoch: number): boolean {
  return found != null && isDeepStrictEqual(said(claim), { ...said(found), epoch });
}

/** Without what makes each commit another. */
function said({ nonce: _, ...rest }: Claim): Omit<Claim, "nonce"> {
  return rest;
}
