/** Every key of the configuration: what it is for, what it may be, and what it is when nobody says. */
import ms from "ms";
import * as z from "zod/mini";
import { parseRule, presetNames } from "../model/egress.ts";
import { parseRepo } from "../model/issue.ts";
import { sizeOf } from "../model/resources.ts";

/** What each key is for, and what a value must be; the documentation and the messages are made from it. */
export const about = z.registry<{ purpose: string; expected: string }>();

function key<T extends z.ZodMiniType>(schema: T, purpose: string, expected: string): T {
  about.add(schema, { purpose, expected });
  return schema;
}

const hour = 3_600_000;
/** setTimeout counts in 31 bits, and no attempt should need more. */
const longestMs = 24 * 24 * hour;

function parseDuration(value: string | number): number {
  // ms() takes any number of days and of forms; a bare number in a string is milliseconds.
  return typeof value === "number" ? value : (ms(value as ms.StringValue) ?? Number.NaN);
}

// One schema for all keys of a kind: each costs time at every start of the program, and there are dozens.
const anyDuration = z.pipe(
  z.union([z.string().check(z.minLength(1), z.maxLength(50)), z.number()]),
  z.pipe(
    z.transform(parseDuration),
    z.number().check(z.refine((value) => Number.isInteger(value) && value > 0 && value <= longestMs)),
  ),
);
const duration = (fallback: string, purpose: string) =>
  key(
    z.prefault(anyDuration, fallback),
    purpose,
    `a duration above 0 and up to 24 days, such as "90s", "30m", "2h", or a number of milliseconds`,
  );

const limit = (schema: z.ZodMiniNumber, purpose: string, expected: string) =>
  key(z._default(z.nullable(schema), null), purpose, expected);

const positive = z.int().check(z.positive());
const natural = z.int().check(z.nonnegative());
const text = z.string().check(z.refine((value) => value.trim() !== "" && !/\p{Cc}/u.test(value)));

/** Loopback as a URL's hostname writes it; anything else is somebody's network. */
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
export const expectedUrl = "an https URL (http only to loopback) without credentials, query or fragment";

/** @returns the URL without a slash at its end, or undefined when it is not {@link expectedUrl} */
export function parseUrl(value: string): string | undefined {
  const url = URL.parse(value);
  if (!url || url.username || url.password || url.search || url.hash) return undefined;
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback.test(url.hostname))) return undefined;
  return url.href.replace(/\/+$/, "");
}

const anyUrl = z.pipe(
  z.string().check(z.refine((value) => parseUrl(value) !== undefined)),
  z.transform((value) => parseUrl(value) ?? value),
);
const url = (fallback: string, purpose: string) => key(z._default(anyUrl, fallback), purpose, expectedUrl);

const size = (fallback: string, purpose: string) =>
  key(
    z._default(z.string().check(z.refine((value) => sizeOf(value, 1e15) !== undefined)), fallback),
    purpose,
    `a size such as "8G" or "512M", or a share such as "75%"`,
  );

const oneOf = <const T extends readonly [string, ...string[]]>(options: T, fallback: T[number], purpose: string) =>
  key(z._default(z.enum(options), fallback), purpose, `one of ${options.join(", ")}`);

function isRepo(value: string): boolean {
  try {
    return parseRepo(value) === value;
  } catch {
    return false;
  }
}

const repo = z.strictObject({
  gates: key(
    z._default(z.array(text), []),
    "shell commands that must succeed before anything is published; inside bubblewrap, unwalled with none, refused with settings",
    `a list of commands, such as ["npm test"]`,
  ),
  base: key(z.optional(text), "branch to start from and to merge into; default: the repository's own", "a branch name"),
  workflows: key(
    z._default(z.boolean(), false),
    "whether agents may change what GitHub runs: .github/workflows and .github/actions",
    "true or false",
  ),
});

/** A branch of keys whose defaults are those of its keys. */
const group = <T extends Record<string, z.ZodMiniType>>(shape: T) => z.prefault(z.strictObject(shape), {} as never);

export const configSchema = z.strictObject({
  root: key(z._default(text, "~/workers"), "where the workers live", "a folder"),
  agent: oneOf(["claude", "dry-run"], "claude", "who does the work; dry-run rehearses without a model"),
  isolation: oneOf(
    ["auto", "bubblewrap", "settings", "none"],
    "auto",
    "what keeps the agent in; auto takes the strongest that works here, and never none",
  ),
  model: key(
    z._default(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._:/@[\]-]{0,127}$/)), "sonnet"),
    "model of the agent, where dispatch names none",
    "the name of a model, such as sonnet",
  ),
  github: group({
    apiUrl: url("https://api.github.com", "GitHub's API; Enterprise Server: https://HOST/api/v3"),
    serverUrl: url("https://github.com", "where repositories are cloned from and pushed to"),
  }),
  claude: group({
    // Not a bare name: it would be looked up in the current directory, which may be anybody's repository.
    path: key(
      z._default(z.nullable(text.check(z.refine((value) => value.includes("/")))), null),
      "the claude executable; null: claude on PATH",
      "a path with a slash, such as /usr/local/bin/claude, or null",
    ),
  }),
  limits: group({
    start: duration("120s", "longest time from the start of the agent to its first word"),
    silence: duration("900s", "longest time that the agent says nothing; healthy ones were silent for up to 405 s"),
    wall: duration("2h", "longest time of one attempt"),
    grace: duration("10s", "time between asking the agent to end and killing it"),
    ready: duration("15s", "how long dispatch waits for the supervisor"),
    parked: duration("6h", "longest wait for the reset of a usage limit"),
    budgetUsd: limit(z.number().check(z.positive()), "most US dollars of one attempt", "a number above 0, or null"),
    turns: limit(positive, "most turns of one attempt", "a whole number above 0, or null"),
    proposals: key(
      z._default(natural, 5),
      "most issues that one attempt in the mode issue may file",
      "a whole number, 0 or more",
    ),
    memory: size("75%", "most memory of an agent and its programs, of the machine's"),
    processes: key(
      z._default(z.int().check(z.minimum(64)), 4096),
      "most processes and threads of an agent",
      "a whole number, at least 64",
    ),
    disk: size("50%", "by how much a HOME may grow in an attempt, of what is free at its start"),
    transcriptBytes: key(
      z._default(z.int().check(z.minimum(65_536), z.maximum(2 ** 40)), 67_108_864),
      "size of a transcript past which only results and usage are kept",
      "a whole number of bytes, at least 65536",
    ),
  }),
  claims: group({
    lease: duration("30m", "how long a claim on an issue holds without renewal"),
    grace: duration("60s", "time after the end of the lease before another fleet may take the issue"),
    namespace: key(
      z._default(
        z.string().check(z.regex(/^refs\/[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)+$/)),
        "refs/claude-workers/claims",
      ),
      "where the claims are kept in each repository; the same for all fleets that work on it",
      "a ref namespace, such as refs/claude-workers/claims or refs/heads/cw-claims",
    ),
  }),
  steps: group({
    prepare: duration("10m", "longest time to fetch and clone"),
    collect: duration("5m", "longest time to take the work out of the clone"),
    verify: duration("30m", "longest time to check it, gates included"),
    publish: duration("5m", "longest time to push it and to open the pull request"),
  }),
  assign: group({
    priorityLabels: key(
      z._default(z.array(text), []),
      "labels whose issues assign takes up first, most urgent first",
      `a list of labels, such as ["urgent", "bug"]`,
    ),
    approvalLabel: key(
      z._default(z.nullable(text), null),
      "label by which a person with write permission approves a stranger's issue; null: strangers' issues are left alone",
      "a label, or null",
    ),
    reserve: key(z._default(natural, 0), "idle workers that assign leaves free", "a whole number, 0 or more"),
    limit: limit(positive, "most attempts that one assign starts", "a whole number above 0, or null"),
    perRepo: limit(positive, "most attempts at once in one repository", "a whole number above 0, or null"),
  }),
  egress: group({
    presets: key(
      z._default(z.array(z.enum(presetNames)), []),
      "what agents and gates may reach besides the model; web is any .com, .io and .dev, and gives the wall up",
      `a list of ${presetNames.join(", ")}`,
    ),
    allow: key(
      z._default(z.array(z.string().check(z.refine((value) => parseRule(value) !== null))), []),
      "more hosts for them: a name, .name for all below it, an address; with :PORT where it is not 443",
      `a list of hosts, such as ["registry.example.org", ".example.org", "10.0.0.7:5432"]`,
    ),
  }),
  repos: key(
    z._default(z.record(z.string().check(z.refine(isRepo)), repo), {}),
    "settings of single repositories, by owner/name",
    `an object of repositories, such as {"acme/site": {"gates": ["npm test"]}}`,
  ),
});

/** The configuration as the program uses it: durations in milliseconds, paths absolute, URLs without a slash at the end. */
export type Config = z.infer<typeof configSchema>;
