/**
 * build.ts [FOLDER]: bundles the programs and the library into FOLDER (default: dist/), with the declarations of the
 * library and the licences of what is in it.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { manualPage } from "./man.ts";

const root = join(import.meta.dir, "..");
const dist = resolve(process.argv[2] ?? join(root, "dist"));
// Bun names its inputs from the current directory.
process.chdir(root);
const programs = ["agents/voice-server", "agents/rehearsal", "isolation/forwarder", "isolation/canary"];
const entries = ["src/cli/main.ts", "src/index.ts", ...programs.map((program) => `src/${program}.ts`)]
  .map((entry) => join(root, entry))
  .filter((entry) => existsSync(entry));

rmSync(dist, { recursive: true, force: true });
// Lazy imports stay lazy only with splitting. Flat, since src/system/self.ts finds the package by dist/ being above it.
const built = await Bun.build({
  entrypoints: entries,
  outdir: dist,
  target: "bun",
  format: "esm",
  splitting: true,
  minify: true,
  metafile: true,
  naming: { entry: "[name].js", chunk: "[name]-[hash].js", asset: "[name]-[hash].[ext]" },
});
await Bun.write(join(dist, "cw.1"), await manualPage());
await Bun.write(join(dist, "THIRD-PARTY-LICENSES.txt"), licences(Object.keys(built.metafile?.inputs ?? {})));

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
