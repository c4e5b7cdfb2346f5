/** An issue that an agent proposes: its prose quoted and made harmless, and marked as what it is. */
import { printable } from "../model/text.ts";
import { harmless, quote } from "./posted-text.ts";

export function proposalTitle(title: string): string {
  return harmless(printable(title, 200).trim());
}

export function proposalBody(worker: string, attempt: string, body: string): string {
  return [
    `Proposed by worker ${worker} of a claude-workers fleet, attempt ${attempt}. Nobody has checked it yet.`,
    quote(body),
  ].join("\n\n");
}

/** Alike but for case, punctuation and spaces. */
export function sameTitle(a: string, b: string): boolean {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, " ")
      .trim();
  return plain(a) === plain(b);
}
