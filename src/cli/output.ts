/** The one place that prints: results to standard output, everything else to standard error. */
import { FleetError } from "../model/errors.ts";
import { escapedJson, printable } from "../model/text.ts";
import type { Out, Report } from "./command.ts";

/** Whoever read our standard output has gone, as `head` does: not an error, but no reason to go on. */
export class OutputClosed extends Error {}

/** @param options.color false: never; true: where standard output is a terminal that has colours and nobody said NO_COLOR */
export function createOut(options: { json: boolean; color: boolean }): Out {
  const write = (text: string) => (options.json ? Promise.resolve() : toStdout(text));
  return {
    json: options.json,
    get live() {
      return !options.json && process.stdout.isTTY === true;
    },
    color: options.color && !options.json && Bun.enableANSIColors,
    get columns() {
      return process.stdout.columns || 80;
    },
    write,
    line: (text) => write(`${text}\n`),
    note: (text) => say("info", text),
    warn: (text) => say("warn", text),
  };
}

export async function printReport(report: Report, json: boolean): Promise<void> {
  if (json) return toStdout(`${escapedJson(JSON.stringify(report.json, null, 2))}\n`);
  const text = typeof report.text === "string" ? report.text : [...report.text].join("\n");
  if (text !== "") await toStdout(text.endsWith("\n") ? text : `${text}\n`);
}

/** @throws OutputClosed when nobody reads any more, FleetError `environment` when it can't be written */
export async function toStdout(text: string): Promise<void> {
  if (text === "") return; // Bun would empty the file that it goes to, however that was opened.
  try {
    await Bun.write(Bun.stdout, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EPIPE") throw new OutputClosed();
    throw new FleetError("environment", `standard output can't be written (${code ?? String(error)})`);
  }
}

/** What can't be said on standard error can't be said at all. */
export async function toStderr(text: string): Promise<void> {
  if (text === "") return;
  await Bun.write(Bun.stderr, text).catch(() => undefined);
}

/** consola's core (its full form costs 14 ms) and one reporter: a plain line each. Loaded when something is to be said. */
async function say(level: "info" | "warn", text: string): Promise<void> {
  const { createConsola } = await import("consola/core");
  const lines: string[] = [];
  const consola = createConsola({
    reporters: [{ log: ({ type, args }) => lines.push(`${type === "warn" ? "warning: " : ""}${args.join(" ")}`) }],
  });
  consola[level](text);
  for (const line of lines) await toStderr(`${printable(line)}\n`);
}
