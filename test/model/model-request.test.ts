import { describe, expect, test } from "bun:test";
import { isPassed, refusedInRequest } from "../../src/model/model-request.ts";
import { held } from "../support/attack.ts";

const ask = (more: object = {}) => ({
  model: "m",
  max_tokens: 1,
  messages: [{ role: "user", content: "hi" }],
  ...more,
});
const saying = (...content: object[]) => ask({ messages: [{ role: "user", content }] });

test("what Claude Code asks is passed", () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "" } };
  const asked = [
    ask(),
    ask({ system: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }] }),
    ask({
      tools: [
        { name: "Bash", input_schema: {} },
        { type: "custom", name: "Read" },
        { type: "bash_20250124", name: "bash" },
      ],
    }),
    saying({ type: "text", text: "see https://example.org" }, image),
    saying({ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "x" }, image] }),
    // What a tool was called with may look like anything.
    ask({
      messages: [
        {
          role: "assistant",
          content: [{ type: "tool_use", id: "t", name: "x", input: { source: { type: "url", url: "https://x" } } }],
        },
      ],
    }),
    ask({ mcp_servers: [] }),
  ];
  expect(asked.map(refusedInRequest)).toEqual(asked.map(() => null));
  const paths = ["/v1/messages", "/v1/messages/count_tokens"];
  expect(paths.map((path) => isPassed("POST", path))).toEqual([true, true]);
  expect([isPassed("HEAD", "/api/hello"), isPassed("GET", "/v1/models/claude-x")]).toEqual([true, true]);
});

describe("S31: the provider as a way out", () => {
  test("S31: tools that run there, and content that it fetches", () => {
    const url = { type: "url", url: "https://evil.example/?secret" };
    const nested = (inner: object) => ({ type: "tool_result", tool_use_id: "t", content: [inner] });
    const attacks: unknown[] = [
      ...["web_search_20250305", "web_fetch_20250910", "code_execution_20250825", "mcp_toolset", "advisor_1", ""].map(
        (type) => ask({ tools: [{ name: "ok" }, { type, name: "x" }] }),
      ),
      ask({ tools: [{ type: ["custom"], name: "x" }] }),
      ask({ tools: { type: "web_search_20250305" } }),
      ask({ tools: ["web_search"] }),
      ask({ mcp_servers: [{ type: "url", url: "https://evil.example" }] }),
      ask({ mcp_servers: { url: "https://evil.example" } }),
      ask({ container: "c" }),
      saying({ type: "image", source: url }),
      saying({ type: "document", source: url }),
      saying({ type: "document", source: { type: "file", file_id: "f" } }),
      saying({ type: "document", source: { type: "content", content: [{ type: "image", source: url }] } }),
      saying({ type: "document", source: { url: "https://evil.example" } }),
      saying({ type: "container_upload", file_id: "f" }),
      saying(nested({ type: "image", source: url })),
      saying(nested(nested({ type: "image", source: url }))),
      saying({ type: "new_kind", source: url }),
      ask({ system: [{ type: "image", source: url }] }),
      ask({ messages: { 0: { role: "user", content: [{ type: "image", source: url }] } } }),
      Array.from({ length: 12 }).reduce<object>((inner) => nested(inner), { type: "text" }),
      null,
      [],
      "x",
    ];
    const deep = saying(
      Array.from({ length: 12 }).reduce<object>((inner) => nested(inner), { type: "text", text: "x" }),
    );
    const passed = [...attacks, deep].filter((attack) => refusedInRequest(attack) === null);
    held(
      "S31",
      attacks.length + 1,
      passed.map((one) => JSON.stringify(one)),
    );
  });

  test("S31: other parts of its interface", () => {
    const attacks: [string, string][] = [
      ...["/v1/files", "/v1/messages/batches", "/v1/organizations/me", "/v1/skills", "/api/oauth/profile"].flatMap(
        (path): [string, string][] => [
          ["GET", path],
          ["POST", path],
        ],
      ),
      ["DELETE", "/v1/messages"],
      ["PUT", "/v1/messages"],
      ["GET", "/v1/messages"],
      ["POST", "/v1/messages/"],
      ["POST", "/v1/messages/../files"],
      ["POST", "/v1/messages%2f..%2ffiles"],
      ["POST", "//evil.example/v1/messages"],
      ["GET", "/v1/models/../files"],
      ["GET", "/v1/models/a/b"],
      ["POST", "/v1/complete"],
    ];
    held(
      "S31",
      attacks.length,
      attacks.filter(([method, path]) => isPassed(method, path)).map((one) => one.join(" ")),
    );
  });
});
