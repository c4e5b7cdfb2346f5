/** `cw explain`: why an issue is, or is not, taken up. */
import { explanationLines } from "../../reports/explanation.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app) =>
  defineCommand({
    meta: {
      name: "explain",
      description:
        "Says why an issue is, or is not, taken up by assign: every rule with its answer, its claims, the attempts on it.",
      example: "cw explain acme/site#22",
    },
    args: { issue: { type: "positional", description: "the issue: owner/repo#N" } },
    run: async ({ issue }) => {
      const explanation = await (await app()).explain(issue);
      return { text: explanationLines(explanation), json: explanation };
    },
  });
export default command;
