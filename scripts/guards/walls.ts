/** What keeps programs inside from what no namespace covers. */
import type { Guard } from "./guard.ts";

const filter = { file: "src/isolation/seccomp.ts", test: "test/isolation/system-calls.test.ts" };

export const wallGuards: readonly Guard[] = [
  {
    name: "bubblewrap gets the filter of system calls",
    file: "src/isolation/bubblewrap.ts",
    text: '...(filter ? ["--seccomp", String(filterFd)] : []),',
    instead: "",
    test: "test/isolation/system-calls.test.ts",
    only: "S36",
  },
  {
    name: "the canary tries what the filter refuses",
    file: "src/isolation/canary.ts",
    text: "found.push(...calls());",
    instead: "calls();",
    test: "test/e2e/canary.test.ts",
    only: "S32",
  },
  {
    name: "only families that a network namespace covers",
    ...filter,
    text: "const families = [1, 2, 10, 16];",
    instead: "const families = [1, 2, 10, 16, 40];",
    only: "S37",
  },
  {
    name: "system calls by the numbers of 32-bit programs are filtered",
    ...filter,
    text: '["x64", [x64, i386]],',
    instead: '["x64", [x64, { ...i386, refused: {}, sockets: [] }]],',
    only: "S37, S36",
  },
  {
    name: "and by those of x32",
    ...filter,
    text: "  below: 0x40000000,\n",
    instead: "",
    test: "test/isolation/seccomp.test.ts",
  },
  {
    name: "the upper half of a length counts",
    ...filter,
    text: '...anyOf([0], load(at.low(1)), refuse("EINVAL")),',
    instead: "load(at.low(1)),",
    only: "S37",
  },
  {
    name: "what only root may read of /etc is masked for root's agents",
    file: "src/isolation/system-folders.ts",
    text: "...secrets.files])",
    instead: "])",
    test: "test/isolation/system-folders.test.ts",
  },
  {
    name: "who makes a secret of its memory makes none",
    ...filter,
    text: "...anyOf([0], pretend, allow)",
    instead: "allow",
    test: "test/isolation/seccomp.test.ts",
  },
  {
    name: "nothing starts inside before bubblewrap dies with us",
    file: "src/system/child.ts",
    text: "pid !== undefined && waitsForChild(Number(pid))",
    instead: "pid !== undefined && waitsForChild.length > 0",
    test: "test/e2e/hostile-tree.test.ts",
    only: "not bound to it yet",
  },
  {
    name: "nothing inside chooses what is shown as its environment",
    file: "src/isolation/seccomp.ts",
    text: 'only(memoryMap, [refuse("EPERM")])',
    instead: "only(memoryMap, [allow])",
    test: "test/isolation/seccomp.test.ts",
  },
  {
    name: "a shell has a terminal of its own",
    file: "src/system/terminal.ts",
    text: "if (isTerminal()) return await carried(command, more);",
    instead: "if (isTerminal() && more.length > 9) return await carried(command, more);",
    test: "test/e2e/shell.test.ts",
    only: "A54",
  },
  {
    name: "figures that no session can have are none",
    file: "src/agents/claude-lines.ts",
    text: "z.number().check(z.minimum(0), z.maximum(1e12))",
    instead: "z.number()",
    test: "test/security/words.test.ts",
    only: "S4",
  },
];
