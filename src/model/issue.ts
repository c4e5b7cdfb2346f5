/** A GitHub repository and an issue in it: their strict forms, and the snapshot that an attempt works from. */
import * as z from "zod/mini";
import { FleetError } from "./errors.ts";

const owner = /^[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}$/;
const name = /^[A-Za-z0-9_.-]{1,100}$/;

/** `owner/name`. @throws FleetError `usage` */
export function parseRepo(text: string): string {
  const parts = text.split("/");
  const [first = "", second = ""] = parts;
  // GitHub has no repository of these names, and as a folder they would mean another place.
  const special = second === "." || second === ".." || /\.git$|\.wiki$/i.test(second) || second.startsWith("-");
  if (parts.length === 2 && owner.test(first) && name.test(second) && !special) return text;
  throw new FleetError("usage", `not a repository: ${JSON.stringify(text.slice(0, 120))}: expected owner/name`, {
    hint: "cw dispatch -r acme/site -i 22",
  });
}

/** A positive whole number without sign, exponent or leading zero, below 2^31. @throws FleetError `usage` */
export function parseIssueNumber(text: string): number {
  const number = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number < 2 ** 31) return number;
  throw new FleetError(
    "usage",
    `not an issue number: ${JSON.stringify(text.slice(0, 40))}: expected a number such as 22`,
    {
      hint: "cw dispatch -r acme/site -i 22",
    },
  );
}

/** Whether an agent wrote it: filed by a fleet, under a login that may write, so that the author alone proves nothing. */
export function isProposal(body: string): boolean {
  return body.startsWith("<!-- claude-workers:");
}

/** Where two spellings mean one repository: GitHub's names ignore case. */
export function sameRepo(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

const comment = z.looseObject({ author: z.string(), createdAt: z.string(), body: z.string() });

/**
 * `snapshot.json`: what GitHub said when the attempt was dispatched, read once. Title, body and comments are a
 * stranger's text, of which only what GitHub shows is in it.
 */
export const snapshotSchema = z.looseObject({
  version: z.literal(1),
  readAt: z.string(),
  repository: z.looseObject({
    nodeId: z.string(),
    fullName: z.string(),
    defaultBranch: z.string(),
    private: z.boolean(),
  }),
  issue: z.nullable(
    z.looseObject({
      nodeId: z.string(),
      number: z.number(),
      title: z.string(),
      body: z.string(),
      author: z.string(),
      url: z.string(),
      /** As they were then. Absent in what was written before there was this field. */
      labels: z.optional(z.array(z.string())),
      /** Hidden characters of title, body and comments, and words that GitHub does not show. */
      hidden: z.number(),
      /** Only those whose author may write to the repository. */
      comments: z.array(comment),
      commentsLeftOut: z.number(),
    }),
  ),
});
export type Snapshot = z.infer<typeof snapshotSchema>;
export type IssueSnapshot = NonNullable<Snapshot["issue"]>;
