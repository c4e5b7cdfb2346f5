/**
 * The tables of the documentation that are made from the code: commands, configuration, exit codes, outcomes; and the one of
 * the torture run, from its ledger.
 *
 *   bun scripts/tables.ts        writes them between `<!-- table: NAME -->` and `<!-- end of table -->`
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import type { LazyApp, Out } from "../src/cli/command.ts";
import { commands, groups } from "../src/cli/commands/table.ts";
import { about, configSchema } from "../src/config/schema.ts";
import { presetNames, presets } from "../src/model/egress.ts";
import { exitCodes } from "../src/model/errors.ts";
import { outcomes } from "../src/model/outcome.ts";
import { attacks, idsInSource, notApplying, open } from "../test/security/attacks.ts";
import { readLedger, tableRows } from "../test/torture/ledger.ts";
import { suites } from "../test/torture/suites.ts";

const root = join(import.meta.dir, "..");
/** Which file holds which tables. */
export const places: Readonly<Record<string, readonly string[]>> = {
  "README.md": ["commands", "configuration", "exit codes"],
  "docs/isolation.md": ["presets"],
  "docs/lifecycle.md": ["outcomes"],
  "docs/reliability.md": ["torture"],
  "docs/security.md": ["attacks"],
};

export async function makeTables(): Promise<Readonly<Record<string, string>>> {
  const torture = tableRows(suites, readLedger());
  return {
    commands: table(["command", "what it does"], await commandRows()),
    configuration: table(["key", "default", "what it is for"], keyRows(configSchema, "")),
    "exit codes": table(["code", "name", "when"], exitRows()),
    presets: table(
      ["preset", "hosts"],
      presetNames.map((name) => [`\`${name}\``, presets[name].map((host) => `\`${host}\``).join(" ")]),
    ),
    attacks: table(["", "attack", "held by"], attackRows()),
    outcomes: table(["outcome", "meaning", "label `worker:NN`", "claim", "`watch` ends with"], outcomeRows()),
    torture: table(torture.head, torture.rows),
  };
}

/** The text with its tables made anew. @throws Error when one has no place in it */
export function withTables(text: string, names: readonly string[], tables: Readonly<Record<string, string>>): string {
  return names.reduce((before, name) => {
    const place = new RegExp(`(<!-- table: ${name} -->\n)[\\s\\S]*?(<!-- end of table -->)`);
    if (!place.test(before)) throw new Error(`there is no place for the table ${name}`);
    return before.replace(place, (_, begin: string, end: string) => `${begin}\n${tables[name]}\n\n${end}`);
  }, text);
}

async function commandRows(): Promise<string[][]> {
  const app: LazyApp = () => Promise.reject(new Error("not opened here"));
  const shown = groups.flatMap((group) =>
    Object.entries(commands).filter(([name, entry]) => !name.startsWith("_") && entry.group === group),
  );
  return await Promise.all(
    shown.map(async ([, { load }]) => {
      const { meta } = (await load()).default(app, {} as Out);
      return [`\`${meta.example}\``, meta.description];
    }),
  );
}

function keyRows(schema: z.ZodMiniType, path: string): string[][] {
  const { inner, fallback } = unwrapped(schema);
  const said = path === "" ? undefined : about.get(schema);
  const row = said ? [[`\`${path}\``, fallback, said.purpose]] : [];
  if (inner instanceof z.ZodMiniObject) {
    const keys = Object.entries(inner.shape) as [string, z.ZodMiniType][];
    return [...row, ...keys.flatMap(([name, value]) => keyRows(value, path === "" ? name : `${path}.${name}`))];
  }
  if (inner instanceof z.ZodMiniRecord) return [...row, ...keyRows(inner.def.valueType as z.ZodMiniType, `${path}.*`)];
  return row;
}

function unwrapped(schema: z.ZodMiniType): { inner: z.ZodMiniType; fallback: string } {
  if (schema instanceof z.ZodMiniDefault || schema instanceof z.ZodMiniPrefault) {
    const { inner } = unwrapped(schema.def.innerType as z.ZodMiniType);
    return { inner, fallback: `\`${JSON.stringify(schema.def.defaultValue)}\`` };
  }
  return { inner: schema, fallback: "" };
}

function exitRows(): string[][] {
  const when: Record<keyof typeof exitCodes, string> = {
    ok: "done; `watch` and `demo`: delivered, answered or simulated; `assign` with nothing to do",
    bug: "anything unexpected: a stack, and where to report it",
    usage: "an unknown command or flag (with the nearest name), a bad id, repository, issue or model",
    notFound: "no such worker, task, attempt, issue or repository",
    busy: "the worker or the issue is taken, or the account at its limit",
    environment: "a tool, the isolation or the disk is not as needed",
    auth: "GitHub or the model provider refuses the credentials, or there are none",
    github: "GitHub failed or refused, in its own words",
    outcome: "`watch` and `demo`: an attempt ended in any other outcome",
    config: "the configuration is wrong: file, key, what is expected",
  };
  return Object.entries(exitCodes).map(([name, code]) => [String(code), name, when[name as keyof typeof exitCodes]]);
}

function outcomeRows(): string[][] {
  return Object.entries(outcomes).map(([name, { meaning, label, claim, good }]) => [
    `\`${name}\``,
    meaning,
    label,
    claim,
    String(good ? exitCodes.ok : exitCodes.outcome),
  ]);
}

/** By the names of the tests, so that a test that goes takes its line along. */
function attackRows(): string[][] {
  const holding = new Map<string, string[]>();
  for (const file of [...new Bun.Glob("test/**/*.test.ts").scanSync(root)].sort())
    for (const id of idsInSource(readFileSync(join(root, file), "utf8")))
      holding.set(id, [...(holding.get(id) ?? []), file]);
  const link = (file: string) => `[${file.replace(/^test\/|\.test\.ts$/g, "")}](../${file})`;
  return Object.entries(attacks).map(([id, attack]) => {
    const tests = (holding.get(id) ?? []).map(link).join(", ");
    if (open[id] !== undefined) return [id, attack, `**open**: ${open[id]}`];
    if (tests !== "") return [id, attack, tests];
    return [id, attack, `not here: ${notApplying[id]}`];
  });
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

if (import.meta.main) {
  const tables = await makeTables();
  for (const [file, names] of Object.entries(places)) {
    const path = join(root, file);
    writeFileSync(path, withTables(readFileSync(path, "utf8"), names, tables));
  }
}
