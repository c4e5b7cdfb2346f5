/**
 * Puts the configuration together: flags > environment > env file > configuration file > defaults. The only reader of
 * the process's environment.
 */
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type * as z from "zod/mini";
import { FleetError } from "../model/errors.ts";
import { parseFailPoint } from "../model/fail-points.ts";
import type { AppKey } from "../model/github-app.ts";
import { sameRepo } from "../model/issue.ts";
import { nearest } from "../model/nearest.ts";
import { appKeyIn, appNames } from "./app-key.ts";
import { parseEnvFile, readConfigFile } from "./files.ts";
import { type Config, configSchema, expectedUrl, parseUrl } from "./schema.ts";

/** Where a value came from, as messages name it: `/etc/cw/config.json`, `CW_ROOT`, `--root`, `default`. */
type Origin = string;

export interface Loaded {
  readonly config: Config;
  /** Never printed, never part of a message. */
  readonly secrets: {
    readonly githubToken: string | undefined;
    readonly githubApp?: AppKey | undefined;
    /** Environment variables of the model provider: credential and endpoint. */
    readonly provider: Readonly<Record<string, string>>;
  };
  /** By dotted key (`limits.wall`) or variable (`GH_TOKEN`); what is missing is a default. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Absolute path of the configuration file, whether it exists or not. */
  readonly file: string;
  /** PATH to find tools on: absolute folders only. */
  readonly toolPath: string;
  /** The operator's HOME. */
  readonly home: string;
  /** For tests: the step at which this process kills itself. */
  readonly failPoint: string | undefined;
}

export interface LoadOptions {
  /** Values of the command line. */
  readonly flags?: { readonly root?: string | undefined; readonly config?: string | undefined };
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Absolute folder that relative paths of flags and variables start from. Default: the current one. */
  readonly cwd?: string;
}

/** Variable to key. */
export const variables: Readonly<Record<string, string>> = {
  CW_ROOT: "root",
  CW_AGENT: "agent",
  CW_ISOLATION: "isolation",
  CW_MODEL: "model",
  CW_CLAUDE: "claude.path",
  GITHUB_API_URL: "github.apiUrl",
  GITHUB_SERVER_URL: "github.serverUrl",
};
const githubTokens = ["GH_TOKEN", "GITHUB_TOKEN"] as const;
const providerNames = [
  "CLAUDE_CODE_OAUTH_TOKEN",
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_AUTH_TOKEN",
  "ANTHROPIC_BASE_URL",
] as const;

/** @throws FleetError `config`, naming the file or variable, the key, what is expected and what was found */
export async function loadConfig(options: LoadOptions = {}): Promise<Loaded> {
  const env = options.env ?? process.env;
  const cwd = options.cwd ?? process.cwd();
  const home = withoutLinks(isAbsolute(env["HOME"] ?? "") ? String(env["HOME"]) : homedir());
  const file = configFile(options.flags?.config, env, cwd, home);
  const values = readJson(file.path, file.asked);
  const envFile = join(dirname(file.path), "env");
  const settings = await readSettings(envFile, env);

  const origins = new Map<string, Origin>();
  for (const path of leaves(values)) origins.set(path, file.path);
  for (const [name, key] of Object.entries(variables)) {
    const found = settings.get(name);
    if (found) put(key, found.value, found.origin);
  }
  if (options.flags?.root !== undefined) put("root", options.flags.root, "--root");

  function put(key: string, value: string, origin: Origin): void {
    place(values, key, value);
    origins.set(key, origin);
  }

  const parsed = configSchema.safeParse(values);
  if (!parsed.success) {
    // Loaded here: only messages about mistakes need it.
    const { describeIssue } = await import("./problems.ts");
    const [issue] = parsed.error.issues;
    throw new FleetError("config", await describeIssue(issue as z.core.$ZodIssue, values, origins, file.path));
  }
  const config = parsed.data;
  const repos = Object.keys(config.repos);
  for (const [at, repo] of repos.entries()) {
    const twin = repos.slice(0, at).find((earlier) => sameRepo(earlier, repo));
    // One of the two would hold, without a word, and the other's gates be left out.
    if (twin !== undefined)
      throw new FleetError(
        "config",
        `${file.path}: repos: ${twin} and ${repo} are one repository: GitHub ignores case`,
      );
  }
  const suffixes = config.egress.allow.filter((rule) => rule.startsWith("."));
  if (suffixes.length > 0) {
    const { refusedSuffix } = await import("./public-suffix.ts");
    const refused = suffixes.map(refusedSuffix).find((reason) => reason !== null);
    if (refused) throw new FleetError("config", `${file.path}: egress.allow: ${refused}`);
  }
  const absolute = (key: string, path: string) =>
    resolve(origins.get(key) === file.path ? dirname(file.path) : cwd, path.replace(/^~(?=\/|$)/, home));
  return {
    config: {
      ...config,
      // What agents must not see is hidden by its name, and the same place has another one behind a link.
      root: withoutLinks(absolute("root", config.root)),
      claude: { path: config.claude.path === null ? null : absolute("claude.path", config.claude.path) },
    },
    secrets: await secretsOf(settings, origins, home),
    origins,
    file: file.path,
    toolPath: absoluteFolders(env["PATH"] ?? "") || "/usr/local/bin:/usr/bin:/bin",
    home,
    failPoint: failPointOf(env["CW_FAILPOINT"] || undefined),
  };
}

/** As far as it is there. */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(withoutLinks(parent), basename(path));
  }
}

function failPointOf(text: string | undefined): string | undefined {
  if (text === undefined || parseFailPoint(text)) return text;
  throw new FleetError("config", `CW_FAILPOINT: there is no fail point ${text}`, { hint: "src/model/fail-points.ts" });
}

function configFile(flag: string | undefined, env: NonNullable<LoadOptions["env"]>, cwd: string, home: string) {
  const asked = flag ?? (env["CW_CONFIG"] || undefined);
  if (asked !== undefined) return { path: resolve(cwd, asked.replace(/^~(?=\/|$)/, home)), asked: true };
  // The XDG specification: a relative path is invalid and ignored.
  const xdg = env["XDG_CONFIG_HOME"];
  const base = xdg && isAbsolute(xdg) ? xdg : join(home, ".config");
  return { path: join(base, "claude-workers/config.json"), asked: false };
}

function readJson(path: string, asked: boolean): Record<string, unknown> {
  const content = readConfigFile(path, { secret: false });
  if (content === undefined) {
    if (asked) throw new FleetError("config", `${path}: there is no such configuration file`);
    return {};
  }
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new FleetError("config", `${path}: is not JSON (${(error as Error).message})`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FleetError("config", `${path}: expected a JSON object`);
}

/** What the env file and the environment say; the environment wins, and an empty variable is none. */
async function readSettings(path: string, env: NonNullable<LoadOptions["env"]>) {
  const known = [...Object.keys(variables), ...githubTokens, ...appNames, ...providerNames];
  const settings = new Map<string, { value: string; origin: Origin }>();
  const content = readConfigFile(path, { secret: true });
  for (const [name, value] of content === undefined ? [] : parseEnvFile(path, content)) {
    if (!known.includes(name)) {
      const near = await nearest(name, known);
      throw new FleetError("config", `${path}: unknown name ${name}${near ? `; did you mean ${near}?` : ""}`);
    }
    if (value) settings.set(name, { value, origin: `${path}: ${name}` });
  }
  for (const name of known) {
    const value = env[name];
    if (value) settings.set(name, { value, origin: name });
  }
  return settings;
}

async function secretsOf(
  settings: ReadonlyMap<string, { value: string; origin: Origin }>,
  origins: Map<string, Origin>,
  home: string,
): Promise<Loaded["secrets"]> {
  const read = (name: string): string | undefined => {
    const found = settings.get(name);
    if (!found) return undefined;
    origins.set(name, found.origin);
    // The file itself, or a way to it.
    if (/\.credentials\.json$|"(?:refreshToken|claudeAiOauth)"/.test(found.value)) {
      throw new FleetError(
        "config",
        `${found.origin}: a .credentials.json is no credential for a fleet: its refresh token changes with each renewal, so copies sign each other out`,
        { hint: "claude setup-token gives one that stays" },
      );
    }
    // They go into headers and environments; what isn't plain text there is a mistake of copying, or an attack.
    if (!/^[\x21-\x7e]+$/.test(found.value)) {
      throw new FleetError("config", `${found.origin}: expected a credential: printable characters without spaces`);
    }
    return found.value;
  };
  const provider: Record<string, string> = {};
  for (const name of providerNames) {
    const value = read(name);
    if (value === undefined) continue;
    const checked = name === "ANTHROPIC_BASE_URL" ? parseUrl(value) : value;
    if (checked === undefined) throw new FleetError("config", `${origins.get(name)}: expected ${expectedUrl}`);
    provider[name] = checked;
  }
  const githubApp = await appKeyIn((name) => settings.get(name)?.value, home);
  return {
    githubToken: githubTokens.map(read).find((token) => token !== undefined),
    ...(githubApp ? { githubApp } : {}),
    provider,
  };
}

function leaves(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, path ? `${path}.${name}` : name));
}

/** Sets a dotted key. What lies in its way (a number where a group belongs) stays, for the schema to refuse. */
function place(values: Record<string, unknown>, key: string, value: string): void {
  const [first = "", second] = key.split(".");
  if (second === undefined) values[first] = value;
  else {
    const inner = values[first] ?? {};
    if (typeof inner === "object" && !Array.isArray(inner)) values[first] = { ...inner, [second]: value };
  }
}

function absoluteFolders(path: string): string {
  return path
    .split(":")
    .filter((folder) => isAbsolute(folder))
    .join(":");
}
