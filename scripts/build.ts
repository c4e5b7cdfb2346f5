/**
 * build.ts [FOLDER]: bundles the programs and the library into FOLDER (default: dist/), with the declarations of the
 * library and the licences of what is in it.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { BunPlugin } from "bun";
import { manualPage } from "./man.ts";

const root = join(import.meta.dir, "..");
const dist = resolve(process.argv[2] ?? join(root, "dist"));
// Bun names its inputs from the current directory.
process.chdir(root);
rmSync(dist, { recursive: true, force: true });

// Flat, since src/system/self.ts finds the package by dist/ being above it.
const shared = { outdir: dist, target: "bun", minify: true, metafile: true, naming: "[name].js" } as const;
/** CommonJS, since Bun makes bytecode for nothing else without an executable. Another version of Bun reads the text. */
const withBytecode = {
  ...shared,
  format: "cjs",
  bytecode: true,
  // Bun would write down where the source lay.
  define: { "import.meta.path": "module.filename" },
} as const;

/** Packages that nearly every command needs. Each other is a file of its own, loaded when it is first used. */
const always = ["citty", "consola", "fastest-levenshtein", "ms", "zod"];
/** Of the others, those whose default is imported. */
const withDefault = ["proper-lockfile"];
const apart = new Map<string, Set<string>>();
const packagesApart: BunPlugin = {
  name: "packages apart",
  setup(build) {
    build.onResolve({ filter: /^(?:@\w|\w(?!\w*:))/ }, ({ path, importer }) => {
      // Those of a scope belong together: they share classes.
      const name = /^@?([^/]+)/.exec(path)?.[1] ?? path;
      if (!importer.startsWith(join(root, "src/")) || always.includes(name)) return undefined;
      const file = `lib-${name}.js`;
      apart.set(file, (apart.get(file) ?? new Set()).add(path));
      return { path: `./${file}`, external: true };
    });
  },
};
const programApart: BunPlugin = {
  name: "program apart",
  setup: (build) => void build.onResolve({ filter: /\/run\.ts$/ }, () => ({ path: "./run.js", external: true })),
};

const programs = ["agents/voice-server.ts", "agents/rehearsal.ts", "isolation/forwarder.ts", "isolation/canary.ts"];
const entries = (...names: string[]) => names.map((name) => join(root, "src", name)).filter((file) => existsSync(file));
const built = [
  // The first answers --version alone.
  await Bun.build({
    ...shared,
    entrypoints: entries("cli/main.ts", ...programs),
    format: "esm",
    plugins: [programApart],
  }),
  await Bun.build({ ...withBytecode, entrypoints: entries("cli/run.ts", "index.ts"), plugins: [packagesApart] }),
];
built.push(
  await Bun.build({
    ...withBytecode,
    entrypoints: [...apart.keys()].map((file) => join(root, file)),
    files: Object.fromEntries([...apart].map(([file, names]) => [join(root, file), reexport([...names])])),
  }),
);
const inputs = built.flatMap(({ metafile }) => Object.keys(metafile?.inputs ?? {}));
await Bun.write(join(dist, "cw.1"), await manualPage());
await Bun.write(join(dist, "THIRD-PARTY-LICENSES.txt"), licences(inputs));

if (existsSync(join(root, "src/index.ts"))) {
  const tsc = [
    join(root, "node_modules/.bin/tsc"),
    "-p",
    join(root, "scripts/declarations.json"),
    "--outDir",
    join(dist, "types"),
  ];
  const declarations = Bun.spawn(tsc, { stdio: ["ignore", "inherit", "inherit"] });
  if ((await declarations.exited) !== 0) process.exit(1);
}

function reexport(names: readonly string[]): string {
  return names
    .map((name) => `export * from "${name}";${withDefault.includes(name) ? ` export { default } from "${name}";` : ""}`)
    .join("\n");
}

/** Name, version and licence text of each package that a bundled file came from. */
function licences(inputs: readonly string[]): string {
  const packages = new Set<string>();
  for (const input of inputs) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (found) packages.add(join(root, found));
  }
  const sections = [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const texts = readdirSync(folder).filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file));
    const text = texts.map((file) => readFileSync(join(folder, file), "utf8").trim()).join("\n\n");
    return `${name} ${version} (${license})\n\n${text || "(the package contains no licence text)"}\n`;
  });
  return ["This package contains parts of the following.\n", ...sections].join(`\n${"-".repeat(80)}\n\n`);
}
