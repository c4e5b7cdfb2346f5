/** Holds the rules of docs/architecture.md: who may import whom, what may stand where, what a command must have. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { globalArgs, parseArgs } from "../src/cli/args.ts";
import type { LazyApp, Out } from "../src/cli/command.ts";
import { commands } from "../src/cli/commands/table.ts";

const root = join(import.meta.dir, "..");
const files = [...new Bun.Glob("src/**/*.ts").scanSync(root)].sort();
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** Which layers a layer may import; types are free, since they vanish. */
const layers: Record<string, readonly string[]> = {
  model: ["model"],
  reports: ["reports", "model"],
  config: ["config", "model"],
  system: ["system", "model"],
  store: ["store", "system", "model"],
  issues: ["issues", "system", "model"],
  agents: ["agents", "system", "model"],
  isolation: ["isolation", "system", "model"],
  hosts: ["hosts", "system", "model"],
  // What an attempt writes on GitHub, and where it is, are reports too.
  fleet: ["fleet", "reports", "store", "system", "model"],
  scheduler: ["scheduler", "fleet", "store", "system", "model"],
  cli: ["cli", "app", "config", "scheduler", "fleet", "reports", "system", "model"],
  app: ["config", "scheduler", "fleet", "store", "issues", "agents", "isolation", "hosts", "system", "model"],
  index: ["app", "config", "scheduler", "fleet", "store", "system", "model"],
  standin: ["standin", "system", "model"],
  demo: ["demo", "standin", "app", "config", "scheduler", "fleet", "store", "reports", "agents", "system", "model"],
};
/** The one command that may use the local GitHub. */
const demo = "src/cli/commands/demo.ts";
/** Packages of the pure layers. */
const purePackages = ["zod", "zod/mini", "cron-parser", "fastest-levenshtein", "node:path"];

/** `src/fleet/stop.ts` belongs to `fleet`, `src/app.ts` to `app`. */
const layerOf = (file: string) => (file.split("/")[1] ?? "").replace(/\.ts$/, "");

interface Import {
  readonly path: string;
  readonly lazy: boolean;
}
const transpiler = new Bun.Transpiler({ loader: "ts" });
const imports = new Map(
  files.map((file) => {
    const found: Import[] = transpiler.scanImports(read(file)).map(({ path, kind }) => ({
      path: path.startsWith(".") ? relative(root, resolve(root, dirname(file), path)) : path,
      lazy: kind === "dynamic-import",
    }));
    return [file, found] as const;
  }),
);
const importsOf = (file: string) => imports.get(file) ?? [];

/** Lines of code that match, as `file:line`. Comments are taken out; strings are not. */
function linesWith(pattern: RegExp, allowed: (file: string) => boolean): string[] {
  return files
    .filter((file) => !allowed(file))
    .flatMap((file) => {
      const code = read(file).replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""));
      return code
        .split("\n")
        .map((line) => line.replace(/(^|\s)\/\/.*$/, ""))
        .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []));
    });
}

const importing = (pattern: RegExp, allowed: (file: string) => boolean) =>
  files
    .filter((file) => !allowed(file))
    .flatMap((file) => importsOf(file).flatMap(({ path }) => (pattern.test(path) ? [`${file} imports ${path}`] : [])));

describe("layers", () => {
  test("every folder of src is a layer", () => {
    expect(files.filter((file) => !Object.hasOwn(layers, layerOf(file)))).toEqual([]);
  });

  test("a layer imports only what it may", () => {
    const wrong = files.flatMap((file) => {
      const allowed = layers[file === demo ? "demo" : layerOf(file)] ?? [];
      return importsOf(file)
        .filter(({ path }) => path.startsWith("src/"))
        .filter(({ path }) => !allowed.includes(layerOf(path)) && !(file === demo && layerOf(path) === "cli"))
        .map(({ path }) => `${file} imports ${path}`);
    });
    expect(wrong).toEqual([]);
  });

  test("model and reports are pure", () => {
    const pure = (file: string) => ["model", "reports"].includes(layerOf(file));
    const wrong = files.filter(pure).flatMap((file) =>
      importsOf(file)
        .filter(({ path }) => !path.startsWith("src/") && !purePackages.includes(path))
        .map(({ path }) => `${file} imports ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  test("cli imports the application lazily", () => {
    const wrong = files
      .filter((file) => layerOf(file) === "cli")
      .filter((file) => importsOf(file).some(({ path, lazy }) => path === "src/app.ts" && !lazy));
    expect(wrong).toEqual([]);
  });

  test("there are no import cycles", () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const walk = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file].join(" -> "));
      if (trail.includes(file) || done.has(file)) return;
      for (const { path, lazy } of importsOf(file)) if (!lazy && path.startsWith("src/")) walk(path, [...trail, file]);
      done.add(file);
    };
    for (const file of files) walk(file, []);
    expect(cycles).toEqual([]);
  });

  test("the local GitHub belongs to the demo and the tests", () => {
    const wrong = importing(/^src\/standin\//, (file) => ["standin", "demo"].includes(layerOf(file)) || file === demo);
    expect(wrong).toEqual([]);
  });
});

describe("places", () => {
  const standin = (file: string) => layerOf(file) === "standin";
  // Programs of their own, which run inside the isolation.
  const inside = ["src/agents/voice-server.ts", "src/isolation/canary.ts", "src/isolation/forwarder.ts"];
  const program = (file: string) => layerOf(file) === "cli" || inside.includes(file);

  test("console, arguments and exit codes only in cli", () => {
    expect(linesWith(/\bconsole\b|\bprocess\.exit(?:Code)?\b/, program)).toEqual([]);
    expect(linesWith(/\b(?:process|Bun)\.argv\b/, program)).toEqual([]);
  });
  test("the environment only in config/load.ts", () => {
    const allowed = (file: string) => standin(file) || file === "src/config/load.ts" || inside.includes(file);
    expect(linesWith(/\b(?:process|Bun|import\.meta)\.env\b/, allowed)).toEqual([]);
  });
  test("the clock only in system/clock.ts", () => {
    const allowed = (file: string) => standin(file) || file === "src/system/clock.ts";
    expect(linesWith(/\bDate\.now\b|\bnew Date\(\)|\bperformance\.|\bBun\.nanoseconds\b/, allowed)).toEqual([]);
  });
  test("execa only in system/tools.ts", () => {
    expect(importing(/^execa$/, (file) => file === "src/system/tools.ts")).toEqual([]);
  });
  test("Octokit only in issues", () => {
    expect(importing(/^@?octokit/, (file) => layerOf(file) === "issues")).toEqual([]);
  });
  test("no file of src is over 300 lines", () => {
    const lengths = files.map((file) => [file, read(file).split("\n").length - 1] as const);
    expect(lengths.filter(([, lines]) => lines > 300)).toEqual([]);
  });
  test("no drawers", () => {
    const drawer = /(?:^|\/)(?:utils?|helpers?|lib|types|common|misc|shared)(?:\/|\.ts$)/;
    expect(files.filter((file) => drawer.test(file))).toEqual([]);
  });
  test("nothing refers to a folder beside the project", () => {
    const outside = new RegExp(["\\.\\.", "shared\\b"].join("/"));
    const text = ["*", "{bin,docs,scripts,src,templates,test,.ci}/**"]
      .flatMap((glob) => [...new Bun.Glob(glob).scanSync({ cwd: root, dot: true })])
      .filter((file) => !file.endsWith(".tgz"));
    expect(text.length).toBeGreaterThan(files.length);
    expect(text.filter((file) => outside.test(read(file)))).toEqual([]);
  });
});

describe("commands", () => {
  const names = Object.keys(commands);
  const shown = names.filter((name) => !name.startsWith("_"));
  const tests = [...new Bun.Glob("test/**/*.test.ts").scanSync(root)];
  const load = async (name: string) => {
    const app: LazyApp = () => Promise.reject(new Error("not opened here"));
    return (await commands[name]?.load())?.default(app, {} as Out);
  };

  test("every file of src/cli/commands is a command of the table", () => {
    const present = files.filter((file) => file.startsWith("src/cli/commands/")).map((file) => basename(file, ".ts"));
    const listed = names.map((name) => name.replace(/^_/, ""));
    expect(present.filter((name) => name !== "table" && !listed.includes(name.replace(/^_/, "")))).toEqual([]);
  });

  for (const name of names) {
    test(`${name}: name, description, flags and an example that is valid`, async () => {
      const command = await load(name);
      expect(command?.meta.name).toBe(name);
      expect(command?.meta.description).toMatch(/\w/);
      expect(commands[name]?.summary.length).toBeLessThanOrEqual(60);
      const args = command?.args ?? {};
      const short = Object.values({ ...globalArgs, ...args }).flatMap((arg) => ("alias" in arg ? [arg.alias] : []));
      expect(new Set(short).size).toBe(short.length);
      for (const [flag, arg] of Object.entries(args)) {
        expect(flag).toMatch(/^[a-z][a-z-]*$/);
        expect(Object.hasOwn(globalArgs, flag)).toBe(false);
        expect(arg.description).toMatch(/\w/);
      }
      // Up to the first pipe or redirection, quotes taken off: what the shell would hand over.
      const words = (command?.meta.example.split(/ [|<>]/)[0] ?? "").match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
      expect(words.slice(0, 2)).toEqual(["cw", name]);
      const given = words.slice(2).map((word) => word.replace(/^(["'])(.*)\1$/, "$2"));
      await parseArgs(given, { ...globalArgs, ...args }, "");
    });
  }

  for (const name of shown) {
    test(`${name}: a test that runs it and a row in the README`, () => {
      expect(tests.some((file) => new RegExp(`\\(\\s*\\[\\s*"${name}"`).test(read(file)))).toBe(true);
      const readme = existsSync(join(root, "README.md")) ? read("README.md") : "";
      expect(readme).toMatch(new RegExp(`^\\| *\`(?:cw )?${name}\\b`, "m"));
    });
  }
});
