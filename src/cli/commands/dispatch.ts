/** `cw dispatch`: gives a worker a task and returns. */
import { FleetError } from "../../model/errors.ts";
import { modes } from "../../model/task.ts";
import { planLines } from "../../reports/plan.ts";
import { type CommandFactory, defineCommand } from "../command.ts";
import { parseDuration } from "../duration.ts";
import { interrupted } from "../interrupted.ts";
import { promptOf } from "../prompt.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "dispatch",
      description:
        "Takes an issue (claim and label), starts a detached, supervised agent on it and returns; the attempt ends with a pull request that GitHub confirms, or says why not. Without -i the prompt is the task.",
      example: "cw dispatch -r acme/site -i 22",
    },
    args: {
      repo: { type: "string", alias: "r", required: true, valueHint: "OWNER/REPO", description: "the repository" },
      issue: { type: "string", alias: "i", valueHint: "N", description: "the issue" },
      worker: { type: "string", alias: "w", valueHint: "ID", description: "the worker (default: the first idle one)" },
      prompt: {
        type: "string",
        alias: "p",
        valueHint: "TEXT|@FILE|-",
        description: "what to do; - reads standard input",
      },
      model: { type: "string", alias: "m", valueHint: "MODEL", description: "the agent's model" },
      mode: {
        type: "enum",
        options: modes,
        description: "update: may end in a pull request; read: answers; issue: may propose issues",
      },
      timeout: { type: "string", valueHint: "2h", description: "longest time of the agent" },
      budget: { type: "string", valueHint: "USD", description: "most money" },
      turns: { type: "string", valueHint: "N", description: "most turns" },
      "dry-run": { type: "boolean", description: "say every command and call, do none" },
    },
    run: async (args) => {
      const signal = interrupted();
      const request = {
        repo: args.repo,
        issue: args.issue,
        worker: args.worker,
        prompt: args.prompt === undefined ? undefined : await promptOf(args.prompt),
        model: args.model,
        mode: args.mode,
        timeoutMs: optional(args.timeout, "timeout", parseDuration, "a duration such as 90s, 30m, 2h"),
        budgetUsd: optional(args.budget, "budget", numberOf(/^\d+(?:\.\d+)?$/), "a number of US dollars above 0"),
        turns: optional(args.turns, "turns", numberOf(/^\d+$/), "a whole number above 0"),
        signal,
      };
      if (args["dry-run"]) {
        const plan = await (await app()).plan(request);
        return { text: planLines(plan), json: plan };
      }
      const done = await (await app()).dispatch(request);
      for (const repair of done.repaired) await out.note(repair);
      for (const remark of done.remarks) await out.warn(remark);
      const what = `${done.repo}${done.issue === null ? "" : `#${done.issue}`}`;
      const text = done.existing
        ? `${what} is being worked on already: worker ${done.worker}, attempt ${done.attempt}`
        : `worker ${done.worker} is on ${what}: attempt ${done.attempt} (cw watch ${done.worker})`;
      const { worker, attempt, repo, issue, pid, folder } = done;
      return { text, json: { worker, attempt, repo, issue, pid, folder } };
    },
  });
export default command;

function optional(
  text: string | undefined,
  flag: string,
  parse: (text: string) => number | undefined,
  expected: string,
): number | undefined {
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value !== undefined && Number.isFinite(value) && value > 0) return value;
  throw new FleetError("usage", `--${flag}: ${JSON.stringify(text.slice(0, 40))} is not ${expected}`, {
    hint: "cw dispatch --help",
  });
}

/** Digits only: `0x10`, `1e9` and blanks are mistakes that Number() takes. */
function numberOf(form: RegExp): (text: string) => number | undefined {
  return (text) => (form.test(text) ? Number(text) : undefined);
}
