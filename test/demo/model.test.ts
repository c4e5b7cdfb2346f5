/** The scripted model by itself: what a client of the Messages API gets. */
import { afterAll, describe, expect, test } from "bun:test";
import { startModel } from "../../src/standin/model/model.ts";

const model = startModel({
  script: (prompt) =>
    prompt.includes("[count]")
      ? [{ text: "one", calls: [{ tool: "Bash", input: { command: "ls" } }] }, { text: "two" }]
      : [{ text: "Hello." }],
});
afterAll(() => model.close());

async function ask(messages: unknown): Promise<{ type: string; [field: string]: unknown }[]> {
  const response = await fetch(`${model.url}/v1/messages?beta=true`, {
    method: "POST",
    body: JSON.stringify({ model: "claude-sonnet-5-5", stream: true, messages }),
  });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const frames = (await response.text()).trim().split("\n\n");
  return frames.map((frame) => {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
    const event = JSON.parse(data ?? "null");
    expect(event.type).toBe(name);
    return event;
  });
}

describe("a scripted model", () => {
  test("streams a message: text, a tool, usage", async () => {
    const events = await ask([{ role: "user", content: [{ type: "text", text: "[count]" }] }]);
    expect(events.map(({ type }) => type)).toEqual([
      "message_start",
      ...["content_block_start", "content_block_delta", "content_block_stop"],
      ...["content_block_start", "content_block_delta", "content_block_stop"],
      "message_delta",
      "message_stop",
    ]);
    expect(events[0]).toMatchObject({ message: { model: "claude-sonnet-5-5", role: "assistant", content: [] } });
    expect(events[2]).toMatchObject({ index: 0, delta: { type: "text_delta", text: "one" } });
    expect(events[4]).toMatchObject({ index: 1, content_block: { type: "tool_use", name: "Bash", input: {} } });
    expect(events[5]).toMatchObject({ delta: { type: "input_json_delta", partial_json: '{"command":"ls"}' } });
    expect(events[7]).toMatchObject({
      delta: { stop_reason: "tool_use" },
      usage: { output_tokens: expect.any(Number) },
    });
  });

  test("counts its turns by the conversation, and has something to say after the last", async () => {
    const said = { role: "assistant", content: "one" };
    const prompt = { role: "user", content: "[count]" };
    const text = async (messages: unknown[]) =>
      (await ask(messages)).find(({ type }) => type === "content_block_delta")?.["delta"];
    expect(await text([prompt, said, prompt])).toMatchObject({ text: "two" });
    expect(await text([prompt, said, prompt, said, prompt])).toMatchObject({ text: "All is said." });
    expect(await text([{ role: "user", content: "Hi" }])).toMatchObject({ text: "Hello." });
  });

  test("refuses what is no message", async () => {
    const answer = async (path: string, init: RequestInit) => {
      const response = await fetch(`${model.url}${path}`, init);
      return [response.status, ((await response.json()) as { error: { type: string } }).error.type];
    };
    expect(await answer("/v1/models", {})).toEqual([404, "not_found_error"]);
    expect(await answer("/v1/messages", { method: "POST", body: "{" })).toEqual([400, "invalid_request_error"]);
    expect(await answer("/v1/messages", { method: "POST", body: '{"messages":1}' })).toEqual([
      400,
      "invalid_request_error",
    ]);
  });
});
