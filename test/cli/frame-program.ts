/** The program with a table of its own: proves the frame apart from the real commands. CW_LOADED=1 lists what was loaded. */
import { defineCommand, type LazyApp, type Out } from "../../src/cli/command.ts";
import type { Entry, Table } from "../../src/cli/commands/table.ts";
import { main } from "../../src/cli/main.ts";
import { FleetError } from "../../src/model/errors.ts";

const entry = (load: (app: LazyApp, out: Out) => ReturnType<typeof defineCommand>): Entry => ({
  summary: "A command of the tests",
  group: "Work",
  load: async () => ({ default: load }),
});

const meta = (name: string) => ({ name, description: `What ${name} does.`, example: `cw ${name}` });

const commands: Table = {
  echo: entry(() =>
    defineCommand({
      meta: meta("echo"),
      args: {
        id: { type: "positional", multiple: true, required: false, description: "whom" },
        repo: { type: "string", alias: "r", multiple: true, valueHint: "REPO", description: "where" },
        model: { type: "string", alias: "m", default: "sonnet", valueHint: "MODEL", description: "which" },
        prompt: { type: "string", alias: "p", valueHint: "TEXT", description: "what" },
        how: { type: "enum", options: ["kindly", "coldly"], description: "how" },
        "dry-run": { type: "boolean", description: "only say" },
        wait: { type: "boolean", default: true, description: "return at once" },
      },
      run: async (args) => ({ text: JSON.stringify(args), json: args }),
    }),
  ),
  two: entry(() =>
    defineCommand({
      meta: meta("two"),
      args: {
        first: { type: "positional", description: "the first" },
        second: { type: "positional", required: false, description: "the second" },
        must: { type: "string", alias: "M", required: true, valueHint: "X", description: "a must" },
      },
      run: async ({ first, second, must }) => ({
        text: [first, second ?? "none", must],
        json: { first, second, must },
        exit: "outcome",
      }),
    }),
  ),
  busy: entry(() =>
    defineCommand({
      meta: meta("busy"),
      args: {},
      run: () => Promise.reject(new FleetError("busy", "worker 01 \u001b[31mis busy\nnow", { hint: "cw stop 01" })),
    }),
  ),
  bug: entry(() =>
    defineCommand({ meta: meta("bug"), args: {}, run: () => Promise.reject(new TypeError("no such thing")) }),
  ),
  config: entry((app) =>
    defineCommand({
      meta: meta("config"),
      args: {},
      run: async () => {
        // The application of this program is what the configuration loads, seen whole.
        const { loaded } = (await app()) as unknown as { loaded: { config: { root: string; model: string } } };
        return { text: loaded.config.root, json: loaded.config };
      },
    }),
  ),
  stream: entry((_, out) =>
    defineCommand({
      meta: meta("stream"),
      args: {},
      run: async () => {
        await out.note("begins");
        await out.warn("take care");
        for (let line = 0; line < 20_000; line++) await out.line(`line ${line} ${"x".repeat(50)}`);
        return { text: "ends", json: [out.live, out.color, out.columns] };
      },
    }),
  ),
  _hidden: entry(() => defineCommand({ meta: meta("_hidden"), args: {}, run: async () => undefined })),
};

const code = await main(process.argv.slice(2), { commands, openApp: async (loaded) => ({ loaded }) as never });
if (process.env["CW_LOADED"]) await Bun.write(process.env["CW_LOADED"], Object.keys(require.cache).join("\n"));
process.exitCode = code;
