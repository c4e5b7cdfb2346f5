/** Which connections an agent may open: the rules, what a preset stands for, and the decision about one. Pure. */

/** One line of the list. `suffix`: every name below `host`, but not `host` itself. */
export interface EgressRule {
  /** Lower case, no dot at either end; an IPv6 address without its brackets. */
  readonly host: string;
  readonly suffix: boolean;
  readonly port: number;
}

/** Loopback ports inside the isolation. It has a loopback of its own, so they are in nobody's way but the agent's. */
export const egressPorts = { proxy: 3128, model: 4010 } as const;

/** What an operator picks by name. Names alone decide, not methods: nothing that takes uploads is in a preset. */
export const presets = {
  node: ["registry.npmjs.org", "registry.yarnpkg.com", "nodejs.org"],
  python: ["pypi.org", "files.pythonhosted.org"],
  rust: ["index.crates.io", "static.crates.io", "static.rust-lang.org"],
  go: ["proxy.golang.org", "sum.golang.org"],
  debian: ["deb.debian.org", "security.debian.org"],
  docs: [
    "developer.mozilla.org",
    "docs.python.org",
    "doc.rust-lang.org",
    "docs.rs",
    "go.dev",
    "pkg.go.dev",
    "nodejs.org",
    "bun.com",
    "www.typescriptlang.org",
    "man7.org",
  ],
  /** Gives the wall up: who owns one name below these owns a way out. */
  web: [".com", ".io", ".dev"],
} as const satisfies Record<string, readonly string[]>;
type Preset = keyof typeof presets;
export const presetNames = Object.keys(presets) as [Preset, ...Preset[]];

const hostName = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?)*$/;
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const ipv6 = /^[0-9a-f:]*:[0-9a-f:]*(?:\d+(?:\.\d+){3})?$/;
const httpsPort = 443;

/** @param text `registry.example.org`, `.example.org` (all below it), either with `:PORT`; an address only as it is. @returns null when it is none of these */
export function parseRule(text: string): EgressRule | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text.toLowerCase());
  const port = Number(match?.[3] ?? httpsPort);
  if (!match || port < 1 || port > 65_535) return null;
  if (match[1] !== undefined) return ipv6.test(match[1]) ? { host: match[1], suffix: false, port } : null;
  const name = match[2] ?? "";
  const suffix = name.startsWith(".");
  const host = suffix ? name.slice(1) : name;
  if (!hostName.test(host)) return null;
  // Numbers alone are an address, in one of many spellings: only the plain one, and never as a suffix.
  if (/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(host)) return ipv4.test(host) && !suffix ? { host, suffix, port } : null;
  return { host, suffix, port };
}

/** What an attempt may reach besides its model. @param settings as the configuration has them, checked */
export function egressRules(settings: {
  readonly presets: readonly Preset[];
  readonly allow: readonly string[];
}): EgressRule[] {
  const named = settings.presets.flatMap((name): readonly string[] => presets[name]);
  return [...named, ...settings.allow].flatMap((text) => parseRule(text) ?? []);
}

export type EgressDecision =
  | { readonly allowed: true; readonly host: string; readonly port: number; readonly literal: boolean }
  | { readonly allowed: false; readonly reason: string };

/** @param target `host:port` as the client of the proxy wrote it: hostile */
export function decideEgress(rules: readonly EgressRule[], target: string): EgressDecision {
  const found = /:\d{1,5}$/.test(target) ? parseRule(target) : null;
  if (found === null || found.suffix) return { allowed: false, reason: "this is no host and port" };
  const { host, port } = found;
  const literal = isAddress(host);
  const matches = rules.some(
    (rule) => rule.port === port && (rule.suffix ? !literal && host.endsWith(`.${rule.host}`) : rule.host === host),
  );
  if (matches) return { allowed: true, host, port, literal };
  const preset = presetNames.find((name) => name !== "web" && presets[name].some((one) => one === host));
  const hint = preset && port === httpsPort ? `; the preset ${preset} has it` : "";
  return { allowed: false, reason: `not on the list of what agents may reach${hint}` };
}

/** Whether rules name this very address, which then may be a private one. */
export function namesAddress(rules: readonly EgressRule[], address: string, port: number): boolean {
  return rules.some((rule) => !rule.suffix && rule.host === address && rule.port === port);
}

function isAddress(host: string): boolean {
  return ipv4.test(host) || host.includes(":");
}

/** The greeting of a TLS connection as far as it says where it leads. */
export interface TlsGreeting {
  readonly serverName: string | null;
  /** The true name may be another, encrypted one. */
  readonly encryptedName: boolean;
}

/**
 * On port 443 nothing but TLS with the very name that was asked for: many sites share an address, and the name inside decides
 * which one answers. Other ports have to be named by the operator, with whatever is spoken there.
 * @returns why it is refused, or null
 */
export function refusedGreeting(host: string, greeting: TlsGreeting | null): string | null {
  if (greeting === null) return "no TLS on port 443";
  if (greeting.encryptedName) return "TLS with an encrypted name";
  if (greeting.serverName?.toLowerCase() === host) return null;
  if (greeting.serverName === null && isAddress(host)) return null;
  return `TLS for another name (${greeting.serverName ?? "none"})`;
}

/** The rules in the words of Claude's own sandbox, which knows no wildcard as wide as `web`. */
export function domainsOf(rules: readonly EgressRule[]): string[] {
  return rules
    .filter(({ host, suffix }) => !suffix || host.includes("."))
    .map(({ host, suffix, port }) => `${suffix ? "*." : ""}${host}${port === httpsPort ? "" : `:${port}`}`);
}

/** Where the supervisor listens for an agent, and what leads there inside. @param model also to the model */
export function forwardsOf(folder: string, model: boolean): { port: number; socket: string }[] {
  return [
    { port: egressPorts.proxy, socket: `${folder}/egress.sock` },
    ...(model ? [{ port: egressPorts.model, socket: `${folder}/model.sock` }] : []),
  ];
}

/** What makes programs inside use the proxy. Every spelling has its programs; npm, pip, cargo, go, git and curl are served. */
export const proxyVariables = {
  HTTP_PROXY: `http://127.0.0.1:${egressPorts.proxy}`,
  HTTPS_PROXY: `http://127.0.0.1:${egressPorts.proxy}`,
  NO_PROXY: "localhost,127.0.0.1,::1",
  NODE_USE_ENV_PROXY: "1",
  http_proxy: `http://127.0.0.1:${egressPorts.proxy}`,
  https_proxy: `http://127.0.0.1:${egressPorts.proxy}`,
  no_proxy: "localhost,127.0.0.1,::1",
} as const;
