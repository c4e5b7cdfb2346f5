import { describe, expect, test } from "bun:test";
import {
  decideEgress,
  domainsOf,
  type EgressRule,
  egressRules,
  parseRule,
  presetNames,
  presets,
  refusedGreeting,
} from "../../src/model/egress.ts";

const rule = (host: string, port = 443, suffix = false): EgressRule => ({ host, suffix, port });

describe("rules", () => {
  test.each([
    ["registry.npmjs.org", rule("registry.npmjs.org")],
    ["Registry.NPMjs.org", rule("registry.npmjs.org")],
    [".example.org", rule("example.org", 443, true)],
    ["db.example.org:5432", rule("db.example.org", 5432)],
    [".example.org:8443", rule("example.org", 8443, true)],
    ["10.0.0.7:5432", rule("10.0.0.7", 5432)],
    ["127.0.0.1", rule("127.0.0.1")],
    ["[::1]:8080", rule("::1", 8080)],
    ["xn--bcher-kva.example", rule("xn--bcher-kva.example")],
    ["localhost:3000", rule("localhost", 3000)],
  ])("%s", (text, expected) => {
    expect(parseRule(text)).toEqual(expected);
  });
  test.each([
    ...["", ".", "..", "*", "*.com", "*.example.org", "a..b", "-a.org", "a-.org", "a.org.", ".a.org.", "a b.org"],
    ...[
      "https://a.org",
      "a.org/x",
      "a.org:0",
      "a.org:65536",
      "a.org:x",
      "a.org:",
      ":443",
      "bücher.example",
      "a\u0000.org",
    ],
    ...["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "256.1.1.1", ".0.0.1", "::1", "[::1", "[a.org]", "user@a.org"],
    ...[`${"a".repeat(64)}.org`, `${"a.".repeat(130)}org`],
  ])("%j is none", (text) => {
    expect(parseRule(text)).toBeNull();
  });
  test("every preset is made of rules", () => {
    for (const name of presetNames) for (const text of presets[name]) expect(parseRule(text)).not.toBeNull();
    const rules = egressRules({ presets: ["node", "web"], allow: ["db.example.org:5432"] });
    expect(rules).toContainEqual(rule("registry.npmjs.org"));
    expect(rules).toContainEqual(rule("com", 443, true));
    expect(rules).toContainEqual(rule("db.example.org", 5432));
    expect(egressRules({ presets: [], allow: [] })).toEqual([]);
  });
  test("in the words of Claude's sandbox, which takes no *.com", () => {
    expect(domainsOf(egressRules({ presets: ["web"], allow: ["a.org", ".b.org", "c.org:8443"] }))).toEqual([
      "a.org",
      "*.b.org",
      "c.org:8443",
    ]);
  });
});

describe("a connection", () => {
  const rules = egressRules({
    presets: ["node"],
    allow: [".example.org", "db.example.net:5432", "10.0.0.7:5432", "[::1]:8080"],
  });
  test.each([
    "registry.npmjs.org:443",
    "REGISTRY.npmjs.ORG:443",
    "a.example.org:443",
    "a.b.example.org:443",
    "db.example.net:5432",
    "10.0.0.7:5432",
    "[::1]:8080",
  ])("A46: %s is allowed", (target) => {
    expect(decideEgress(rules, target).allowed).toBe(true);
  });
  test.each([
    ...["example.org:443", "notexample.org:443", "example.org.evil.net:443", "registry.npmjs.org.evil.net:443"],
    ...["registry.npmjs.org:80", "registry.npmjs.org:22", "db.example.net:443", "10.0.0.7:443", "10.0.0.8:5432"],
    ...["registry.npmjs.org.:443", "registry.npmjs.org", "registry.npmjs.org:443:443", "registry.npmjs.org:0443443"],
    ...["a@registry.npmjs.org:443", "registry.npmjs.org@evil.net:443", "registry.npmjs.org%00.evil.net:443"],
    ...["127.0.0.1:443", "127.1:443", "0x7f000001:443", "2130706433:443", "localhost:443", "[::ffff:10.0.0.7]:5432"],
    ...["169.254.169.254:443", "metadata.google.internal:443", "[fd00::1]:443", "0.0.0.0:443", ".example.org:443"],
    ...["", ":443", "*:443", "*.example.org:443", "1.example.org:443/x", "\u{ff52}egistry.npmjs.org:443"],
  ])("A46: %j is not", (target) => {
    const decision = decideEgress(rules, target);
    expect(decision.allowed).toBe(false);
  });
  test("a refusal names the preset that would help", () => {
    expect(decideEgress([], "pypi.org:443")).toEqual({
      allowed: false,
      reason: "not on the list of what agents may reach; the preset python has it",
    });
    expect(decideEgress([], "evil.com:443")).toEqual({
      allowed: false,
      reason: "not on the list of what agents may reach",
    });
  });
  test("an address never matches a suffix", () => {
    expect(decideEgress([rule("7", 443, true)], "10.0.0.7:443").allowed).toBe(false);
  });
});

describe("the greeting of TLS", () => {
  const greeting = (serverName: string | null, encryptedName = false) => ({ serverName, encryptedName });
  test.each([
    ["a.org", greeting("a.org"), null],
    ["a.org", greeting("A.org"), null],
    ["10.0.0.7", greeting(null), null],
    ["a.org", greeting("b.org"), "TLS for another name (b.org)"],
    ["a.org", greeting("a.org."), "TLS for another name (a.org.)"],
    ["a.org", greeting(null), "TLS for another name (none)"],
    ["a.org", greeting("a.org", true), "TLS with an encrypted name"],
    ["10.0.0.7", greeting("b.org"), "TLS for another name (b.org)"],
    ["a.org", null, "no TLS on port 443"],
  ])("A46: asked for %s, greeted %j", (host, hello, expected) => {
    expect(refusedGreeting(host, hello)).toBe(expected);
  });
});
