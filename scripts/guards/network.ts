/** What keeps an agent's connections to its model and to what the operator named, and what tries the walls. */
import type { Guard } from "./guard.ts";

const proxy = { file: "src/isolation/egress-proxy.ts", test: "test/security/network.test.ts" };
const gateway = { file: "src/isolation/model-gateway.ts", test: "test/isolation/model-gateway.test.ts" };

export const networkGuards: readonly Guard[] = [
  {
    name: "agents have a network of their own",
    file: "src/isolation/bubblewrap.ts",
    text: '  "--unshare-net",\n',
    instead: "",
    test: "test/security/network.test.ts",
    only: "A45",
  },
  {
    name: "the canary is asked before the agent starts",
    file: "src/fleet/run-agent.ts",
    text: "if (isolation.ownNetwork) await tryIsolation(",
    instead: "if (isolation.pidNamespace === null) await tryIsolation(",
    test: "test/e2e/canary.test.ts",
    only: "S32",
  },
  {
    name: "only what the rules match is connected",
    file: "src/model/egress.ts",
    text: "if (matches) return",
    instead: "if (matches || rules.length > 0) return",
    test: "test/security/network.test.ts",
  },
  {
    name: "names that lead to addresses that are not public are refused",
    ...proxy,
    text: "if (inward !== undefined)",
    instead: "if (inward === host)",
    only: "A46",
  },
  {
    name: "the greeting of TLS is read on port 443",
    ...proxy,
    text: "if (port === 443) {",
    instead: "if (port === 0) {",
    only: "A46",
  },
  {
    name: "the name of TLS is the one that was asked for",
    file: "src/model/egress.ts",
    text: "  if (greeting.serverName?.toLowerCase() === host) return null;",
    instead: "  return null;",
    test: "test/security/network.test.ts",
    only: "A46",
  },
  {
    name: "an encrypted name is refused",
    file: "src/model/egress.ts",
    text: "if (greeting.encryptedName)",
    instead: "if (false as boolean)",
    test: "test/security/network.test.ts",
    only: "A46",
  },
  {
    name: "public suffixes are refused by the configuration",
    file: "src/config/load.ts",
    text: "if (suffixes.length > 0)",
    instead: "if (suffixes.length > 1000)",
    test: "test/e2e/egress.test.ts",
    only: "A46",
  },
  {
    name: "the git that takes the work out has no network",
    file: "src/fleet/collect.ts",
    text: 'runInside(attempt, inside, "collect", timeoutMs * 0.9, paths.bundle)',
    instead:
      'runInside(attempt, inside, "collect", timeoutMs * 0.9, paths.bundle, attempt.ending, [{ port: 3128, socket: "/dev/null" }])',
    test: "test/e2e/egress.test.ts",
    only: "no network",
  },
  {
    name: "the agent gets a placeholder for the model's credential",
    file: "src/fleet/network.ts",
    text: "credentials.map(({ name, placeholder }) => [name, placeholder])",
    instead: "credentials.map(({ name, value }) => [name, value])",
    test: "test/e2e/claude.test.ts",
    only: "A48",
  },
  {
    name: "only messages are passed to the model's provider",
    ...gateway,
    text: "if (!isPassed(request.method, pathname))",
    instead: "if (pathname === null)",
    only: "S31",
  },
  {
    name: "other credentials than the placeholder are refused",
    ...gateway,
    text: "if (headers === null)",
    instead: "if (false)",
    only: "A48",
  },
  {
    name: "what the provider would fetch is refused",
    ...gateway,
    text: "refusedInRequest(parsed);",
    instead: "null;",
    only: "S31",
  },
  {
    name: "what was looked at is what is sent to the provider",
    ...gateway,
    text: "    body = JSON.stringify(parsed);",
    instead: "    body = text;",
    only: "S31",
  },
];
