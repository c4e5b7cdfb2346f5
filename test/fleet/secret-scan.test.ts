/** The whole scan with the real rule set. Secrets are put together here, so that no scanner takes them for real. */
import { describe, expect, test } from "bun:test";
import { secretInChange, secretInText } from "../../src/fleet/secret-scan.ts";

const s = (...parts: string[]) => parts.join("");
const change = (lines: readonly string[], name = "src/a.ts") =>
  [`diff --git a/${name} b/${name}`, `--- a/${name}`, `+++ b/${name}`, `@@ -0,0 +1,${lines.length} @@`]
    .concat(lines.map((line) => `+${line}`))
    .join("\n");
const letters = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hJ3lM6";

describe("A47: the rule set", () => {
  test.each([
    ["sendgrid", s("S", "G.", letters.slice(0, 22), ".", letters, letters.slice(0, 7))],
    ["gitlab", s("gl", "pat-", letters.slice(0, 20))],
    ["basicauth", s("https://", "deploy:", letters.slice(0, 16), "@registry.acme.io/x")],
  ])("%s", async (rule, secret) => {
    const diff = change(["one", `key = "${secret}"`, "three"]);
    expect(await secretInChange(diff, [])).toEqual({ what: `a secret (${rule})`, file: "src/a.ts", line: 2 });
    expect(await secretInText(`Use ${secret} for it`, [])).toBe(`a secret (${rule})`);
  });

  test("a comment in the change does not switch it off", async () => {
    const secret = s("gl", "pat-", letters.slice(0, 20));
    const found = await secretInChange(
      change(["// secretlint-disable", `key = "${secret}" // secretlint-disable-line`]),
      [],
    );
    expect(found?.line).toBe(2);
  });

  test("what leads nowhere is no secret, and does not hide one that is", async () => {
    const nowhere = s("postgres://", "postgres:", "postgres@localhost:5432/test");
    expect(await secretInChange(change([nowhere]), [])).toBeNull();
    const secret = s("gl", "pat-", letters.slice(0, 20));
    expect((await secretInChange(change([nowhere, secret]), []))?.line).toBe(2);
  });

  test("ten megabytes: the last line is found, in bounded time and memory", async () => {
    const secret = s("gl", "pat-", letters.slice(0, 20));
    const line = "const answer = compute(first, 'x_y-z', 1234); // nothing here";
    const diff = change([...Array<string>(170_000).fill(line), secret]);
    const before = process.memoryUsage().rss;
    const started = performance.now();
    expect((await secretInChange(diff, ["a-credential-of-this-fleet-123456"]))?.line).toBe(170_001);
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(250e6);
  }, 30_000);

  test.each(["a=", "https://a:", s("gl", "pat-"), "aws_secret_access_key = ", " ", "-----BEGIN "])(
    "two megabytes of %j on one line",
    async (part) => {
      const started = performance.now();
      await secretInChange(change([part.repeat(2e6 / part.length)]), []);
      expect(performance.now() - started).toBeLessThan(5000);
    },
    20_000,
  );
});
