/** `cw todos`: what the agents mean to do. */
import { printable } from "../../model/text.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const marks: Readonly<Record<string, string>> = { completed: "[x]", in_progress: "[>]", pending: "[ ]" };

const command: CommandFactory = (app) =>
  defineCommand({
    meta: { name: "todos", description: "Shows the agents' own lists of things to do.", example: "cw todos 01" },
    args: { id: { type: "positional", required: false, description: "only this worker" } },
    run: async ({ id }) => {
      const lists = await (await app()).todos(id === undefined ? undefined : [id]);
      const text = lists.flatMap(({ worker, todos }) => [
        `worker ${worker}:${todos.length === 0 ? " nothing" : ""}`,
        ...todos.map(
          ({ subject, status }) => `  ${marks[status] ?? `[${printable(status, 20)}]`} ${printable(subject, 200)}`,
        ),
      ]);
      return { text, json: lists };
    },
  });
export default command;
