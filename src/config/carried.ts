/** What a process needs that is to run with the same settings, and without today's environment. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { type Loaded, variables } from "./load.ts";

/** Credentials are not part of it: those are stored with the workers. */
export function carried({ config, origins, file }: Pick<Loaded, "config" | "origins" | "file">): {
  flags: string[];
  env: Record<string, string>;
} {
  const set = Object.entries(variables).filter(([name, key]) => key !== "root" && origins.get(key) === name);
  const values = set.map(([name, key]) => [name, String(valueAt(config, key))]);
  const there = existsSync(file);
  return {
    flags: ["--root", config.root, ...(there ? ["--config", file] : [])],
    // Where no configuration file is, an env file beside it may be.
    env: { ...(there ? {} : { XDG_CONFIG_HOME: dirname(dirname(file)) }), ...Object.fromEntries(values) },
  };
}

function valueAt(value: unknown, key: string): unknown {
  return key.split(".").reduce((inner, part) => (inner as Record<string, unknown>)[part], value);
}
