/** `cw completions`: what a shell needs to complete a command line. */
import { completions, shells } from "../../reports/completions.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app, out) =>
  defineCommand({
    meta: {
      name: "completions",
      description:
        "Prints completions for bash, zsh or fish. In ~/.bashrc or ~/.zshrc: source <(cw completions bash); for fish into ~/.config/fish/completions/cw.fish.",
      example: "cw completions bash",
    },
    args: { shell: { type: "positional", options: shells, description: "which shell" } },
    run: async ({ shell }) => {
      const { programShape } = await import("../shape.ts");
      const { commands } = await import("./table.ts");
      const text = completions(shell, await programShape(commands, app, out));
      return { text, json: { shell, text } };
    },
  });
export default command;
