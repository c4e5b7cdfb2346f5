/** One request and one reply of the stand-in, as its operations see them. */
import type { Git } from "./git.ts";
import type { Repo, User, World } from "./world.ts";

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Call {
  world: World;
  git: Git;
  /** Where this server answers; every URL in a body begins with it. */
  origin: string;
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
  headers: Headers;
  viewer: User | undefined;
  params: Record<string, string>;
}

export interface RepoCall extends Call {
  repo: Repo;
}

export interface FieldError {
  resource: string;
  field: string;
  code: string;
  message?: string;
  value?: unknown;
}

/** A refusal in GitHub's own form; thrown by operations, turned into a reply by the server. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly errors?: FieldError[],
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }

  reply(): Reply {
    const body = {
      message: this.message,
      ...(this.errors ? { errors: this.errors } : {}),
      ...(this.headers["location"] ? { url: this.headers["location"] } : {}),
      documentation_url: "https://docs.github.com/rest",
      status: String(this.status),
    };
    return { status: this.status, body, headers: this.headers };
  }
}

export const notFound = () => new Refusal(404, "Not Found");

export function invalid(resource: string, field: string, code: string, message?: string): Refusal {
  return new Refusal(422, "Validation Failed", [{ resource, field, code, ...(message ? { message } : {}) }]);
}

/** The JSON object of a request; an absent body counts as an empty one. */
export function fields(call: Call): Record<string, unknown> {
  if (call.body === undefined) return {};
  if (call.body === null || typeof call.body !== "object" || Array.isArray(call.body)) {
    throw new Refusal(400, "Body should be a JSON object");
  }
  return call.body as Record<string, unknown>;
}

/** A text field, or undefined where it is absent; anything else is refused as GitHub does. */
export function textField(call: Call, name: string): string | undefined {
  const value = fields(call)[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") {
    throw new Refusal(422, `Invalid request.\n\nFor 'properties/${name}', ${JSON.stringify(value)} is not a string.`);
  }
  return value;
}

export function neededText(call: Call, name: string): string {
  const value = textField(call, name);
  if (value === undefined) throw new Refusal(422, `Invalid request.\n\n"${name}" wasn't supplied.`);
  return value;
}

/** The page that was asked for, with GitHub's Link header: its URLs name the repository by number. */
export function paged<T>(call: Call & { repo?: Repo }, items: T[], body: (item: T) => unknown): Reply {
  const size = positive(call.query.get("per_page"), 30, 100);
  const page = positive(call.query.get("page"), 1, Number.MAX_SAFE_INTEGER);
  const last = Math.max(1, Math.ceil(items.length / size));
  const url = (n: number) => {
    const path = call.repo ? call.path.replace(/^\/repos\/[^/]+\/[^/]+/, `/repositories/${call.repo.id}`) : call.path;
    const query = new URLSearchParams(call.query);
    query.set("page", String(n));
    return `<${call.origin}${path}?${query}>`;
  };
  const links: string[] = [];
  if (page > 1) links.push(`${url(Math.min(page - 1, last))}; rel="prev"`);
  if (page < last) links.push(`${url(page + 1)}; rel="next"`, `${url(last)}; rel="last"`);
  if (page > 1) links.push(`${url(1)}; rel="first"`);
  const shown = items.slice((page - 1) * size, page * size).map(body);
  return { status: 200, body: shown, headers: links.length > 0 ? { link: links.join(", ") } : {} };
}

function positive(text: string | null, fallback: number, most: number): number {
  const value = Number(text ?? "");
  return Number.isInteger(value) && value > 0 ? Math.min(value, most) : fallback;
}

/** One of the listed words, else the first; a word that GitHub does not know is refused. */
export function choice<T extends string>(call: Call, name: string, words: readonly [T, ...T[]]): T {
  const given = call.query.get(name);
  if (given === null || given === "") return words[0];
  const found = words.find((word) => word === given);
  if (found === undefined) throw invalid("Search", name, "invalid");
  return found;
}
