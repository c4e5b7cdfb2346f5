/** `cw restart`: goes on where a stopped or crashed attempt was. */
import { type CommandFactory, defineCommand } from "../command.ts";
import { interrupted } from "../interrupted.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "restart",
      description:
        "Goes on with a worker's last task, where it did not end well: in the agent's own session and clone, or from the beginning with --fresh.",
      example: "cw restart 01",
    },
    args: {
      id: { type: "positional", description: "the worker" },
      fresh: { type: "boolean", description: "a new session in a new clone" },
    },
    run: async ({ id, fresh }) => {
      const { remarks, repaired, ...done } = await (await app()).restart(id, { fresh, signal: interrupted() });
      for (const repair of repaired) await out.note(repair);
      for (const remark of remarks) await out.warn(remark);
      const { worker, attempt, repo, issue, pid, folder } = done;
      const what = `${repo}${issue === null ? "" : `#${issue}`}`;
      return {
        text: `worker ${worker} goes on with ${what}: attempt ${attempt}`,
        json: { worker, attempt, repo, issue, pid, folder },
      };
    },
  });
export default command;
