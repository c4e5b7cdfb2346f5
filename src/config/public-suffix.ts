/** Keeps lists of hosts from allowing everybody's names. Loaded only where a list has a suffix: the table is large. */
import { getPublicSuffix } from "tldts";
import { parseRule } from "../model/egress.ts";

/** @param rule with a dot in front. @returns why it can't be in a list, or null */
export function refusedSuffix(rule: string): string | null {
  const host = parseRule(rule)?.host ?? "";
  // Beside the registries' own: where anybody gets a name of a hoster (.github.io, .vercel.app).
  if (getPublicSuffix(host, { allowPrivateDomains: true }) !== host) return null;
  return `${rule} is a public suffix: anybody can have a name below it, and would be a way out; name the hosts`;
}
