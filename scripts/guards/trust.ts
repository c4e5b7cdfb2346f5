/** Whose text is worked on, and what of it reaches a prompt. */
import type { Guard } from "./guard.ts";

const model = { file: "src/model/trust.ts", test: "test/model/trust.test.ts" };
const text = { file: "src/model/text.ts", test: "test/model/text.test.ts" };

export const trustGuards: readonly Guard[] = [
  {
    name: "an edit after the approval counts",
    file: "src/model/trust.ts",
    text: "editedAt !== null && editedAt >= approval.at",
    instead: 'editedAt === "never"',
    test: "test/model/trust.test.ts",
  },
  {
    name: "hidden text is taken out",
    file: "src/fleet/read-work.ts",
    text: "    return stripped.text;",
    instead: "    return text;",
    test: "test/security/issue.test.ts",
    only: "A26",
  },
  {
    name: "comments by strangers are left out",
    file: "src/fleet/read-work.ts",
    text: "people.filter((one) => writers.has(one.author))",
    instead: "people.filter((one) => writers.size >= 0 && one)",
    test: "test/security/issue.test.ts",
    only: "A30",
  },
  {
    name: "nobody knows the end of the fence",
    file: "src/fleet/prepare.ts",
    text: "nonce: crypto.randomUUID(),",
    instead: 'nonce: "NONCE",',
    test: "test/security/issue.test.ts",
    only: "S16",
  },
  {
    name: "an approval while the text was read is of another text",
    file: "src/model/trust.ts",
    text: "  if (after.approvedAt === undefined || after.approvedAt === before.approvedAt) return null;\n",
    instead: "  if (before) return null;\n",
    test: "test/security/trust.test.ts",
    only: "A31.*thousand",
  },
  {
    name: "what was read is judged once more",
    file: "src/scheduler/tick.ts",
    text: "if (doubt !== null) throw",
    instead: "if (doubt === undefined) throw",
    test: "test/e2e/fleet-trust.test.ts",
    only: "A31",
  },
  {
    name: "only a writer's approval counts",
    ...model,
    text: "  if (!approval.mayWrite)\n",
    instead: "  if (approval.at === author)\n",
  },
  {
    name: "without a configured label nobody approves",
    ...model,
    text: "  if (approvalLabel === null) return {",
    instead: "  if (approvalLabel === author) return {",
  },
  {
    name: "an edit that GitHub does not tell counts",
    ...model,
    text: 'if (editedAt === "unknown")',
    instead: 'if (editedAt === "never")',
  },
  {
    name: "an agent's proposal needs a person",
    ...model,
    text: "facts.authorMayWrite && !facts.proposed",
    instead: "facts.authorMayWrite",
  },
  {
    name: "a new title is an edit",
    file: "src/fleet/trust.ts",
    text: "edited === null || (renamedAt !== null && renamedAt > edited) ? renamedAt : edited",
    instead: "edited",
    test: "test/e2e/fleet-trust.test.ts",
    only: "A32",
  },
  {
    name: "a label that was taken back approves nothing",
    file: "src/issues/approvals.ts",
    text: '        if (event.event === "unlabeled") found = null;\n',
    instead: "",
    test: "test/e2e/fleet-trust.test.ts",
    only: "A31|A33",
  },
  {
    name: "what GitHub does not say of a right is a no",
    file: "src/issues/github.ts",
    text: 'return data.permission === "admin" || data.permission === "write";',
    instead: 'return data.permission !== "none";',
    test: "test/security/issue.test.ts",
    only: "A30",
  },
  {
    name: "hidden characters are taken out",
    ...text,
    text: "    .replace(emojiOrHidden, (_, kept?: string) => kept ?? gone())\n",
    instead: "",
  },
  {
    name: "references to hidden characters are taken out",
    ...text,
    text: "      return unseen ? gone() : whole;",
    instead: "      return unseen ? whole : whole;",
  },
  {
    name: "links that are comments are taken out",
    ...text,
    text: "    .replace(definition, gone);",
    instead: ";",
  },
  {
    name: "a comment without an end hides the rest",
    ...text,
    text: "const end = close >= 0 ? close + 3 : text.length;",
    instead: "const end = close >= 0 ? close + 3 : at;",
  },
  {
    name: "an issue is fenced",
    file: "src/model/prompt.ts",
    text: "sections.push(fence(parts.nonce, issueText(issue)));",
    instead: "sections.push(issueText(issue));",
    test: "test/model/prompt.test.ts",
  },
];
