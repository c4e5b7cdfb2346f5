/** An issue that an agent proposes: its prose quoted and made harmless, and marked as what it is. */
import { quote } from "./pull-request.ts";

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
