/** What an agent finds around itself: no process, place, terminal or setting that was not meant for it. */
import type { Guard } from "./guard.ts";

export const isolationGuards: readonly Guard[] = [
  {
    name: "protected files are mounts",
    file: "src/isolation/bubblewrap.ts",
    text: "        ...protection(space),\n",
    instead: "",
    test: "test/isolation/hostile.test.ts",
    only: "A18",
  },
  {
    name: "processes of the host are not there",
    file: "src/isolation/bubblewrap.ts",
    text: '  "--unshare-pid",\n',
    instead: "",
    test: "test/security/inside.test.ts",
    only: "A44",
  },
  {
    name: "the program inside has no terminal",
    file: "src/isolation/bubblewrap.ts",
    text: '...(space.terminal ? [] : ["--new-session"]),',
    instead: "",
    test: "test/isolation/bubblewrap.test.ts",
  },
  {
    name: "hidden places inside of shown ones are hidden",
    file: "src/isolation/bubblewrap.ts",
    text: '...hidden.map((path) => ({ path, args: ["--tmpfs", path] })),',
    instead: "",
    test: "test/isolation/hostile.test.ts",
    only: "A44",
  },
  {
    name: "settings of the repository are not read",
    file: "src/agents/claude.ts",
    text: '    "--setting-sources",\n    "user",\n',
    instead: "",
    test: "test/security/policy.test.ts",
  },
  {
    name: "no way out of Claude's sandbox",
    file: "src/agents/claude-policy.ts",
    text: "allowUnsandboxedCommands: false",
    instead: "allowUnsandboxedCommands: true",
    test: "test/agents/claude.test.ts",
  },
  {
    name: "only what is on the list comes from the provider's settings",
    file: "src/agents/environment.ts",
    text: "    providerNames.flatMap((name) => {",
    instead: "    (Object.keys(request.provider) as typeof providerNames[number][]).flatMap((name) => {",
    test: "test/agents/claude.test.ts",
    only: "A52",
  },
];
