/** What GitHub refused, in the product's own terms. Its words are kept: they are what the user searches for. */
import { FleetError } from "../model/errors.ts";

interface Refusal {
  readonly status: number;
  readonly write: boolean;
  /** Asked with a token of an App. */
  readonly ofApp: boolean;
  readonly message: string;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
}

/** Status and words of a failed request; status 0 when no answer came. Null for what is not a request's failure. */
function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof Error) || !("status" in error) || typeof error.status !== "number") return null;
  const response =
    "response" in error && typeof error.response === "object" && error.response !== null ? error.response : null;
  const headers = response && "headers" in response ? (response.headers as Refusal["headers"]) : {};
  const request = "request" in error ? (error.request as { method?: string }) : {};
  const write = request.method !== undefined && request.method !== "GET";
  // Octokit calls a lost connection 500; only an answer has headers.
  const status = response === null ? 0 : error.status;
  return { status, write, ofApp: "ofApp" in error, message: error.message, headers };
}

/** GitHub may or may not have done what was asked: read back before anything else. */
export function isUnclear(error: unknown): boolean {
  const refusal = refusalOf(error);
  return (
    refusal !== null &&
    (refusal.status === 0 || refusal.status >= 500 || refusal.status === 409 || refusal.status === 422)
  );
}

export function hasStatus(error: unknown, ...statuses: readonly number[]): boolean {
  const refusal = refusalOf(error);
  return refusal !== null && statuses.includes(refusal.status);
}

/** Not allowed, rather than too often. */
export function isForbidden(error: unknown): boolean {
  const refusal = refusalOf(error);
  return refusal?.status === 403 && rateLimitWait(refusal) === null;
}

/** No token in the environment takes the place of an App's. */
const hintsOf = (ofApp: boolean) => ({
  credentials: ofApp ? "check GITHUB_APP_ID and its key: cw doctor" : "export GH_TOKEN=... and try again",
  permissions: `the ${ofApp ? "App" : "token"} needs Contents, Issues and Pull requests: read and write`,
});

/** @param what was asked for, as in "issue acme/site#22" */
export function githubFailure(error: unknown, what: string): unknown {
  const refusal = refusalOf(error);
  if (refusal === null) return error;
  const { credentials, permissions } = hintsOf(refusal.ofApp);
  const words = refusal.message.replace(/ - https:\/\/docs\.github\.com\S*$/, "");
  const fail = (code: "auth" | "notFound" | "github", message: string, hint?: string) =>
    new FleetError(code, message, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
      definite: isDefinite(refusal),
    });
  switch (refusal.status) {
    case 0:
      return fail("github", `no answer from GitHub for ${what}: ${words}`, "check the connection, then try again");
    case 401:
      return fail("auth", `GitHub refuses the credentials: ${words}`, credentials);
    case 403:
    case 429: {
      const wait = rateLimitWait(refusal);
      if (wait !== null) return fail("github", `GitHub's rate limit is used up (${what}): ${words}`, wait);
      return fail("auth", `GitHub forbids it (${what}): ${words}`, permissions);
    }
    case 301:
    case 302:
    case 307:
    case 308:
      return fail("notFound", `${what} has moved to another place`, "use its new name");
    case 404:
      // What was just read can't be missing: so does GitHub speak of a right that a token does not have.
      if (refusal.write) return fail("auth", `GitHub does not let the token write (${what}): ${words}`, permissions);
      return fail(
        "notFound",
        `${what} does not exist, or the token can't see it`,
        "check the name, and what the token may read",
      );
    case 410:
      return fail("notFound", `${what} is gone: ${words}`, "take another issue, or enable issues in the repository");
    default:
      return fail(
        "github",
        `GitHub failed (${refusal.status}, ${what}): ${words}`,
        refusal.status >= 500 ? "try again later" : "cw doctor",
      );
  }
}

/** Of a write: neither credentials, nor haste, nor trouble of GitHub's own, nor there already: there is none, and will be none. */
function isDefinite(refusal: Refusal): boolean {
  const { status, message, write } = refusal;
  if (!write) return false;
  if (status === 422 && /already exists/i.test(message)) return false;
  return status >= 400 && status < 500 && status !== 401 && rateLimitWait(refusal) === null;
}

/** Tells a rate limit from a missing permission, by GitHub's own headers. @returns what to do, or null */
function rateLimitWait(refusal: Refusal): string | null {
  const after = refusal.headers["retry-after"];
  if (after !== undefined) return `try again in ${after} s`;
  if (String(refusal.headers["x-ratelimit-remaining"]) === "0") {
    const reset = Number(refusal.headers["x-ratelimit-reset"]);
    return Number.isFinite(reset) ? `try again after ${new Date(reset * 1000).toISOString()}` : "try again in an hour";
  }
  return refusal.status === 429 || /secondary rate limit|abuse/i.test(refusal.message) ? "try again in a minute" : null;
}
