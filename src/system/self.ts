/** Where this program itself lies, in a checkout (src/) and in the package (dist/), and how to start parts of it. */
import { dirname, join } from "node:path";

/** Whether the sources run as they are. In the package every module lies bundled and flat in dist/ (see scripts/build.ts). */
const inCheckout = import.meta.path.endsWith("/src/system/self.ts");

const folder = dirname(import.meta.path);

/** Absolute path of the package or the checkout. */
export const packageRoot = inCheckout ? dirname(dirname(folder)) : dirname(folder);

/** Absolute path of the launcher: the way to start this program again. */
export const launcher = join(packageRoot, "bin/claude-workers");

/** Absolute path of the Bun that runs us. */
export const bunPath = process.execPath;

/** Programs beside the main one, and their folder in a checkout; scripts/build.ts bundles each of them. */
const modules = { "voice-server": "agents", rehearsal: "agents", forwarder: "isolation", canary: "isolation" } as const;
export type ModuleName = keyof typeof modules;

/** Absolute path of an extra entry. */
export function moduleFile(name: ModuleName): string {
  return inCheckout ? join(packageRoot, "src", modules[name], `${name}.ts`) : join(packageRoot, "dist", `${name}.js`);
}

/**
 * Flags that keep Bun from the current directory, which here is often an agent's clone: from there it would execute the
 * preload of a bunfig.toml, read .env, and let a tsconfig.json put other files in place of ours.
 */
export function bunFlags(root: string): [string, string, string] {
  return [
    `--config=${join(root, "bin/empty-bunfig.toml")}`,
    `--tsconfig-override=${join(root, "bin/empty-tsconfig.json")}`,
    "--no-env-file",
  ];
}
