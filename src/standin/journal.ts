/** Everything that was asked of the stand-in and what it answered, for assertions. Tokens never appear in clear. */
import type { GitPhase } from "./faults.ts";

export interface JournalEntry {
  kind: "rest" | "graphql" | "git";
  method: string;
  /** Without the /api/v3 prefix and the query; as it was sent, so still percent-encoded. */
  path: string;
  query: Record<string, string>;
  body: unknown;
  /** 0 when the connection was dropped before anything was answered. */
  status: number;
  /** Whose token it was; undefined without one. */
  login: string | undefined;
  headers: Record<string, string>;
  responseHeaders: Record<string, string>;
  /** The JSON that was (or, with a lost reply, would have been) answered; of a 304 too. */
  response: unknown;
  /** Which part of the git protocol. */
  phase: GitPhase | undefined;
  /** True when an injected fault changed this exchange. */
  faulty: boolean;
}

export interface CallFilter {
  method?: string;
  path?: RegExp | string;
  kind?: JournalEntry["kind"];
  login?: string;
  status?: number;
}

const keptHeaders = ["accept", "content-type", "user-agent", "if-none-match", "x-github-api-version", "git-protocol"];

export class Journal {
  readonly entries: JournalEntry[] = [];

  constructor(private readonly tokens: Map<string, string>) {}

  add(entry: JournalEntry): void {
    this.entries.push(this.#scrubbed(entry));
  }

  calls(filter: CallFilter = {}): JournalEntry[] {
    return this.entries.filter(
      (entry) =>
        (filter.method === undefined || entry.method === filter.method) &&
        (filter.kind === undefined || entry.kind === filter.kind) &&
        (filter.login === undefined || entry.login === filter.login) &&
        (filter.status === undefined || entry.status === filter.status) &&
        (filter.path === undefined ||
          (typeof filter.path === "string" ? entry.path === filter.path : filter.path.test(entry.path))),
    );
  }

  clear(): void {
    this.entries.length = 0;
  }

  /** A token that a caller put into a path or a body stays visible as a leak, but not readable. */
  #scrubbed(entry: JournalEntry): JournalEntry {
    let text = JSON.stringify(entry);
    let leaked = false;
    for (const [token, login] of this.tokens) {
      if (!text.includes(token)) continue;
      leaked = true;
      text = text.replaceAll(token, `<token of ${login}>`);
    }
    return leaked ? (JSON.parse(text) as JournalEntry) : entry;
  }
}

export function journalHeaders(headers: Headers): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of keptHeaders) {
    const value = headers.get(name);
    if (value !== null) kept[name] = value;
  }
  const scheme = headers.get("authorization")?.split(" ")[0];
  if (scheme !== undefined) kept["authorization"] = scheme;
  return kept;
}
