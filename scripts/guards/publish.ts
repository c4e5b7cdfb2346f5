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
];
