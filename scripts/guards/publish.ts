/** What is published, by whom, and what of the fleet's own gets out with it. */
import type { Guard } from "./guard.ts";

export const publishGuards: readonly Guard[] = [
  {
    name: "a push moves only what is as it was",
    file: "src/store/mirror.ts",
    text: "const leases = updates.map(",
    instead: "const leases = updates.slice(updates.length).map(",
    test: "test/store/mirror.test.ts",
  },
  {
    name: "the issue is looked at before anything is published",
    file: "src/fleet/publish.ts",
    text: "    await lease.checkIssue();\n",
    instead: "",
    test: "test/security/squatted.test.ts",
    only: "while an agent",
  },
  {
    name: "what looks like a secret is masked",
    file: "src/model/redaction.ts",
    text: "const most = text.replace(shapes, masked);",
    instead: "const most = text;",
    test: "test/model/redaction.test.ts",
  },
  {
    name: "a machine's address is no option of ssh",
    file: "src/hosts/ssh.ts",
    text: '    "--",\n',
    instead: "",
    test: "test/hosts/quoting.test.ts",
  },
  {
    name: "gates run in a clean clone",
    file: "src/fleet/gates.ts",
    text: "cwd: cloneOf(attempt) };\n}\n\nconst likeAgent",
    instead: "cwd: attempt.fleet.store.paths.clone(attempt.task.worker, attempt.task.repo) };\n}\n\nconst likeAgent",
    test: "test/security/publish.test.ts",
    only: "S38",
  },
  {
    name: "a change is measured before it is written",
    file: "src/fleet/collect.ts",
    text: "if (bytes > largestChange)",
    instead: "if (bytes < 0)",
    test: "test/security/publish.test.ts",
    only: "S13",
  },
  {
    name: "a history of its own is not pushed",
    file: "src/fleet/own-commits.ts",
    text: "if (alone && again.fork === null)",
    instead: "if (alone && again.fork !== null)",
    test: "test/security/commits.test.ts",
    only: "S14",
  },
  {
    name: "the fleet's mark is proved by a secret",
    file: "src/store/workers.ts",
    text: "const { id, secret = id } = this.fleet();",
    instead: "const { id, id: secret } = this.fleet();",
    test: "test/security/issue.test.ts",
    only: "S35",
  },
  {
    name: "an update never goes back by itself",
    file: "src/fleet/update.ts",
    text: '  throw new FleetError("environment", `what is offered is older',
    instead: '  if (offered === null) throw new FleetError("environment", `what is offered is older',
    test: "test/e2e/update.test.ts",
    only: "A64",
  },
];
