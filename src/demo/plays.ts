/** What the scripted model and the scripted agent do with the issues of the demo. The edits, tests and commits are real. */
import type { Turn } from "../standin/model/model.ts";
import { carried, carriedTest, filtered, filteredTest, gate } from "./project.ts";

/** @param clone absolute path of the working directory */
export type Play = (clone: string) => readonly Turn[];

/** By number of the issue. */
export const plays: Readonly<Record<number, Play>> = {
  1: (clone) =>
    change(clone, {
      look: "printf '2026-03-02 0:45 site\\n2026-03-02 0:45 docs\\n' | sh hours.sh",
      test: carriedTest,
      why: "Minutes above 59 are printed as they are; they belong to the hours.",
      program: carried,
      message: "Carry minutes above 59 over to the hours",
      summary:
        "`hours.sh` added hours and minutes apart and printed both as they were. Minutes above 59 now go to the hours. `test.sh` has the sheet of the report: it failed before, and passes now.",
    }),
  2: (clone) =>
    change(clone, {
      look: "cat README.md && git log --oneline",
      test: filteredTest,
      why: "awk can choose the lines: no task means all of them, as before.",
      program: filtered,
      message: "Add up one task alone where one is named",
      summary:
        "`sh hours.sh docs < march.txt` counts the lines of that task only; without a task nothing changes. `test.sh` has a case for it.",
    }),
  3: () => [
    voice("start", {}),
    say("I try it instead of guessing.", bash("echo '2026-03-02 1.5 site' | sh hours.sh; cat hours.sh")),
    voice("answer", {
      text: "No, and it fails silently: a time is split at the colon, so `1.5` is read as 1.5 hours without minutes, and the total is printed as `1:00` (I ran it). Write `1:30`, or open an issue if decimal hours are wanted.",
    }),
    { text: "Answered." },
  ],
};

/** For whatever else it is asked. */
export const elsewise: readonly Turn[] = [
  voice("start", {}),
  voice("fail", { reason: "I am a script that knows the three issues of the demo. A real model would work on this." }),
];

/** Looks, writes a test that fails, makes it pass, commits. */
function change(
  clone: string,
  part: { look: string; test: string; why: string; program: string; message: string; summary: string },
): Turn[] {
  return [
    voice("start", {}),
    say("I look at the report and at what there is.", bash(part.look), read(clone, "hours.sh"), read(clone, "test.sh")),
    say("First a test that fails.", write(clone, "test.sh", part.test)),
    { calls: [bash(gate)] },
    say(part.why, write(clone, "hours.sh", part.program)),
    { calls: [bash(gate)] },
    { calls: [bash(`git commit -qam '${part.message}' && git log --oneline -1`)] },
    voice("complete", { summary: part.summary }),
    { text: part.summary },
  ];
}

function say(text: string, ...calls: NonNullable<Turn["calls"]>): Turn {
  return { text, calls };
}

function voice(word: string, input: Readonly<Record<string, unknown>>): Turn {
  return { calls: [{ tool: `mcp__worker__${word}`, input }] };
}

function bash(command: string) {
  return { tool: "Bash", input: { command } };
}

function read(clone: string, file: string) {
  return { tool: "Read", input: { file_path: `${clone}/${file}` } };
}

function write(clone: string, file: string, content: string) {
  return { tool: "Write", input: { file_path: `${clone}/${file}`, content } };
}
