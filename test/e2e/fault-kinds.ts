/** Everything that can happen to a request, and what it means for whoever sent it. */
import type { Fault } from "../../src/standin/faults.ts";

const docs = "https://docs.github.com/rest";
const answer = (status: number, message: string, headers: Record<string, string> = {}) => ({
  ...{ status, headers },
  body: { message, documentation_url: docs, status: String(status) },
});
const secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
const inAnHour = String(Math.floor(Date.now() / 1000) + 3600);

/** `refusal`: a clear no. `wait`: a no for a time. `trouble`: may pass, and a write may have happened. */
type Class = "refusal" | "wait" | "trouble";

export const faults: Readonly<Record<string, { readonly fault: Fault["fault"]; readonly class: Class }>> = {
  "301": {
    fault: answer(301, "Moved Permanently", { location: "https://api.github.com/repositories/1" }),
    class: "refusal",
  },
  "401": { fault: answer(401, "Bad credentials"), class: "refusal" },
  "403": { fault: answer(403, "Resource not accessible by personal access token"), class: "refusal" },
  "403 limit": {
    fault: answer(403, "API rate limit exceeded for user ID 1.", {
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": inAnHour,
    }),
    class: "refusal",
  },
  "403 wait": { fault: answer(403, secondary, { "retry-after": "1" }), class: "wait" },
  "429 wait": { fault: answer(429, secondary, { "retry-after": "1" }), class: "wait" },
  "404": { fault: answer(404, "Not Found"), class: "refusal" },
  "410": { fault: answer(410, "This was deleted"), class: "refusal" },
  "422": { fault: answer(422, "Validation Failed"), class: "refusal" },
  "500": { fault: answer(500, "Server Error"), class: "trouble" },
  "502": {
    fault: { status: 502, headers: { "content-type": "text/html" }, body: "<html>Bad gateway</html>" },
    class: "trouble",
  },
  "503": { fault: answer(503, "Service Unavailable"), class: "trouble" },
  "connection broken before": { fault: "drop", class: "trouble" },
  "reply lost": { fault: "drop-after", class: "trouble" },
  "half a body": { fault: { truncate: true }, class: "trouble" },
  "no body": { fault: { empty: true }, class: "trouble" },
  "no JSON": { fault: { status: 200, body: "<html>Please sign in</html>" }, class: "trouble" },
  "no answer": { fault: { delayMs: 600_000 }, class: "trouble" },
};
