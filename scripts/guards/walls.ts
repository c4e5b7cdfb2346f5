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
];
