/** Labels over REST: unique without regard to case, made on first use, 404 when one that is not there is removed. */

import { neededIssue, neededViewer } from "./access.ts";
import { addLabel, createLabel, findLabel, removeLabel } from "./actions.ts";
import { labelBody } from "./bodies.ts";
import { fields, invalid, neededText, notFound, paged, Refusal, type Reply, type RepoCall, textField } from "./http.ts";
import { atLeast, type Issue, type Label, levelOf, type User } from "./world.ts";

export function listLabels(call: RepoCall): Reply {
  const all = [...call.repo.labels.values()].sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
  return paged(call, all, (label) => labelBody(call, label));
}

function neededLabel(call: RepoCall): Label {
  const label = findLabel(call.repo, call.params["name"] ?? "");
  if (!label) throw notFound();
  return label;
}

export function getLabel(call: RepoCall): Reply {
  return { status: 200, body: labelBody(call, neededLabel(call)) };
}

export function postLabel(call: RepoCall): Reply {
  const name = neededText(call, "name").trim();
  if (name === "") throw invalid("Label", "name", "missing_field");
  if (findLabel(call.repo, name)) throw invalid("Label", "name", "already_exists");
  const color = textField(call, "color") ?? "ededed";
  if (!/^[0-9a-f]{6}$/i.test(color)) throw invalid("Label", "color", "invalid");
  const description = textField(call, "description") ?? null;
  if (description !== null && description.length > 100) {
    throw invalid("Label", "description", "custom", "description is too long (maximum is 100 characters)");
  }
  const label = createLabel(call.world, call.repo, name, color.toLowerCase(), description);
  return { status: 201, body: labelBody(call, label), headers: { location: labelBody(call, label).url } };
}

function issueLabels(call: RepoCall, issue: Issue): Reply {
  return paged(call, issue.labels, (label) => labelBody(call, label));
}

export function listIssueLabels(call: RepoCall): Reply {
  return issueLabels(call, neededIssue(call));
}

/** The answer lists every label that the issue has after it, not only the added ones. */
export function addIssueLabels(call: RepoCall): Reply {
  const actor = neededViewer(call);
  const issue = neededIssue(call);
  const names = wantedLabels(call) ?? [];
  refuseNew(call, names);
  for (const name of names) addLabel(call.world, call.repo, issue, actor, name);
  return { status: 200, body: issue.labels.map((label) => labelBody(call, label)) };
}

export function removeIssueLabel(call: RepoCall): Reply {
  const actor = neededViewer(call);
  const issue = neededIssue(call);
  const label = findLabel(call.repo, call.params["name"] ?? "");
  if (!label || !issue.labels.includes(label)) throw new Refusal(404, "Label does not exist");
  removeLabel(call.world, issue, actor, label);
  return { status: 200, body: issue.labels.map((left) => labelBody(call, left)) };
}

export function replaceLabels(call: RepoCall, issue: Issue, actor: User, names: string[]): void {
  refuseNew(call, names);
  const kept = new Set(names.map((name) => name.toLowerCase()));
  for (const label of [...issue.labels]) {
    if (!kept.has(label.name.toLowerCase())) removeLabel(call.world, issue, actor, label);
  }
  for (const name of names) addLabel(call.world, call.repo, issue, actor, name);
}

/** Triage may put labels on issues; making a new one in the repository takes write. */
function refuseNew(call: RepoCall, names: string[]): void {
  if (atLeast(levelOf(call.repo, call.viewer), "write")) return;
  if (names.some((name) => !findLabel(call.repo, name))) throw new Refusal(403, "Must have push access to Repository.");
}

/** Names from `{ labels: [...] }` or a bare array, each a string or `{ name }`; undefined when none were sent. */
export function wantedLabels(call: RepoCall): string[] | undefined {
  const given = Array.isArray(call.body) ? call.body : fields(call)["labels"];
  if (given === undefined || given === null) return undefined;
  if (!Array.isArray(given)) {
    throw new Refusal(422, `Invalid request.\n\nFor 'properties/labels', ${JSON.stringify(given)} is not an array.`);
  }
  return given.map((entry: unknown) => {
    const name = typeof entry === "string" ? entry : (entry as { name?: unknown } | null)?.name;
    if (typeof name !== "string" || name.trim() === "") throw invalid("Label", "name", "missing_field");
    return name.trim();
  });
}
