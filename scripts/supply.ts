/**
 * What this program is made of: the lock file held to its rules, a bill of materials in dist/sbom.json (CycloneDX), and the
 * advisories of the registry. Exit 1: something is wrong; 2: the registry has no advisories to ask for, so nobody knows.
 *
 *   npm run supply
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json";

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

const root = join(import.meta.dir, "..");

/** What is wrong with a lock file, a sentence each: content that is not pinned, other sources, programs that run at install. */
export function lockProblems(lock: Lock, mayRunScripts: readonly string[]): string[] {
  return Object.entries(lock.packages).flatMap(([path, locked]) => {
    const name = path.split("node_modules/").at(-1) ?? "";
    if (name === "") return [];
    const pinned = locked.integrity?.startsWith("sha512-") === true;
    const { resolved = "https://registry.npmjs.org/", hasInstallScript = false } = locked;
    return [
      ...(pinned || unpinnedBuild(locked) ? [] : [`${name}: its content is not pinned by sha512`]),
      ...(resolved.startsWith("https://registry.npmjs.org/") ? [] : [`${name}: comes from ${resolved}`]),
      ...(hasInstallScript && !mayRunScripts.includes(name) ? [`${name}: runs a program when it is installed`] : []),
    ];
  });
}

/** A tool's build for another machine, which the registry where the lock file was made did not offer: nothing of it is published. */
function unpinnedBuild({ integrity, dev, optional }: LockedPackage): boolean {
  return integrity === undefined && dev === true && optional === true;
}

/** Ranges let a registry choose; what is written down is exact. */
export function rangeProblems(dependencies: Readonly<Record<string, string>>): string[] {
  return Object.entries(dependencies)
    .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name}: ${version} is no exact version`);
}

const lock: Lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));

/** Everything that can be found out without the network. */
export function problems(): string[] {
  const allowed = Object.entries(manifest.allowScripts).flatMap(([name, may]) => (may ? [name] : []));
  return [...rangeProblems({ ...manifest.dependencies, ...manifest.devDependencies }), ...lockProblems(lock, allowed)];
}

function npm(...args: string[]) {
  const ran = Bun.spawnSync(["npm", ...args], { cwd: root, stdout: "pipe", stderr: "pipe" });
  return { ok: ran.exitCode === 0, stdout: ran.stdout.toString(), stderr: ran.stderr.toString() };
}

function billOfMaterials(): string {
  const made = npm("sbom", "--sbom-format", "cyclonedx", "--package-lock-only");
  if (!made.ok) throw new Error(`npm sbom: ${made.stderr}`);
  mkdirSync(join(root, "dist"), { recursive: true });
  writeFileSync(join(root, "dist/sbom.json"), made.stdout);
  return `dist/sbom.json: ${JSON.parse(made.stdout).components.length} packages`;
}

/** @returns an exit code */
function advisories(): number {
  const asked = npm("audit", "--json");
  const answer = JSON.parse(asked.stdout || "{}");
  const counts: Record<string, number> | undefined = answer.metadata?.vulnerabilities;
  if (counts === undefined) {
    console.log(`advisories: NOT CHECKED, this registry answers none (${answer.message ?? "no answer"})`);
    return 2;
  }
  for (const [name, { severity }] of Object.entries<{ severity: string }>(answer.vulnerabilities)) {
    console.log(`advisory: ${name} (${severity}); npm audit has the details`);
  }
  console.log(`advisories: ${counts["total"]} for ${answer.metadata.dependencies.total} packages`);
  return counts["total"] === 0 ? 0 : 1;
}

if (import.meta.main) {
  const wrong = problems();
  for (const problem of wrong) console.log(problem);
  console.log(
    `lock file: ${wrong.length === 0 ? "every package exact, pinned by sha512, from the registry" : "see above"}`,
  );
  console.log(billOfMaterials());
  const code = advisories();
  process.exitCode = wrong.length > 0 ? 1 : code;
}
