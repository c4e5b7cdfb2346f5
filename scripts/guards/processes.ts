/**
 * What tells processes apart, finds them and ends them. One guard is not among them, and must never be: that no signal goes
 * to all processes or to our own group. Its test without it would send just that.
 */
import type { Guard } from "./guard.ts";

const processModel = { file: "src/model/process.ts", test: "test/model/process.test.ts" };
const tree = { file: "src/system/tree.ts", test: "test/system/tree.test.ts" };

export const processGuards: readonly Guard[] = [
  {
    name: "start times tell processes apart",
    ...processModel,
    text: "now === null || now.startTime !== one.startTime",
    instead: "now === null",
  },
  {
    name: "another boot has ended everything",
    ...processModel,
    text: '  if (one.bootId !== here.bootId) return "dead";\n',
    instead: "",
  },
  {
    name: "another machine can't be told",
    ...processModel,
    text: '  if (one.machineId !== here.machineId) return "unknown";\n',
    instead: "",
  },
  {
    name: "another pid namespace can't be told",
    ...processModel,
    text: '  if (one.pidNamespace !== here.pidNamespace) return "unknown";\n',
    instead: "",
  },
  {
    name: "a zombie is dead",
    ...processModel,
    text: 'now.state === "Z" || now.state === "X"',
    instead: 'now.state === "X"',
  },
  {
    name: "who is signalled is looked at first",
    file: "src/system/process.ts",
    text: '  if (liveness(one) !== "alive") return false;\n  try {',
    instead: "  try {",
    test: "test/system/process.test.ts",
    only: "A14|used again",
  },
  {
    name: "only a cookie of one's own counts",
    file: "src/system/process.ts",
    text: 'split("\\0").filter((one) => one.startsWith(cookieName))',
    instead: 'split("\\0").flatMap((one) => (one.includes(cookieName) ? [one.slice(one.indexOf(cookieName))] : []))',
    test: tree.test,
    only: "only mentions",
  },
  {
    name: "what left its parent is found by its cookie",
    ...tree,
    text: "return withCookie(tree.cookie, own);",
    instead: 'return withCookie("none", own);',
  },
  {
    name: "who loses its parent was seen before",
    ...tree,
    text: "let known = survivors(tree);",
    instead: "let known: readonly ProcessIdentity[] = [];",
    only: "another name",
  },
  {
    name: "children without a cookie belong to their parent",
    file: "src/system/process.ts",
    text: 'if (!found.has(child) && seen(child)?.parent === parent && liveness(identity) === "alive") take(child);',
    instead: 'if (!found.has(child) && seen(child)?.parent === parent && liveness(identity) === "dead") take(child);',
    test: tree.test,
    only: "another name",
  },
  {
    name: "KILL follows TERM",
    ...tree,
    text: 'for (const one of known) signal(one, "SIGKILL");',
    instead: 'for (const one of left) signal(one, "SIGTERM");',
    only: "ignores TERM",
  },
  {
    name: "bubblewrap dies with its parent",
    file: "src/isolation/bubblewrap.ts",
    text: '  "--die-with-parent",\n',
    instead: "",
    test: "test/isolation/killing.test.ts",
    only: "bubblewrap's parent",
  },
  {
    name: "nothing runs before it is noted",
    file: "src/system/child.ts",
    text: 'IFS= read -r go && [ "$go" = go ] && exec "$@"',
    instead: 'exec "$@"',
    test: "test/system/child.test.ts",
    only: "without",
  },
  {
    name: "what can't be noted is ended",
    file: "src/fleet/start-noted.ts",
    text: "    await endTree(tree, 0);\n",
    instead: "",
    test: "test/fleet/start-noted.test.ts",
  },
  {
    name: "no flood keeps timers waiting",
    file: "src/system/lines.ts",
    text: "if (tickerMs() - since < sliceMs) continue;",
    instead: "if (tickerMs() >= since) continue;",
    test: "test/system/lines.test.ts",
  },
  {
    name: "a line without end is not kept whole",
    file: "src/system/lines.ts",
    text: "    if (length < longestLine) parts.push(text.slice(0, longestLine - length));",
    instead: "    parts.push(text);",
    test: "test/system/lines.test.ts",
  },
  {
    name: "no end while something with the cookie lives",
    file: "src/system/tree.ts",
    text: "return withCookie(tree.cookie, own);",
    instead: 'return withCookie("none", own);',
    test: "test/e2e/hostile-tree.test.ts",
    only: "A57",
  },
  {
    name: "the git of an attempt is something of it",
    file: "src/fleet/take-up.ts",
    text: "{ ...fleet.git(credentials), ...cookie }",
    instead: "(cookie, fleet.git(credentials))",
    test: "test/e2e/fleet-orphans.test.ts",
    only: "a fetch that goes on",
  },
  {
    name: "what a dead supervisor has left alive is ended",
    file: "src/model/attempt.ts",
    text: ' || (state === "stopping" && facts.supervisor === "dead")',
    instead: "",
    test: "test/e2e/fleet-orphans.test.ts",
    only: "without a pid namespace",
  },
  {
    name: "no name of a program forges its start time",
    ...processModel,
    text: 'stat.lastIndexOf(")")',
    instead: 'stat.indexOf(")")',
  },
  {
    name: "time of another boot is none",
    ...processModel,
    text: "then.bootId === now.bootId ? now.uptimeMs - then.uptimeMs : null",
    instead: "now.uptimeMs - then.uptimeMs",
  },
  {
    name: "what is to be killed starts nothing meanwhile",
    ...tree,
    text: 'signal(one, "SIGSTOP")',
    instead: "void one",
    only: "forks as fast as it can",
  },
  {
    name: "what descends from those known before is theirs",
    ...tree,
    text: "tree.monitor, ...known]",
    instead: "tree.monitor, ...known.slice(0, 0)]",
  },
];
