/** Two claims of the same words would be one commit: who made it could not be told. */
import { expect, test } from "bun:test";
import { message } from "../../src/fleet/hold.ts";

test("each claim has a nonce of its own", () => {
  const place = { repo: "acme/site", issue: 1, namespace: "refs/claude-workers/claims" };
  const holder = { worker: "01", attempt: "01-1", host: "a-fleet", leaseMs: 1, graceMs: 1 };
  const nonces = Array.from({ length: 1000 }, () => message(place, holder, "held", 1).nonce);
  expect(new Set(nonces).size).toBe(1000);
});
