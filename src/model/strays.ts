/** Claims and labels on GitHub that match no running attempt of this fleet: what `status --github` adds. Pure. */
import type { Claim } from "./claim.ts";
import type { Candidate } from "./selection.ts";

export interface Stray {
  readonly repo: string;
  readonly issue: number;
  readonly what: string;
}

/**
 * @param claims of one repository, by issue
 * @param running attempts of this fleet that are not over, as `01-7`
 * @param recorded whether there is a record of an attempt of this fleet
 */
export function straysOf(
  repo: string,
  issues: readonly Candidate[],
  claims: ReadonlyMap<number, Claim | null>,
  running: ReadonlySet<string>,
  host: string,
  recorded: (attempt: string) => boolean,
): Stray[] {
  const strays: Stray[] = [];
  for (const [issue, claim] of claims) {
    if (claim?.host !== host || running.has(claim.attempt)) continue;
    if (claim.state !== "held" && claim.state !== "published") continue;
    const held = `claim ${claim.state} by attempt ${claim.attempt}`;
    const what = recorded(claim.attempt)
      ? `${held}, which is over (cw reset ${claim.worker})`
      : `${held}, of which no record is left here: after its lease cw dispatch -i ${issue} ${claim.state === "held" ? "takes" : "finishes"} it`;
    strays.push({ repo, issue, what });
  }
  for (const { number, labels } of issues) {
    for (const label of labels.filter((one) => /^worker:/i.test(one))) {
      const claim = claims.get(number);
      const worker = label.slice("worker:".length);
      if (claim && claim.worker === worker && claim.state !== "released" && claim.state !== "done") continue;
      strays.push({ repo, issue: number, what: `label ${label} without a claim: put by a person, or left over` });
    }
  }
  return strays;
}
