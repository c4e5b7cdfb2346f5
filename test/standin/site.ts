/** A local GitHub with acme/site, its people, and one-line requests in their names. */
import { type Standin, type StandinOptions, startStandin } from "../../src/standin/standin.ts";

const people = ["acme", "mara", "wil", "tri", "rea", "stranger"] as const;
export type Login = (typeof people)[number];

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says by its assertions what it expects of a body
  body: any;
}

export interface Site {
  github: Standin;
  /** @param as default: acme, the owner; null: without a token. */
  ask(method: string, path: string, body?: unknown, as?: Login | null, headers?: object): Promise<Answer>;
}

export const tokenOf = (login: Login) => `token-of-${login}`;

/** mara maintains, wil writes, tri triages, rea reads; a stranger has nothing. */
export async function startSite(options: StandinOptions = {}): Promise<Site> {
  const permissions = { mara: "maintain", wil: "write", tri: "triage", rea: "read" } as const;
  const github = await startStandin({
    ...options,
    users: people.map((login) => ({ login, token: tokenOf(login) })),
    repos: [
      { name: "acme/site", files: { "README.md": "# Site\n", "src/index.ts": "export {};\n" }, permissions },
      { name: "acme/secret", private: true, files: { "README.md": "# Secret\n" }, permissions },
      { name: "acme/empty", permissions },
      { name: "acme/old", archived: true, files: { "README.md": "# Old\n" }, permissions },
      ...(options.repos ?? []),
    ],
  });
  return {
    github,
    async ask(method, path, body, as = "acme", headers = {}) {
      const response = await fetch(`${github.url}${path}`, {
        method,
        headers: { ...(as === null ? {} : { authorization: `Bearer ${tokenOf(as)}` }), ...headers },
        redirect: "manual",
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
    },
  };
}
