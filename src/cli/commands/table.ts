/** Every command: what it is for in one line, where help lists it, and how to load it. */
import type { CommandFactory } from "../command.ts";

/** Headings of the help, in their order. */
export const groups = ["Workers", "Work", "Look", "Try"] as const;

export interface Entry {
  /** One line of at most 60 characters. */
  readonly summary: string;
  readonly group: (typeof groups)[number];
  /** Uses a terminal where there is one, which over ssh must be asked for; a shell reads standard input, too. */
  readonly interactive?: "view" | "shell";
  readonly load: () => Promise<{ readonly default: CommandFactory }>;
}

/** By name. A name that begins with `_` is for the program itself: not listed, not suggested. */
export type Table = Readonly<Record<string, Entry>>;

export const commands: Table = {
  init: { summary: "make workers", group: "Workers", load: () => import("./init.ts") },
  refresh: {
    summary: "give workers the new template and credentials",
    group: "Workers",
    load: () => import("./refresh.ts"),
  },
  update: {
    summary: "the newest program, then refresh all workers",
    group: "Workers",
    load: () => import("./update.ts"),
  },
  shell: {
    summary: "a terminal as a worker",
    group: "Workers",
    interactive: "shell",
    load: () => import("./shell.ts"),
  },
  dispatch: {
    summary: "give a worker an issue or a task, and return",
    group: "Work",
    load: () => import("./dispatch.ts"),
  },
  stop: { summary: "end what a worker is doing", group: "Work", load: () => import("./stop.ts") },
  assign: {
    summary: "give idle workers the open issues; made for cron",
    group: "Work",
    load: () => import("./assign.ts"),
  },
  cron: { summary: "let the machine's clock run assign", group: "Work", load: () => import("./cron.ts") },
  restart: {
    summary: "go on where a stopped or crashed attempt was",
    group: "Work",
    load: () => import("./restart.ts"),
  },
  reset: { summary: "make a worker free and give its issue back", group: "Work", load: () => import("./reset.ts") },
  hosts: { summary: "other machines that have a fleet", group: "Workers", load: () => import("./hosts.ts") },
  status: { summary: "what every worker is doing", group: "Look", load: () => import("./status.ts") },
  watch: {
    summary: "follow workers to the end of their attempts",
    group: "Look",
    interactive: "view",
    load: () => import("./watch.ts"),
  },
  inspect: { summary: "what a worker did last", group: "Look", load: () => import("./inspect.ts") },
  todos: { summary: "what the agents mean to do", group: "Look", load: () => import("./todos.ts") },
  logs: { summary: "everything that an agent said", group: "Look", load: () => import("./logs.ts") },
  history: { summary: "how attempts ended", group: "Look", load: () => import("./history.ts") },
  demo: {
    summary: "the whole way on a local GitHub, in ten seconds",
    group: "Try",
    interactive: "view",
    load: () => import("./demo.ts"),
  },
  explain: {
    summary: "why an issue is, or is not, taken up",
    group: "Look",
    load: () => import("./explain.ts"),
  },
  doctor: { summary: "check each prerequisite by doing it", group: "Look", load: () => import("./doctor.ts") },
  completions: {
    summary: "complete command lines in bash, zsh or fish",
    group: "Try",
    load: () => import("./completions.ts"),
  },
  _attempt: { summary: "supervise one attempt", group: "Work", load: () => import("./_attempt.ts") },
};
